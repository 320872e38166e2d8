"""Text: whether edits follow it, and whether the text-image model matches faces to captions."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from ...conditions import Conditions
from ...editing.clip import Clip
from ...editing.measuring import source_of
from ...editing.text import TextOptions, text_direction
from ...errors import DependencyError
from ...faces.regions import region_mask
from ...training.captions import Caption, tellings
from ...training.draws import Draw
from ...training.facts import facts, observe
from ...training.stages.clip import JUDGED, most_distinct
from ..attributes import ALL_SOURCES, DEVIATIONS
from ..metrics import IdentityScale
from ..trials import Case, Summary, Trial, mean, slow_faces, stacked

NO_OPEN_CLIP = "open_clip is missing or broken"

SHORT = TextOptions(steps=20)

GROWN = {"face": 8, "hair": 16}
"""Growth in pixels of the region of a text, which is its mask."""


@dataclass(frozen=True)
class Prompt:
    """A text and the measurement that it should change."""

    text: str
    measured: str
    """The judge's measurement: if possible one that the text-image model was not trained on."""
    sense: int
    """1 if it should grow, −1 if it should shrink."""
    region: str = "face"
    """Masked region."""
    same_person: bool = True
    """Whether the person should stay the same; matters if the face is masked."""


PROMPTS = (
    Prompt("blond hair", "hair_darkness.mesh", -1, "hair"),
    Prompt("black hair", "hair_darkness.mesh", 1, "hair"),
    Prompt("curly hair", "curl", 1, "hair"),
    Prompt("straight hair", "curl", -1, "hair"),
    Prompt("long hair", "hair_length.parser", 1, "hair"),
    Prompt("short hair", "hair_length.parser", -1, "hair"),
    Prompt("thick hair", "hair_volume.parser", 1, "hair"),
    Prompt("with bangs", "fringe.parser", 1, "hair"),
    Prompt("a man with a beard", "beard", 1),
    Prompt("a person with glasses", "glasses.mesh", 1),
    Prompt("a smiling person", "smile.mesh", 1),
    Prompt("a serious person, not smiling", "smile.mesh", -1),
    Prompt("a face with open mouth", "mouth_open.parser", 1),
    Prompt("big eyes", "eyes_open.parser", 1),
    Prompt("an old person", "age.faceres", 1, same_person=False),
    Prompt("a child", "age.faceres", -1, same_person=False),
    Prompt("red lips, with lipstick", "lipstick.mesh", 1),
    Prompt("pale lips, without lipstick", "lipstick.mesh", -1),
    Prompt("full lips", "lip_fullness.parser", 1),
    Prompt("thick eyebrows", "brow_thickness.parser", 1),
)
"""Twenty texts on hair, beard, glasses, expression, age and make-up."""

UNITS: Mapping[str, float] = {**DEVIATIONS, "beard": 0.1143, "curl": 0.1026}
"""Standard deviations of the texts' measurements, over the same faces as `DEVIATIONS`."""


@dataclass(frozen=True)
class Text:
    """Edits of the masked face or hair by texts.

    A search takes almost half a minute on one core. So each sixth face follows two texts by search and four
    by
    direction: ten faces cover each text once by search and twice by direction.
    """

    name: str = "text"
    max_faces: int = 60
    on_real_faces: bool = False
    prompts: Sequence[Prompt] = PROMPTS
    options: TextOptions = SHORT
    """Options of the searches."""

    def run(self, trial: Trial) -> list[Case]:
        """Edit by texts, and measure the change from the edit without a text."""
        clip = _clip(trial)
        return (
            []
            if clip is None
            else [self._case(trial, clip, i, n) for i, n in slow_faces(trial.faces).items()]
        )

    def summary(self, found: Sequence[Case]) -> Summary:
        """Shares of edits that changed by a standard deviation or more; s to the edit without a text."""
        if not found:
            return dict.fromkeys(
                ("text.success.optimize", "text.success.direction", "text.identity"), NO_OPEN_CLIP
            )
        scale = IdentityScale(mean(found, "same_cosine"), mean(found, "different_cosine"))
        return {
            "text.success.optimize": _mean_of(found, "optimize."),
            "text.success.direction": _mean_of(found, "direction."),
            "text.identity": scale.of(_mean_of(found, "cosine.")),
        }

    def _case(self, trial: Trial, clip: Clip, i: int, number: int) -> Case:
        seed = trial.faces.seeds[i]
        numbers = {name: float(values[i]) for name, values in trial.identity_ends.items()}
        panels = {"photo": _small(trial.faces.photo[i : i + 1])}
        bases = {region: _base(trial, i, region) for region in GROWN}
        for region, base in bases.items():
            panels[f"{region}, no text"] = _small(base.picture)
        for mode, prompt in self.asked(number):
            base = bases[prompt.region]
            picture = base.followed(trial, clip, prompt.text, mode, self.options)
            panels[f"{mode}: {prompt.text}"] = _small(picture)
            change = prompt.sense * _change(trial, prompt.measured, base.picture, picture)
            if not math.isnan(change):
                numbers[f"{mode}.{prompt.text}"] = float(change >= 1)
            if prompt.region == "face" and prompt.same_person:
                vectors = trial.judges.comparer.embed(torch.cat([base.picture, picture]))
                numbers[f"cosine.{mode}.{prompt.text}"] = float(vectors[0] @ vectors[1])
        hits = [value for key, value in numbers.items() if key.startswith(("optimize.", "direction."))]
        title = f"face {seed}: {sum(hits):.0f} of {len(hits)} texts"
        return Case(title, "text", -sum(hits), numbers, panels)

    def asked(self, number: int) -> Iterator[tuple[str, Prompt]]:
        """Mode and text of each edit of a face, by the face's number."""
        for k in range(2):
            yield "optimize", self.prompts[(7 * number + 10 * k) % len(self.prompts)]
        for k in range(4):
            yield "direction", self.prompts[(number + 5 * k) % len(self.prompts)]


