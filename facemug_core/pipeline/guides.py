"""Guides, resampled onto the grid of an aligned crop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from ..conditions import Conditions
from ..conditions.conditions import NAMES
from ..conventions import WORKING_SIZE
from ..faces.alignment import Matrix, aligned_matrix, resample
from ..modalities import MODALITIES, Guide
from .locate import AlignedFace


def new_face_conditions(guides: Mapping[str, Guide]) -> Conditions:
    """Conditions of a new face from guides alone, each fitted whole into the middle of the square crop."""
    arguments: dict[str, Any] = {}
    for name, guide in guides.items():
        height, width = guide.values.shape[-2:]
        arguments |= guides_to_crop({name: guide}, aligned_matrix((height, width)))
    return Conditions.build(**arguments)


def guides_to_crop(guides: Mapping[str, Guide], matrix: Matrix) -> dict[str, Any]:
    """Guides by name as arguments of `Conditions.build`, on the grid of the crop with this matrix."""
    arguments: dict[str, Any] = {}
    for name, guide in guides.items():
        to_crop = None if guide.aligned else guide.to_crop(matrix)
        arguments[name] = MODALITIES[name].to_crop(guide.values, to_crop)
        if guide.opacity is not None:
            arguments[f"{name}_opacity"] = (
                guide.opacity if to_crop is None else _opacity_to_crop(guide.opacity, guide.values, to_crop)
            )
        arguments[f"{name}_strength"] = guide.strength
    return arguments


def _opacity_to_crop(opacity: Tensor, color: Tensor, matrix: Matrix) -> Tensor:
    present = (color != 0).any(1, keepdim=True)
    weight, share = (
        resample(plane, matrix, (WORKING_SIZE,) * 2, border="zeros", mode="bilinear")
        for plane in (present, opacity * present)
    )
    return (share / weight.clamp(min=1e-3)).clamp(0, 1)


def crop_conditions(face: AlignedFace, mask: Tensor, guides: Mapping[str, Guide]) -> Conditions:
    """Photo, mask `[1, 1, 256, 256]` and guides by name (sketch, semantic, color) on the crop's grid."""
    return Conditions.build(image=face.crop, mask=mask, **guides_to_crop(guides, face.matrix))


def silent_guides(guides: Mapping[str, Guide], conditions: Sequence[Conditions]) -> list[str]:
    """A warning for each guide without effect on any of these edits."""
    return [
        f"The {NAMES[name]} says nothing near the mask: {MODALITIES[name].silent}"
        for name, guide in guides.items()
        if guide.strength > 0 and not any(name in one.present for one in conditions)
    ]
