"""Shared by suites: the judges, a batch of faces with its common results, and cases."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from statistics import fmean
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..batches import one_by_one
from ..checkpoints.weights import SHIPPED, Weights
from ..conditions import Conditions, whole_photo
from ..editing.clip import Clip, load_clip
from ..editing.inversion import INVERSION_STEPS
from ..editing.measuring import Measurer, find_mesh, load_networks
from ..faces.comparison import FaceComparer
from ..faces.detection import Detector
from ..faces.parsing import Parser
from ..modalities import MODALITIES
from ..networks.generator import Features
from ..pictures import to_pixels
from ..pipeline.style import FIT_STEPS, fitted, random_style, usual_steps
from .adherence import through_jpeg
from .attributes import Observer, load_heads
from .efficientnet import EfficientNetLite0
from .faces import FIRST_SEED, Faces
from .metrics import EfficientNetDistance

if TYPE_CHECKING:
    from ..model import FaceMug

Array = NDArray[np.floating]


class Judges:
    """The networks that judge; none of them is a training loss. Each is loaded at its first use.

    Args:
        weights: of the judges.
        device: of the networks.

    Raises:
        WeightsMissingError: at the first use of a network whose weights are missing.
    """

    def __init__(self, weights: Weights = SHIPPED, device: torch.device | str = "cpu") -> None:
        self.weights = weights
        self.device = device

    @cached_property
    def perceptual(self) -> EfficientNetDistance:
        """Perceptual distances."""
        network = self.weights.network(EfficientNetLite0, "efficientnet_lite0")
        return EfficientNetDistance(network.to(self.device))

    @cached_property
    def comparer(self) -> FaceComparer:
        """Identity features."""
        return FaceComparer.load(self.weights, self.device)

    @cached_property
    def parser(self) -> Parser:
        """Classes of pixels."""
        return Parser.load(self.weights, self.device)

    @cached_property
    def detector(self) -> Detector:
        """Faces and landmarks."""
        return Detector.load(self.weights)

    @cached_property
    def observer(self) -> Observer:
        """Attributes of a face."""
        measurer = Measurer(self.detector, self.parser, load_networks(self.weights))
        return Observer(measurer, self.comparer, load_heads(self.weights))

    @cached_property
    def clip(self) -> Clip:
        """The pack's text-image model.

        Raises:
            DependencyError: open_clip is missing.
        """
        return load_clip(weights=self.weights).to(self.device)

    def mesh(self, picture: Tensor) -> NDArray[np.float64] | None:
        """Landmarks `[468, 2]`, (x, y) in pixels, of an aligned face `[3, 256, 256]`; None without a face."""
        return find_mesh(self.detector, to_pixels(picture))


@dataclass(eq=False)
class Trial:
    """A batch of faces, a model and its judges. Results that several suites need are computed once.

    Edits are made one by one, as by users. On a CPU this is also faster than batches.
    """

    model: FaceMug
    faces: Faces
    judges: Judges
    kept_pixels_changed: int = 0
    """Number over all edits of this batch; must stay 0."""

    def edit(self, conditions: Conditions, codes: Tensor, features: Features | None = None) -> Tensor:
        """Edits `[B, 3, 256, 256]` in [-1, 1]; checks the kept pixels.

        `features` is the result of `aggregate` for the conditions, if it is known.
        """
        inputs = {"features": features or self.aggregate(conditions), "codes": codes}
        pictures = torch.cat(one_by_one(self.model.generate, inputs))
        changed = (pictures != conditions.image).any(dim=1, keepdim=True) & (conditions.mask == 0)
        self.kept_pixels_changed += int(changed.sum())
        return pictures.clamp(-1, 1)

    def aggregate(self, conditions: Conditions) -> Features:
        """The first half of the generator, which needs no codes."""
        return Features.cat(one_by_one(self.model.aggregate, {"conditions": conditions}))

    def project(self, conditions: Conditions) -> Tensor:
        """The default codes of an edit: projection, then inversion if the model has the weights."""
        return self._nearer(self.model.project(conditions), conditions)

    def fitted(self, codes: Tensor, conditions: Conditions) -> Tensor:
        """Codes of another source than the photo, after the default fit."""
        fit = partial(fitted, self.model, steps=usual_steps(self.model, FIT_STEPS))
        return torch.cat(one_by_one(fit, {"codes": codes, "conditions": conditions}))

    def _nearer(self, codes: Tensor, conditions: Conditions) -> Tensor:
        invert = partial(self.model.invert, steps=usual_steps(self.model, INVERSION_STEPS))
        return torch.cat(one_by_one(invert, {"codes": codes, "conditions": conditions}))

    def render(self, codes: Tensor) -> Tensor:
        """The bank's pictures `[B, 3, 256, 256]`."""
        # One by one: a batch of 1024 px pictures takes three times the memory and is slower on a CPU.
        return torch.cat([self.model.render(code) for code in codes.split(1)])

    def bank_picture(self, codes: Tensor) -> Tensor:
        """The bank's pictures `[B, 3, 256, 256]` as edits use them, by the picture head if there is one."""
        if self.model.heads is None:
            return self.render(codes)
        draw = partial(self.model.heads.picture.picture, self.model.bank)
        return torch.cat([draw(code) for code in codes.split(1)]).clamp(-1, 1)

    def with_guides(self, **guides: Tensor) -> Conditions:
        """Photo, mask and these guides."""
        return Conditions.build(image=self.faces.photo, mask=self.faces.mask, **guides)  # type: ignore[arg-type]

    def distance(self, features: Sequence[Tensor]) -> Tensor:
        """Perceptual distance `[B]` to the truth inside the masks, from features of pictures."""
        return self.judges.perceptual.between(features, self.truth_features, self.faces.mask)

    @cached_property
    def truth_features(self) -> list[Tensor]:
        """The perceptual judge's features of the true photos."""
        return self.judges.perceptual.features(self.faces.photo)

    @cached_property
    def biharmonic_features(self) -> list[Tensor]:
        """The perceptual judge's features of the biharmonic baseline."""
        return self.judges.perceptual.features(self.faces.biharmonic)

    @cached_property
    def unguided(self) -> Conditions:
        """Photo and mask without any guide."""
        return self.with_guides()

    @cached_property
    def unguided_codes(self) -> Tensor:
        """Codes projected from photo and mask, without inversion."""
        return self.model.project(self.unguided)

    @property
    def other_seeds(self) -> list[int]:
        """Seeds of other people than the faces."""
        return [2 * seed for seed in self.faces.seeds]

    @cached_property
    def random_codes(self) -> Tensor:
        """Random styles of other people."""
        return self.model.random_codes(self.other_seeds)

    def random_style(self, conditions: Conditions) -> Tensor:
        """Random styles of other people for these conditions."""
        return random_style(self.model, conditions, self.other_seeds)

    @cached_property
    def unguided_maps(self) -> Features:
        """The first half of the generator for photo and mask."""
        return self.aggregate(self.unguided)

    @cached_property
    def completion_codes(self) -> Tensor:
        """The codes of `completion`."""
        return self._nearer(self.unguided_codes, self.unguided)

    @cached_property
    def completion(self) -> Tensor:
        """The edit by photo and mask alone, which guided edits are compared with."""
        return self.edit(self.unguided, self.completion_codes, self.unguided_maps)

    @cached_property
    def completion_features(self) -> list[Tensor]:
        """The perceptual judge's features of the completions."""
        return self.judges.perceptual.features(self.completion)

    @cached_property
    def encoded_exemplar(self) -> Tensor:
        """Codes of the exemplars (the same people in other tones) by the encoder alone."""
        return self.model.encode(self.faces.exemplar)

    @cached_property
    def exemplar_codes(self) -> Tensor:
        """Codes of the exemplars by inversion, before any fit."""
        exemplars = whole_photo(self.faces.exemplar)
        return self._nearer(self.encoded_exemplar, exemplars)

    @cached_property
    def exemplar_rendering(self) -> Tensor:
        """The bank's pictures of `encoded_exemplar`."""
        return self.render(self.encoded_exemplar)

    @cached_property
    def photo_vectors(self) -> Tensor:
        """Identity features `[B, C]` of the photos."""
        return self.judges.comparer.embed(self.faces.photo)

    @cached_property
    def other_vectors(self) -> Tensor:
        """Identity features `[B, C]` of the other people."""
        return self.judges.comparer.embed(self.faces.other_photo)

    @cached_property
    def identity_ends(self) -> dict[str, Tensor]:
        """Cosines `[B]` of one person with itself (mirrored, in another tone) and of two people."""
        again = self.judges.comparer.embed(self.faces.exemplar.flip(-1))
        return {
            "same_cosine": (self.photo_vectors * again).sum(1),
            "different_cosine": (self.photo_vectors * self.other_vectors).sum(1),
        }

    @cached_property
    def jpeg_labels(self) -> Tensor:
        """Classes of the true photos after JPEG compression, for the parser's agreement with itself."""
        return self.judges.parser.parse(through_jpeg(self.faces.photo))


