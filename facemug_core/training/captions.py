"""Captions of faces from facts about them, in many wordings; and their vocabulary.

A caption states the facts in its `asserts`. Wordings marked `unseen` never occur in training; retrieval is
evaluated on them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ..editing.clip import words_of
from .draws import Draw
from .facts import ATTRIBUTES, UNKNOWN

Item = TypeVar("Item")
Levels = NDArray[np.int64]


@dataclass(frozen=True)
class Wording:
    """Wordings of a level."""

    adjectives: tuple[str, ...] = ()
    """Words before the noun."""
    phrases: tuple[str, ...] = ()
    """Phrases after the noun."""
    unseen: tuple[str, ...] = ()
    """Phrases for evaluation alone."""


def _say(text: str) -> Wording:
    """ "adjective, adjective | phrase, phrase | unseen, unseen"."""
    parts = [tuple(filter(None, map(str.strip, part.split(",")))) for part in text.split("|")]
    return Wording(*parts)


NOUNS: Mapping[tuple[int, int], str] = MappingProxyType(
    {
        (0, 0): "girl, child, kid",
        (1, 0): "boy, child, kid",
        (0, 1): "young woman, young lady, young female",
        (1, 1): "young man, young guy, young male",
        (0, 2): "middle aged woman, adult woman, mature woman",
        (1, 2): "middle aged man, adult man, mature man",
        (0, 3): "old woman, elderly woman, senior woman, old lady, grandmother",
        (1, 3): "old man, elderly man, senior man, grandfather",
        (0, UNKNOWN): "woman, lady, female, feminine face, female person",
        (1, UNKNOWN): "man, guy, male, masculine face, male person",
        (UNKNOWN, 0): "child, kid, young child, little child",
        (UNKNOWN, 1): "young person, young face, young adult, youthful face",
        (UNKNOWN, 2): "middle aged person, adult, mature face, middle aged face",
        (UNKNOWN, 3): "old person, old face, elderly person, senior, aged face",
        (UNKNOWN, UNKNOWN): "face, person, face, portrait, human face",
    }
)
"""Nouns by gender and age, either of which may be `UNKNOWN`."""

WORDINGS: Mapping[str, tuple[Wording, ...]] = MappingProxyType(
    {
        "smile": (
            _say(
                "serious, unsmiling, stern | not smiling, without a smile, with no smile, looking serious, "
                "with a serious expression | with a stern look, who does not smile"
            ),
            _say(
                "smiling, happy, cheerful, laughing | with a smile, with a big smile, who is smiling, "
                "with a happy expression, smile, grin, with a grin | with a cheerful smile, who smiles"
            ),
        ),
        "mouth": (
            _say("| with closed mouth, mouth closed, with closed lips, mouth shut | with a shut mouth"),
            _say(
                "| with open mouth, mouth open, with an open mouth, showing teeth, teeth | with teeth showing"
            ),
        ),
        "eyes": (
            _say("| with narrow eyes, small eyes, squinting, half closed eyes | with squinting eyes"),
            _say("| with big eyes, wide open eyes, large eyes, eyes wide open | with large open eyes"),
        ),
        "turn": (
            _say("| looking left, turned to the left, facing left, head turned left | who looks left"),
            _say("| looking right, turned to the right, facing right, head turned right | who looks right"),
        ),
        "nod": (
            _say("| looking down, head down, facing down | who looks down"),
            _say("| looking up, head up, facing up | who looks up"),
        ),
        "glasses": (
            _say(
                "| without glasses, no glasses, not wearing glasses, with no glasses | who wears no glasses"
            ),
            _say(
                "| with glasses, wearing glasses, eyeglasses, glasses, with spectacles, with eyeglasses "
                "| who wears glasses, wearing spectacles"
            ),
        ),
        "hair_length": (
            _say(
                "short haired | with short hair, short hair, hair is short, with a short haircut "
                "| whose hair is short"
            ),
            _say(
                "long haired | with long hair, long hair, hair is long, very long hair | whose hair is long"
            ),
        ),
        "hair_color": (
            _say(
                "black haired | with black hair, black hair, dark hair, hair is black, with jet black hair "
                "| whose hair is black"
            ),
            _say(
                "brown haired, brunette | with brown hair, brown hair, with brunette hair, hair is brown, "
                "chestnut hair | whose hair is brown"
            ),
            _say(
                "blond, blonde, blond haired | with blond hair, blonde hair, blond hair, with golden hair, "
                "fair hair, hair is blond, light hair, yellow hair | whose hair is blond"
            ),
            _say(
                "red haired, ginger | with red hair, red hair, ginger hair, hair is red, with ginger hair "
                "| whose hair is red"
            ),
            _say(
                "gray haired, grey haired | with gray hair, gray hair, grey hair, hair is gray "
                "| whose hair is gray"
            ),
            _say("white haired | with white hair, white hair, hair is white | whose hair is white"),
        ),
        "hair_volume": (
            _say(
                "| with thin hair, thin hair, flat hair, with little hair, receding hair | who has thin hair"
            ),
            _say(
                "| with thick hair, voluminous hair, big hair, with lots of hair, thick hair "
                "| who has voluminous hair"
            ),
        ),
        "fringe": (
            _say(
                "| without bangs, no fringe, forehead free, with bare forehead, no bangs | without a fringe"
            ),
            _say(
                "| with bangs, with a fringe, bangs, fringe, hair on the forehead | with hair on the forehead"
            ),
        ),
        "curl": (
            _say("| with straight hair, straight hair, sleek hair, smooth hair | whose hair is straight"),
            _say(
                "| with curly hair, curly hair, wavy hair, with curls, with wavy hair | whose hair is curly"
            ),
        ),
        "lips_color": (
            _say("| without lipstick, no lipstick, pale lips, no makeup, without makeup | with no lipstick"),
            _say(
                "| with lipstick, red lips, red lipstick, wearing lipstick, with makeup, wearing makeup, "
                "lipstick | with red lips"
            ),
        ),
        "lips": (
            _say("| with thin lips, thin lips, narrow lips | who has thin lips"),
            _say("| with full lips, full lips, big lips, thick lips | who has full lips"),
        ),
        "skin": (
            _say("dark skinned | with dark skin, dark skin, brown skin, tanned skin | whose skin is dark"),
            _say(
                "light skinned, pale | with light skin, pale skin, light skin, fair skin, white skin "
                "| whose skin is light"
            ),
        ),
        "width": (
            _say("slim | with a narrow face, slim face, thin face | whose face is narrow"),
            _say("chubby | with a wide face, round face, chubby face, broad face | whose face is wide"),
        ),
        "nose": (
            _say("| with a small nose, small nose, little nose | who has a small nose"),
            _say("| with a big nose, big nose, large nose | who has a big nose"),
        ),
        "brows": (
            _say("| with thin eyebrows, thin eyebrows, thin brows, faint eyebrows | who has thin eyebrows"),
            _say(
                "| with thick eyebrows, thick eyebrows, bushy eyebrows, thick brows, strong eyebrows "
                "| who has thick eyebrows"
            ),
        ),
        "light": (
            _say("| lit from the right, light from the right | with light from the right"),
            _say("| lit from the left, light from the left | with light from the left"),
        ),
        "beard": (
            _say(
                "clean shaven, beardless | without a beard, no beard, with no beard, clean shaven, shaved "
                "| who has no beard"
            ),
            _say(
                "bearded, unshaven | with a beard, beard, full beard, with facial hair, with stubble, "
                "with a dark beard | who has a beard"
            ),
        ),
        "hat": (
            _say("| without a hat, no hat, not wearing a hat | who wears no hat"),
            _say("| with a hat, wearing a hat, hat, wearing a cap, cap | who wears a hat"),
        ),
        "earrings": (
            _say("| without earrings, no earrings | who wears no earrings"),
            _say("| with earrings, wearing earrings, earrings | who wears earrings"),
        ),
        "background": (
            _say(
                "| black background, dark background, in front of a black background | on a dark background"
            ),
            _say("| white background, in front of a white background | on a white background"),
            _say("| gray background, grey background, in front of a gray background | on a gray background"),
            _say(
                "| green background, in front of a green background, outdoors in the green "
                "| on a green background"
            ),
            _say("| blue background, in front of a blue background | on a blue background"),
            _say(
                "| brown background, in front of a brown background, warm background | on a brown background"
            ),
        ),
    }
)
"""Wordings of the levels of each attribute; gender and age are in the noun."""

UNSEEN = tuple(phrase for ways in WORDINGS.values() for way in ways for phrase in way.unseen)
"""All phrases for evaluation alone."""

OPENINGS = (
    "",
    "",
    "",
    "a photo of",
    "a picture of",
    "a portrait of",
    "the face of",
    "a close up of",
    "photo of",
)
UNSEEN_OPENINGS = ("this is a picture of", "a close up photo of")

FILLERS = (
    "a", "and", "does", "has", "in", "is", "of", "on", "that", "the", "this", "very", "wears", "which", "who",
    "whose", "with",
)  # fmt: skip
"""Words without meaning for a face."""

FILLED = 0.15
"""Share of the places in a noisy caption that get a filler."""

NAMES = tuple(ATTRIBUTES)
GENDER, AGE = NAMES.index("gender"), NAMES.index("age")

MOST = 8
"""Most facts in a caption."""


@dataclass(frozen=True)
class Caption:
    """A sentence about a face."""

    text: str
    asserts: Levels
    """Stated levels `[attributes]`, −1 = not stated."""


def caption(levels: Levels, draw: Draw, *, most: int = MOST, unseen: bool = False) -> Caption:
    """A random caption of a face with these levels `[attributes]`.

    Args:
        levels: of the face.
        draw: random choices.
        most: largest number of facts; without `unseen` the number is random.
        unseen: use wordings that training never uses, and as many facts as possible.
    """
    known = [i for i, level in enumerate(levels) if level != UNKNOWN]
    count = most if unseen else draw.integer(most + 1)
    stated = _shuffled(known, draw)[:count]
    asserts = np.full(len(levels), UNKNOWN)
    asserts[stated] = levels[stated]
    words = [WORDINGS[NAMES[i]][levels[i]] for i in stated if i not in (GENDER, AGE)]
    adjectives: list[str] = []
    phrases: list[str] = []
    for wording in words:
        if unseen:
            phrases.append(_one(wording.unseen, draw))
        elif wording.adjectives and draw.uniform() < 0.4 and len(adjectives) < 2:
            adjectives.append(_one(wording.adjectives, draw))
        else:
            phrases.append(_one(wording.phrases, draw))
    nouns = NOUNS[int(asserts[GENDER]), int(asserts[AGE])].split(", ")
    openings = UNSEEN_OPENINGS if unseen else OPENINGS
    subject = " ".join([*adjectives, _one(nouns, draw)])
    bare = not unseen and phrases and asserts[GENDER] == asserts[AGE] == UNKNOWN and draw.uniform() < 0.4
    if bare and not adjectives:
        return Caption(", ".join(phrases), asserts)
    text = f"{_one(openings, draw)} {_article(subject)} {subject} "
    joint = _one((" and ", ", ", " "), draw)
    if not unseen and draw.uniform() < 0.5:
        noisy = Caption(_noisy(text, phrases, joint, draw), asserts)
        if not any(kept in noisy.text for kept in UNSEEN):
            return noisy
    return Caption((text + joint.join(phrases)).strip(), asserts)


def _noisy(text: str, phrases: Sequence[str], joint: str, draw: Draw) -> str:
    """A caption with random fillers and some phrases in random order, for robustness."""
    turned = [" ".join(_shuffled(p.split(), draw)) if draw.uniform() < 0.3 else p for p in phrases]
    words = (text + joint.join(turned)).split()
    return " ".join(f"{_one(FILLERS, draw)} {word}" if draw.uniform() < FILLED else word for word in words)


TRIES = 20
"""Captions of one face of which the most distinct is used."""


def tellings(levels: Levels, draw: Draw) -> list[Caption]:
    """`TRIES` captions of a face in wordings that training never uses, with as many facts as possible."""
    return [caption(levels, draw, unseen=True) for _ in range(TRIES)]


def agreement(asserts: Levels, levels: Levels) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Compare captions, by their `asserts` `[T, attributes]`, with faces, by their levels `[N, attributes]`.

    Returns:
        Pairs that fit `[T, N]`, and unclear pairs `[T, N]`, which neither fit nor contradict.
    """
    stated, found = asserts[:, None], levels[None]
    open_ = stated == UNKNOWN
    fits = (open_ | (stated == found)).all(2)
    possible = (open_ | (stated == found) | (found == UNKNOWN)).all(2)
    return fits, possible & ~fits


def vocabulary() -> list[str]:
    """All words of all captions, sorted."""
    return sorted({word for text in _texts() for word in words_of(text)})


def _texts() -> Iterator[str]:
    yield from (*OPENINGS, *UNSEEN_OPENINGS, *NOUNS.values(), *FILLERS, "and a an")
    for levels in WORDINGS.values():
        for wording in levels:
            yield from (*wording.adjectives, *wording.phrases, *wording.unseen)


def _one(choices: Sequence[str], draw: Draw) -> str:
    return choices[draw.integer(len(choices))]


def _shuffled(items: Sequence[Item], draw: Draw) -> list[Item]:
    items = list(items)
    for i in range(len(items) - 1, 0, -1):
        j = draw.integer(i + 1)
        items[i], items[j] = items[j], items[i]
    return items


def _article(subject: str) -> str:
    return "an" if subject[0] in "aeiou" else "a"