@dataclass(frozen=True, eq=False)
class _Base:
    """The edit of one region without a text."""

    conditions: Conditions
    codes: Tensor
    picture: Tensor

    def followed(self, trial: Trial, clip: Clip, text: str, mode: str, options: TextOptions) -> Tensor:
        """The edit by a text."""
        model = trial.model
        features = model.aggregate(self.conditions)
        if mode == "direction":
            codes = text_direction(clip, text).apply(self.codes, 1.0)
        else:
            codes = model.optimize_text(features, self.codes, text, clip, options).codes
        return trial.edit(self.conditions, codes, features)


def _base(trial: Trial, i: int, region: str) -> _Base:
    photo, labels = trial.faces.photo[i : i + 1], trial.faces.labels[i : i + 1]
    conditions = Conditions.build(image=photo, mask=region_mask(labels, region, GROWN[region]))
    codes = trial.model.project(conditions)
    return _Base(conditions, codes, trial.edit(conditions, codes))


def _change(trial: Trial, measured: str, before: Tensor, after: Tensor) -> float:
    """Change of a measurement between two pictures, in population standard deviations."""
    first, second = (_measure(trial, picture, measured) for picture in (before, after))
    return (second - first) / UNITS[measured]


def _measure(trial: Trial, picture: Tensor, measured: str) -> float:
    """A measurement of a picture; NaN if it is impossible."""
    source = source_of(measured)
    observer = trial.judges.observer
    if source in ALL_SOURCES:
        seen = observer.observe(picture, (source,))
        return math.nan if seen is None else seen.reading[measured]
    reading = observe(observer.measurer, picture.cpu(), trial.judges.parser.parse(picture).cpu())
    return math.nan if reading is None else reading[measured]


def _mean_of(found: Sequence[Case], prefix: str) -> float:
    values = [value for case in found for key, value in case.numbers.items() if key.startswith(prefix)]
    return fmean(values) if values else math.nan


def _small(picture: Tensor) -> Tensor:
    return F.avg_pool2d(picture[0], 2)


@dataclass(frozen=True)
class Retrieval:
    """How often a caption finds its face among a hundred, in wordings that training never uses."""

    name: str = "retrieval"
    max_faces: int = 102
    on_real_faces: bool = False

    def run(self, trial: Trial) -> list[Case]:
        """Embed the face and captions of its measurements."""
        clip, found = _clip(trial), []
        if clip is None:
            return []
        views = clip.images(trial.faces.photo)
        for i, view in enumerate(views):
            photo, labels = trial.faces.photo[i : i + 1].cpu(), trial.faces.labels[i : i + 1].cpu()
            reading = observe(trial.judges.observer.measurer, photo, labels)
            if reading is not None:
                levels = facts({name: np.array([value]) for name, value in reading.items()})[0]
                captions = tellings(levels, Draw(0, trial.faces.seeds[i]))
                texts = clip.texts([caption.text for caption in captions])
                found.append(_text_case(trial, i, view, levels, captions, texts))
        return found

    def summary(self, found: Sequence[Case]) -> Summary:
        """Each face is described by the caption that fits the fewest faces."""
        key = "text.retrieval_at_1"
        if not found:
            return {key: NO_OPEN_CLIP}
        if len(found) < JUDGED:
            return {key: f"needs {JUDGED} faces, not {len(found)}"}
        judged = found[:JUDGED]
        asserts, levels = (stacked(judged, name).astype(np.int64) for name in ("asserts", "levels"))
        best = most_distinct(asserts, levels)
        texts = stacked(judged, "texts")[np.arange(JUDGED), best]
        nearest = (texts @ stacked(judged, "view").T).argmax(1)
        return {key: float((nearest == np.arange(JUDGED)).mean())}


def _text_case(
    trial: Trial, i: int, view: Tensor, levels: NDArray[np.int64], captions: Sequence[Caption], texts: Tensor
) -> Case:
    arrays = {
        "view": view.cpu().numpy(),
        "texts": texts.cpu().numpy(),
        "levels": levels,
        "asserts": np.stack([caption.asserts for caption in captions]),
    }
    likeness = float(texts[0] @ view)
    title = f"face {trial.faces.seeds[i]}, cosine {likeness:.2f}: {captions[0].text}"
    return Case(title, "text", -likeness, {}, {"photo": trial.faces.photo[i]}, arrays)


def _clip(trial: Trial) -> Clip | None:
    """The pack's text-image model; None if open_clip does not work."""
    try:
        return trial.judges.clip
    except DependencyError:
        return None
