"""A user study: an anonymous page that asks which of two pictures is better, and the count of its votes."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..checkpoints.files import replacing
from ..conditions.reading import picture_files
from ..errors import InputError

QUESTIONS = {
    "realism": "Which picture looks more like a real photo?",
    "consistency": "In which picture do all parts fit together better?",
}
"""As in the paper's study."""

PAIRS = 20
"""Pairs of a comparison, as in the paper's study."""

SIDES = ("a", "b")
KEY_FILE, PAGE_FOLDER = "key.json", "page"


@dataclass(frozen=True)
class Share:
    """Votes for one side of a comparison."""

    votes: int
    of: int
    low: float
    high: float
    """Wilson's interval of 95 % for the share; votes of one person are taken as independent."""

    @property
    def share(self) -> float:
        """Of all votes, from 0 to 1."""
        return self.votes / self.of


def write_study(folder: Path, sides: Mapping[str, Path], pairs: int = PAIRS, seed: int = 0) -> int:
    """Write the page of a study, and beside it the key that tells what its pictures are.

    Pictures of one name in both folders are a pair. The seed decides on the pairs, their order and which
    picture is on the left. Only the folder `page` is to be shown: its names say nothing.

    Args:
        folder: gets `key.json` and the folder `page`.
        sides: two folders of pictures, by the name of what made them.
        pairs: at most so many.
        seed: of the drawing.

    Returns:
        The number of pairs.

    Raises:
        InputError: there are not two folders, or they have no picture of one name.
    """
    if len(sides) != 2:
        raise InputError(f"A study compares two folders, not {len(sides)}: give --between NAME=DIR twice.")
    files = {name: {path.stem: path for path in picture_files(source)} for name, source in sides.items()}
    first, second = files.values()
    common = sorted(first.keys() & second.keys())
    if not common:
        raise InputError(f"{' and '.join(map(str, sides.values()))} have no picture of the same name.")
    draw = random.Random(seed)  # noqa: S311  # nothing is to be kept secret by it
    key = []
    page = folder / PAGE_FOLDER
    page.mkdir(parents=True, exist_ok=True)
    for number, picture in enumerate(draw.sample(common, min(pairs, len(common))), 1):
        names = draw.sample(list(sides), 2)
        for side, name in zip(SIDES, names, strict=True):
            source = files[name][picture]
            with replacing(page / _picture(number, side, source)) as temporary:
                shutil.copyfile(source, temporary)
        key.append({"picture": picture, **dict(zip(SIDES, names, strict=True))})
    shown = [
        [_picture(number, side, files[one[side]][one["picture"]]) for side in SIDES]
        for number, one in enumerate(key, 1)
    ]
    _write(folder / KEY_FILE, json.dumps({"seed": seed, "pairs": key}, indent=2) + "\n")
    _write(page / "index.html", _PAGE.replace("PAIRS", json.dumps(shown)).replace("QUESTIONS", _questions()))
    return len(key)


def count_votes(folder: Path, files: Iterable[Path]) -> dict[str, dict[str, Share]]:
    """Votes by question and by the name of the side.

    Args:
        folder: of the study.
        files: that people saved from its page.

    Raises:
        InputError: the study has no key, or a file holds no votes of it.
    """
    from scipy.stats import binomtest

    pairs = _key(folder)
    names = sorted({pair[side] for pair in pairs for side in SIDES})
    votes = {question: dict.fromkeys(names, 0) for question in QUESTIONS}
    for path in files:
        for question, chosen in _votes(path, pairs):
            votes[question][chosen] += 1
    counted = {}
    for question, by_name in votes.items():
        total = sum(by_name.values())
        if total:
            counted[question] = {
                name: Share(count, total, *binomtest(count, total).proportion_ci(method="wilson"))
                for name, count in by_name.items()
            }
    return counted


def _key(folder: Path) -> list[dict[str, str]]:
    path = folder / KEY_FILE
    if not path.is_file():
        raise InputError(f"{path} is missing: --report names the folder that the study was written to.")
    pairs: list[dict[str, str]] = json.loads(path.read_text(encoding="utf-8"))["pairs"]
    return pairs


def _votes(path: Path, pairs: Sequence[Mapping[str, str]]) -> list[tuple[str, str]]:
    """Questions with the names of the sides that one person chose."""
    try:
        votes = [
            (vote["question"], pairs[vote["pair"]][vote["choice"]])
            for vote in json.loads(path.read_text(encoding="utf-8"))
            if vote["choice"] in SIDES and vote["pair"] >= 0
        ]
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise InputError(f"{path} holds no votes of this study: give files that its page saved.") from error
    if any(question not in QUESTIONS for question, _ in votes):
        raise InputError(f"{path} answers other questions than those of this study.")
    return votes


def _picture(number: int, side: str, source: Path) -> str:
    return f"{number:03}{side}{source.suffix.lower()}"


def _questions() -> str:
    return json.dumps(list(QUESTIONS.items()))


def _write(path: Path, text: str) -> None:
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Which picture?</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 48em; padding: 0 1em }
img { width: 49%; background: #eee }
fieldset { border: 0; padding: 0; margin: 1em 0 }
label { margin-right: 2em }
</style>
<h1 id="title"></h1>
<div><img id="a" alt="left picture"> <img id="b" alt="right picture"></div>
<form id="form"></form>
<script>
const pairs = PAIRS, questions = QUESTIONS, votes = [];
const form = document.getElementById("form");
let pair = 0;
function show() {
  document.getElementById("title").textContent = `Pair ${pair + 1} of ${pairs.length}`;
  ["a", "b"].forEach((side, i) => document.getElementById(side).src = pairs[pair][i]);
  form.innerHTML = questions.map(([name, text]) =>
    `<fieldset><legend>${text}</legend>` + [["a", "left"], ["b", "right"]].map(([side, word]) =>
      `<label><input type="radio" name="${name}" value="${side}" required> ${word}</label>`).join("") +
    "</fieldset>").join("") + "<button>Next</button>";
}
function save() {
  document.body.innerHTML = "<h1>Thank you</h1><p>Please send back the file that was saved.</p>";
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([JSON.stringify(votes)], {type: "application/json"}));
  link.download = `votes_${crypto.getRandomValues(new Uint32Array(1))[0].toString(16)}.json`;
  link.textContent = link.download;
  document.body.append(link);
  link.click();
}
form.addEventListener("submit", event => {
  event.preventDefault();
  for (const [question, choice] of new FormData(form)) votes.push({pair, question, choice});
  pair += 1;
  pair < pairs.length ? show() : save();
});
show();
</script>
</html>
"""
