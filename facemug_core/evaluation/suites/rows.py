"""Rows of pictures for the eye: ages, tones of skin, light from one side, gray scans, sliders and texts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import cycle, islice

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...conditions import Conditions, whole_photo
from ...conditions.sketches import LUMA
from ...editing.directions import Direction, shipped_directions
from ...editing.measuring import Reading
from ...editing.text import text_direction
from ...errors import DependencyError
from ...faces.regions import region_mask
from ..adherence import through_jpeg
from ..faces import FIRST_SEED, Faces
from ..trials import Case, Judges, Summary, Trial
from .portraits import portrait_masks

LENGTH = 6
"""Portraits in a row."""

FACE_GROWN = 8
"""Growth in pixels of the face, which is the mask."""

SLIDERS = (
    ("smile", 1.0),
    ("smile", -1.0),
    ("mouth_open", 1.0),
    ("age", 1.0),
    ("lipstick", 1.0),
    ("yaw", 0.5),
)
TEXTS = (
    "a smiling person",
    "a serious person, not smiling",
    "an old person",
    "a person with glasses",
    "a man with a beard",
    "red lips, with lipstick",
)
"""Texts of the portraits, in turn."""


def spread(values: Sequence[float]) -> list[int]:
    """Places of numbers at even steps of their rank, smallest first."""
    order = [int(i) for i in np.argsort(values) if not np.isnan(values[i])]
    return [order[i] for i in _evenly(len(order))]


def extremes(values: Sequence[float]) -> list[int]:
    """Places of the numbers farthest from 0, the farthest first."""
    order = np.argsort(-np.abs(values))
    return [int(i) for i in order[:LENGTH] if not np.isnan(values[i])]


def _evenly(count: int) -> NDArray[np.int64]:
    return np.unique(np.linspace(0, count - 1, min(count, LENGTH)).round().astype(np.int64))


def _in_order(readings: Sequence[Reading]) -> list[int]:
    return _evenly(len(readings)).tolist()


PICKS: Mapping[str, Callable[[Sequence[Reading]], list[int]]] = {
    "ages": lambda readings: spread([reading["age.network"] for reading in readings]),
    "tones of skin": lambda readings: spread([reading["skin_tone.parser"] for reading in readings]),
    "light from one side": lambda readings: extremes([reading["lighting.mesh"] for reading in readings]),
    "gray scans": _in_order,
    "sliders": _in_order,
    "texts": _in_order,
}
"""Rows by name: which portraits they show, from the measurements of all."""


def rows_of(portraits: Iterable[Faces], judges: Judges) -> Iterator[Faces]:
    """One batch for each row, from portraits one at a time; the row's name is the kind of the masks."""
    measured = []
    for face in portraits:
        reading = judges.observer.measurer.measure(face.photo, face.labels)
        if reading is not None:
            measured.append((face, reading))
    for name, pick in PICKS.items():
        chosen = [measured[i][0] for i in pick([reading for _, reading in measured])]
        if chosen:
            yield replace(Faces.cat(chosen), kinds=(name,) * len(chosen))


@dataclass(frozen=True)
class Rows:
    """Various portraits, completed and changed, for the eye: there are no numbers.

    It runs on the batches of `rows_of` alone; a case is a row. A column is a portrait: the photo above two
    edits. These are half and whole face completed, or the face edited without and with the change.
    """

    name: str = "rows"
    max_faces: int = LENGTH * len(PICKS)
    on_real_faces: bool = False

    def run(self, trial: Trial) -> list[Case]:
        """Edit one row."""
        (name,) = set(trial.faces.kinds)
        if name == "sliders":
            directions = shipped_directions(trial.judges.weights)
            moves = [
                (f"{slider} {by:+g}", directions[slider], by)
                for slider, by in SLIDERS
                if slider in directions
            ]
            columns = _moved(trial, moves)
        elif name == "texts":
            try:
                clip = trial.judges.clip
            except DependencyError:
                return []
            columns = _moved(trial, [(text, text_direction(clip, text), 1.0) for text in TEXTS])
        else:
            photo = as_scan(trial.faces.photo) if name == "gray scans" else trial.faces.photo
            columns = _completed(trial, photo)
        return [Case(name, name, 0.0, {}, columns)]

    def summary(self, found: Sequence[Case]) -> Summary:
        """Nothing is measured."""
        return {}


def as_scan(photo: Tensor) -> Tensor:
    """Photos `[B, 3, H, W]` like scans of old prints: gray, of low contrast, compressed."""
    gray = torch.einsum("bchw,c->bhw", photo, photo.new_tensor(LUMA))[:, None].expand_as(photo)
    return through_jpeg(0.8 * gray)


def _completed(trial: Trial, photo: Tensor) -> dict[str, Tensor]:
    """Half and whole faces by photo and mask alone."""
    face = _face_mask(trial)
    half = portrait_masks(trial.faces.labels[0], mirrored=False)["half_face"].expand_as(face)
    edits = []
    for mask in (half, face):
        conditions = Conditions.build(image=photo, mask=mask)
        edits.append(trial.edit(conditions, trial.project(conditions)))
    return _columns([f"portrait {_number(trial, i)}" for i in range(len(photo))], photo, *edits)


def _moved(trial: Trial, moves: Sequence[tuple[str, Direction, float]]) -> dict[str, Tensor]:
    """The face edited with the photo's codes, and with one of the moves; captions give the FaceRes cosine to
    the photo."""
    photo = trial.faces.photo
    conditions = Conditions.build(image=photo, mask=_face_mask(trial))
    codes = trial.project(whole_photo(photo))
    maps = trial.aggregate(conditions)
    names, directions, amounts = zip(*islice(cycle(moves), len(photo)), strict=True)
    moved = [d.apply(code, by) for d, code, by in zip(directions, codes.split(1), amounts, strict=True)]
    edits = [trial.edit(conditions, own, maps) for own in (codes, torch.cat(moved))]
    alike = (trial.judges.comparer.embed(edits[1]) * trial.photo_vectors).sum(1)
    captions = [f"{_number(trial, i)}, {name}: {alike[i]:.2f}" for i, name in enumerate(names)]
    return _columns(captions, photo, *edits)


def _face_mask(trial: Trial) -> Tensor:
    return region_mask(trial.faces.labels, "face", FACE_GROWN)


def _number(trial: Trial, i: int) -> int:
    return trial.faces.seeds[i] - FIRST_SEED


def _columns(captions: Sequence[str], *pictures: Tensor) -> dict[str, Tensor]:
    return dict(zip(captions, torch.cat(pictures, 2), strict=True))
