"""What suites work with: judges, a batch of faces with all that several suites need, and what they find."""

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
from ..checkpoints.assembling import Folders, load_trained
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
    """The networks that judge; none of them is a training loss. Each is loaded when it is first asked.

    Args:
        folders: where weights are looked for first.
        device: of the networks.

    Reading an attribute raises `WeightsMissingError` where its weights are missing.
    """

    def __init__(self, folders: Folders = (), device: torch.device | str = "cpu") -> None:
        self.folders = folders
        self.device = device

    @cached_property
    def perceptual(self) -> EfficientNetDistance:
        """How different two pictures look."""
        network = load_trained(EfficientNetLite0, "efficientnet_lite0", self.folders)
        return EfficientNetDistance(network.to(self.device))

    @cached_property
    def comparer(self) -> FaceComparer:
        """Who it is."""
        return FaceComparer.load(self.folders, self.device)

    @cached_property
    def parser(self) -> Parser:
        """Which class each pixel has."""
        return Parser.load(self.folders, self.device)

    @cached_property
    def detector(self) -> Detector:
        """Where the parts of the face lie."""
        return Detector.load(self.folders)

    @cached_property
    def observer(self) -> Observer:
        """What attributes a face shows."""
        measurer = Measurer(self.detector, self.parser, load_networks(self.folders))
        return Observer(measurer, self.comparer, load_heads(self.folders))

    @cached_property
    def clip(self) -> Clip:
        """The pack's own text-image model; raises `DependencyError` where open_clip is missing."""
        return load_clip(folders=self.folders).to(self.device)

    def mesh(self, picture: Tensor) -> NDArray[np.float64] | None:
        """Landmarks `[468, 2]`, (x, y) in pixels, of an aligned face `[3, 256, 256]`; None where none is."""
        return find_mesh(self.detector, to_pixels(picture))


