"""Suites: what is asked of the model on each face, and what is measured.

A suite looks at one batch of faces after another and returns a `Case` for each face; when all are done it
sums them up as the keys of the report. To add one, write a class with the members of `Suite` and list it in
`SUITES`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean
from typing import TYPE_CHECKING, Literal, Protocol

import torch
from torch import Tensor

from ..conditions import Conditions
from ..conventions import PALETTE
from .faces import MASK_KINDS, Faces
from .metrics import EfficientNetDistance, absolute_error, peak_signal_to_noise

if TYPE_CHECKING:
    from ..model import FaceMug


@dataclass(frozen=True, eq=False)
class Trial:
    """A batch of faces and its judge, with what all suites compare to computed once."""

    faces: Faces
    judge: EfficientNetDistance

    @cached_property
    def truth_features(self) -> list[Tensor]:
        """The judge's features of the true photos."""
        return self.judge.features(self.faces.photo)

    @cached_property
    def biharmonic_distance(self) -> Tensor:
        """Distance `[B]` of the baseline to the truth."""
        return self.distance(self.faces.biharmonic)

    def distance(self, pictures: Tensor) -> Tensor:
        """Perceptual distance `[B]` to the truth inside the masks, of pictures `[B, 3, H, W]`."""
        return self.judge.between(self.judge.features(pictures), self.truth_features, self.faces.mask)


@dataclass(frozen=True, eq=False)
class Case:
    """What a suite found on one face."""

    title: str
    """Which face this is, and how it went, in a few words."""
    kind: str
    """Where the mask came from."""
    score: float
    """What cases are ranked by; lower is better."""
    numbers: Mapping[str, float]
    panels: Mapping[str, Tensor]
    """Pictures to show, by caption: `[3, H, W]` in [-1, 1]."""


class Suite(Protocol):
    """One group of measurements."""

    @property
    def name(self) -> str:
        """First part of the suite's keys in the report."""

    def run(self, model: FaceMug, trial: Trial) -> list[Case]:
        """Measure a batch; `numbers` of a case that edits a photo holds `kept_pixels_changed`."""

    def summary(self, cases: Sequence[Case]) -> dict[str, float]:
        """Keys of the report, without the suite's name, from the cases of all batches (never none)."""


@dataclass(frozen=True)
class Reconstruction:
    """Bring back what the mask hides, and compare with two cheaper ways to fill it.

    One baseline is biharmonic inpainting; the other ("paste") renders the codes by the bank alone and pastes
    the picture into the hole.
    """

    name: str
    conditions: Callable[[Faces], Conditions]
    """What the model is told about the truth."""
    style: Literal["projected", "exemplar"]
    """What gives the codes of the edit and of the pasted rendering: the conditions or the exemplar."""

    def run(self, model: FaceMug, trial: Trial) -> list[Case]:
        """Edit, render and measure a batch."""
        faces = trial.faces
        conditions = self.conditions(faces)
        by_exemplar = self.style == "exemplar"
        codes = model.encode(faces.exemplar) if by_exemplar else model.project(conditions)
        edit = model.generate(model.aggregate(conditions), codes)
        # One by one: a batch of 1024 px pictures takes three times the memory and is slower on a CPU.
        rendered = torch.cat([model.render(code) for code in codes.split(1)])
        paste = torch.where(faces.mask > 0, rendered, faces.photo)
        changed = ((edit != faces.photo).any(dim=1, keepdim=True) & (faces.mask == 0)).sum((1, 2, 3))
        edit, paste = edit.clamp(-1, 1), paste.clamp(-1, 1)
        numbers = {
            "kept_pixels_changed": changed,
            "distance": trial.distance(edit),
            "biharmonic_distance": trial.biharmonic_distance,
            "paste_distance": trial.distance(paste),
            "l1": absolute_error(edit, faces.photo, faces.mask),
            "biharmonic_l1": absolute_error(faces.biharmonic, faces.photo, faces.mask),
            "psnr": peak_signal_to_noise(edit, faces.photo, faces.mask),
            "biharmonic_psnr": peak_signal_to_noise(faces.biharmonic, faces.photo, faces.mask),
        }
        panels = {
            **_guide_panels(conditions),
            **({"exemplar": faces.exemplar} if by_exemplar else {}),
            "biharmonic": faces.biharmonic,
            "paste": paste,
            "ours": edit,
            "truth": faces.photo,
        }
        scores = numbers["distance"] / numbers["biharmonic_distance"]
        return [
            Case(
                title=f"face {faces.seeds[i]}, {faces.kinds[i]}: {scores[i]:.2f} of biharmonic's distance",
                kind=faces.kinds[i],
                score=float(scores[i]),
                numbers={name: float(values[i]) for name, values in numbers.items()},
                panels={name: pictures[i] for name, pictures in panels.items()},
            )
            for i in range(len(faces))
        ]

    def summary(self, cases: Sequence[Case]) -> dict[str, float]:
        """Ratios of mean distances, of all cases and of each mask kind; means of everything measured."""
        keys = _ratios(cases)
        for kind in MASK_KINDS:
            of_kind = [case for case in cases if case.kind == kind]
            if of_kind:
                keys |= {f"{kind}.{name}": value for name, value in _ratios(of_kind).items()}
        names = [name for name in cases[0].numbers if name != "kept_pixels_changed"]
        return keys | {name: _mean(cases, name) for name in names}


def _ratios(cases: Sequence[Case]) -> dict[str, float]:
    distance = _mean(cases, "distance")
    return {
        "perceptual_ratio": distance / _mean(cases, "biharmonic_distance"),
        "paste_ratio": distance / _mean(cases, "paste_distance"),
    }


def _mean(cases: Sequence[Case], name: str) -> float:
    return fmean(case.numbers[name] for case in cases)


def _guide_panels(conditions: Conditions) -> dict[str, Tensor]:
    """What the model was shown, as pictures: the photo with its hole in gray, and the guides present."""
    panels = {"photo": conditions.masked_image}
    if "sketch" in conditions.present:
        panels["sketch"] = (1 - 2 * conditions.sketch).expand(-1, 3, -1, -1)
    if "semantic" in conditions.present:
        palette = conditions.semantic.new_tensor(PALETTE) / 127.5 - 1  # [19, 3]
        panels["semantic"] = torch.einsum("bnhw,nc->bchw", conditions.semantic, palette)
    if "color" in conditions.present:
        panels["color"] = conditions.color
    return panels


def _photo_and_mask(faces: Faces) -> Conditions:
    return Conditions.build(image=faces.photo, mask=faces.mask)


def _all_guides(faces: Faces) -> Conditions:
    return Conditions.build(
        image=faces.photo, mask=faces.mask, sketch=faces.sketch, semantic=faces.semantic, color=faces.color
    )


COMPLETION = Reconstruction("completion", _photo_and_mask, style="projected")
GUIDED = Reconstruction("guided", _all_guides, style="exemplar")

SUITES: Mapping[str, Suite] = {suite.name: suite for suite in (COMPLETION, GUIDED)}
"""All suites by name."""
