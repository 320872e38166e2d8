"""What travels between our nodes, beside what the library has a class for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..facemug_core.batches import common_batch, item
from ..facemug_core.faces.under_mask import split_mask
from ..facemug_core.modalities import Guide
from ..facemug_core.pipeline.locate import AlignedFace
from .tensors import Photos


@dataclass(frozen=True, eq=False)
class Place:
    """A face, and the photo of the batch that it is in."""

    photo: int
    face: AlignedFace
    found: bool = True
    """False for a photo without a face, which keeps its place in the batch and is pasted nothing."""


@dataclass(frozen=True, eq=False)
class Faces:
    """Faces of a batch of photos."""

    image: Tensor
    """The photos as the host gave them: their kept pixels come back with these bits."""
    photos: Photos
    places: Sequence[Place]

    @property
    def crops(self) -> Tensor:
        """[F, 3, 256, 256] in [-1, 1]."""
        return torch.cat([place.face.crop for place in self.places])

    def shared_out(self, photo: int, mask: Tensor) -> list[tuple[int, Place, Tensor]]:
        """The places in a photo, with their numbers and the part of the photo's mask that belongs to each."""
        own = [
            (n, place) for n, place in enumerate(self.places) if len(self.photos) == 1 or place.photo == photo
        ]
        parts = split_mask(mask, [place.face.matrix for _, place in own])
        return [(number, place, part) for (number, place), part in zip(own, parts, strict=True)]

    def of_photo(self, photo: int) -> list[AlignedFace]:
        """The faces found in one photo."""
        return [place.face for place in self.places if place.photo == photo and place.found]


@dataclass(frozen=True, eq=False)
class GuidePictures:
    """A batch of sketches, semantic maps or color maps, as in `Guide`."""

    values: Tensor
    faces: Faces | None = None
    """The faces on whose crops the values lie; None for whole pictures."""
    opacity: Tensor | None = None
    """How much colors count, [B, 1, H, W] in [0, 1]; None for all of them."""

    def of(self, photo: int, face: int, strength: float, size: tuple[int, int] | None = None) -> Guide:
        """The guide of one face of one photo of a (height, width); without one, the guide is the picture."""
        aligned = self.faces is not None
        own = face if aligned else photo
        opacity = None if self.opacity is None else item(self.opacity, own)
        return Guide(item(self.values, own), strength, aligned, size, opacity)

    def check(self, name: str, photos: int, faces: int) -> None:
        """Raise `ShapeError` if the batch fits neither the photos nor, on crops, the faces."""
        expected = {"faces": faces} if self.faces is not None else {"photos": photos}
        if len(self.values) != 1:
            common_batch({name: len(self.values), **expected})


def given(**guides: GuidePictures | None) -> dict[str, GuidePictures]:
    """The guides that are connected, by name."""
    return {name: guide for name, guide in guides.items() if guide is not None}