@dataclass(eq=False)
class Trial:
    """A batch of faces before a model and its judges. What several suites need is computed once.

    Edits are made one by one, as users make them: on a processor that is faster, too, as the memory of larger
    batches is given back and taken again.
    """

    model: FaceMug
    faces: Faces
    judges: Judges
    kept_pixels_changed: int = 0
    """Over all edits of this batch; to stay 0."""

    def edit(self, conditions: Conditions, codes: Tensor, features: Features | None = None) -> Tensor:
        """Edits `[B, 3, 256, 256]` in [-1, 1], whose kept pixels are checked.

        `features` are those that `aggregate` gives for the conditions, where they are known.
        """
        inputs = {"features": features or self.aggregate(conditions), "codes": codes}
        pictures = torch.cat(one_by_one(self.model.generate, inputs))
        changed = (pictures != conditions.image).any(dim=1, keepdim=True) & (conditions.mask == 0)
        self.kept_pixels_changed += int(changed.sum())
        return pictures.clamp(-1, 1)

    def aggregate(self, conditions: Conditions) -> Features:
        """What the generator makes of conditions before it knows any codes."""
        return Features.cat(one_by_one(self.model.aggregate, {"conditions": conditions}))

    def project(self, conditions: Conditions) -> Tensor:
        """The codes that an edit has by default: projected, and mostly near to what is told."""
        return self._nearer(self.model.project(conditions), conditions)

    def fitted(self, codes: Tensor, conditions: Conditions) -> Tensor:
        """Codes of another source than the photo, as an edit of the photo has them by default."""
        fit = partial(fitted, self.model, steps=usual_steps(self.model, FIT_STEPS))
        return torch.cat(one_by_one(fit, {"codes": codes, "conditions": conditions}))

    def _nearer(self, codes: Tensor, conditions: Conditions) -> Tensor:
        invert = partial(self.model.invert, steps=usual_steps(self.model, INVERSION_STEPS))
        return torch.cat(one_by_one(invert, {"codes": codes, "conditions": conditions}))

    def render(self, codes: Tensor) -> Tensor:
        """The bank's own pictures `[B, 3, 256, 256]`."""
        # One by one: a batch of 1024 px pictures takes three times the memory and is slower on a CPU.
        return torch.cat([self.model.render(code) for code in codes.split(1)])

    def bank_picture(self, codes: Tensor) -> Tensor:
        """The bank's pictures `[B, 3, 256, 256]` as edits use them: by the picture head if there is one."""
        if self.model.heads is None:
            return self.render(codes)
        draw = partial(self.model.heads.picture.picture, self.model.bank)
        return torch.cat([draw(code) for code in codes.split(1)]).clamp(-1, 1)

    def with_guides(self, **guides: Tensor) -> Conditions:
        """Photo, mask and these guides."""
        return Conditions.build(image=self.faces.photo, mask=self.faces.mask, **guides)  # type: ignore[arg-type]

    def distance(self, features: Sequence[Tensor]) -> Tensor:
        """Perceptual distance `[B]` to the truth inside the masks, of pictures with these features."""
        return self.judges.perceptual.between(features, self.truth_features, self.faces.mask)

    @cached_property
    def truth_features(self) -> list[Tensor]:
        """The perceptual judge's features of the true photos."""
        return self.judges.perceptual.features(self.faces.photo)

    @cached_property
    def biharmonic_features(self) -> list[Tensor]:
        """The same of the baseline."""
        return self.judges.perceptual.features(self.faces.biharmonic)

    @cached_property
    def unguided(self) -> Conditions:
        """Photo and mask without any guide."""
        return self.with_guides()

    @cached_property
    def unguided_codes(self) -> Tensor:
        """Codes projected from photo and mask, as the encoder gives them."""
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
        """The same as far as guides leave them free."""
        return random_style(self.model, conditions, self.other_seeds)

    @cached_property
    def unguided_maps(self) -> Features:
        """What the generator makes of photo and mask before it knows any codes."""
        return self.aggregate(self.unguided)

    @cached_property
    def completion_codes(self) -> Tensor:
        """The codes of `completion`."""
        return self._nearer(self.unguided_codes, self.unguided)

    @cached_property
    def completion(self) -> Tensor:
        """The edit by photo and mask alone: what guides are compared to."""
        return self.edit(self.unguided, self.completion_codes, self.unguided_maps)

    @cached_property
    def completion_features(self) -> list[Tensor]:
        """The perceptual judge's features of the completions."""
        return self.judges.perceptual.features(self.completion)

    @cached_property
    def encoded_exemplar(self) -> Tensor:
        """Codes of the exemplars, the same people in other tones, as the encoder gives them."""
        return self.model.encode(self.faces.exemplar)

    @cached_property
    def exemplar_codes(self) -> Tensor:
        """Codes of the exemplars by inversion, as an edit has them before they are fitted to its photo."""
        exemplars = whole_photo(self.faces.exemplar)
        return self._nearer(self.encoded_exemplar, exemplars)

    @cached_property
    def exemplar_rendering(self) -> Tensor:
        """What the bank draws of the encoder's codes of the exemplars."""
        return self.render(self.encoded_exemplar)

    @cached_property
    def photo_vectors(self) -> Tensor:
        """Who is in the photos, `[B, C]`."""
        return self.judges.comparer.embed(self.faces.photo)

    @cached_property
    def other_vectors(self) -> Tensor:
        """Who are the other people, `[B, C]`."""
        return self.judges.comparer.embed(self.faces.other_photo)

    @cached_property
    def identity_ends(self) -> dict[str, Tensor]:
        """Cosines `[B]` of one person in two pictures (mirrored, in another tone) and of two people."""
        again = self.judges.comparer.embed(self.faces.exemplar.flip(-1))
        return {
            "same_cosine": (self.photo_vectors * again).sum(1),
            "different_cosine": (self.photo_vectors * self.other_vectors).sum(1),
        }

    @cached_property
    def jpeg_labels(self) -> Tensor:
        """Classes of the true photos after JPEG compression: as well as the parser can agree with itself."""
        return self.judges.parser.parse(through_jpeg(self.faces.photo))


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
    arrays: Mapping[str, Array] = field(default_factory=dict)
    """Counts and features that the summary needs."""


Summary = dict[str, float | str]
"""Keys of the report with their values, or with the reason why there is none."""


class Suite(Protocol):
    """One group of measurements."""

    @property
    def name(self) -> str:
        """What a person asks for it by."""

    @property
    def most(self) -> int:
        """Faces beyond this number are left out."""

    @property
    def on_real_faces(self) -> bool:
        """Whether it says something about a handful of real photos, too."""

    def run(self, trial: Trial) -> list[Case]:
        """Measure a batch: a case for each face, or none at all where the model cannot do it."""

    def summary(self, cases: Sequence[Case]) -> Summary:
        """The report's keys from the cases of all batches."""


EVERY = 6
"""Suites that take a minute for a face look at each sixth: one in a batch, so that all take about as long."""


def slow_faces(faces: Faces) -> dict[int, int]:
    """Places in a batch of the faces that slow suites look at, and how many of them came before each."""
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
    """One case a face from values and pictures of the whole batch; NaN numbers are left out.

    `what` tells in a few words what the score is, `scores` rank the cases, lower is better.
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
    """Mean of a number over the cases that have it; NaN where none has."""
    values = [case.numbers[name] for case in found if name in case.numbers]
    return fmean(values) if values else math.nan


def stacked(found: Sequence[Case], name: str) -> Array:
    """An array of all cases, `[N, …]`."""
    return np.stack([case.arrays[name] for case in found])


def guide_panels(conditions: Conditions) -> dict[str, Tensor]:
    """What the model was shown, as pictures: the photo with its hole in gray, and the guides present."""
    panels = {"photo": conditions.masked_image}
    for name, modality in MODALITIES.items():
        if name in conditions.present:
            panels[name] = torch.stack([modality.panel(guide) for guide in getattr(conditions, name)])
    return panels