@dataclass(frozen=True, eq=False)
class Case:
    """A suite's result on one face."""

    title: str
    """The face and its score, in a few words."""
    kind: str
    """Kind of the mask."""
    score: float
    """Cases are ranked by it; lower is better."""
    numbers: Mapping[str, float]
    panels: Mapping[str, Tensor]
    """Pictures to show, by caption: `[3, H, W]` in [-1, 1]."""
    arrays: Mapping[str, Array] = field(default_factory=dict)
    """Counts and features for the summary."""


Summary = dict[str, float | str]
"""Keys of the report with their values, or with the reason for a missing value."""


class Suite(Protocol):
    """One group of measurements."""

    @property
    def name(self) -> str:
        """Name on the command line."""

    @property
    def max_faces(self) -> int:
        """Largest number of faces that it uses."""

    @property
    def on_real_faces(self) -> bool:
        """Whether it is meaningful on a few real photos."""

    def run(self, trial: Trial) -> list[Case]:
        """Measure a batch: a case for each face, or none if the model lacks the stage."""

    def summary(self, cases: Sequence[Case]) -> Summary:
        """The report's keys from the cases of all batches."""


EVERY = 6
"""Slow suites (a minute for a face) use each sixth face, which is one in a batch."""


def slow_faces(faces: Faces) -> dict[int, int]:
    """Places in a batch of the faces that slow suites use, with their number among these faces."""
    numbers = {i: seed - FIRST_SEED for i, seed in enumerate(faces.seeds)}
    return {i: number // EVERY for i, number in numbers.items() if number % EVERY == 0}


def cases(
    trial: Trial,
    scores: Tensor | Sequence[float],
    what: str,
    panels: Mapping[str, Tensor],
    numbers: Mapping[str, Tensor | Sequence[float]] = MappingProxyType({}),
    arrays: Mapping[str, Tensor] = MappingProxyType({}),
) -> list[Case]:
    """One case a face, from values and pictures of the whole batch; NaN numbers are left out.

    `scores` rank the cases, lower is better; `what` names the score in a few words.
    """
    faces = trial.faces
    return [
        Case(
            title=f"face {faces.seeds[i]}, {faces.kinds[i]}: {float(scores[i]):.2f} {what}",
            kind=faces.kinds[i],
            score=float(scores[i]),
            numbers={name: float(values[i]) for name, values in numbers.items() if not math.isnan(values[i])},
            panels={name: pictures[i] for name, pictures in panels.items()},
            arrays={name: values[i].cpu().numpy() for name, values in arrays.items()},
        )
        for i in range(len(faces))
    ]


def mean(found: Sequence[Case], name: str) -> float:
    """Mean of a number over the cases that have it; NaN if none has."""
    values = [case.numbers[name] for case in found if name in case.numbers]
    return fmean(values) if values else math.nan


def stacked(found: Sequence[Case], name: str) -> Array:
    """An array of N cases, `[N, …]`."""
    return np.stack([case.arrays[name] for case in found])


def guide_panels(conditions: Conditions) -> dict[str, Tensor]:
    """The model's inputs as pictures: the photo with its hole in gray, and the guides."""
    panels = {"photo": conditions.masked_image}
    for name, modality in MODALITIES.items():
        if name in conditions.present:
            panels[name] = torch.stack([modality.panel(guide) for guide in getattr(conditions, name)])
    return panels
