"""Guides as people give them, brought onto the grid of an aligned crop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..conditions import Conditions, one_hot
from ..conventions import NUM_LABELS, WORKING_SIZE
from ..faces.alignment import Matrix, aligned_matrix, resample, scale_of
from .locate import AlignedFace


@dataclass(frozen=True, eq=False)
class Guide:
    """A guide on the photo's grid, and how much it counts."""

    values: Tensor
    """Sketch [1, 1, H, W] in {0, 1}, labels [1, H, W] (−1 = unknown) or color [1, 3, H, W] (0 = none)."""
    strength: float = 1.0
    aligned: bool = False
    """The values are on the grid of the aligned crop already."""
    photo_size: tuple[int, int] | None = None
    """(height, width) of the photo, if the values lie over all of it on another grid."""
    opacity: Tensor | None = None
    """How much each color counts, [1, 1, H, W] in [0, 1], on the grid of the values; None for all of them."""

    def to_crop(self, matrix: Matrix) -> Matrix:
        """The map crop pixel → pixel of the values, from that of the crop to the photo."""
        if self.photo_size is None:
            return matrix
        (rows, columns), (height, width) = self.values.shape[-2:], self.photo_size
        return np.diag([columns / width, rows / height, 1]) @ matrix


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
        if guide.opacity is not None:
            arguments["color_opacity"] = (
                guide.opacity
                if guide.aligned
                else _opacity_to_crop(guide.opacity, guide.values, guide.to_crop(matrix))
            )
        if guide.aligned:
            arguments[name] = one_hot(guide.values) if name == "semantic" else guide.values
        else:
            arguments[name] = _TO_CROP[name](guide.values, guide.to_crop(matrix))
        arguments[f"{name}_strength"] = guide.strength
    return arguments


def _sketch_to_crop(sketch: Tensor, matrix: Matrix) -> Tensor:
    covered_share = resample(sketch, matrix, (WORKING_SIZE, WORKING_SIZE), border="zeros")
    # A quarter of a pixel covered is a stroke, and on the way to a much smaller crop what a line of one
    # pixel covers where it lies across two.
    return (covered_share > min(0.25, 0.45 / scale_of(matrix))).float()


def _labels_to_crop(labels: Tensor, matrix: Matrix) -> Tensor:
    # Class by class: all 19 at once on a big photo's grid would take gigabytes.
    size = (WORKING_SIZE, WORKING_SIZE)
    shares = torch.cat(
        [
            resample((labels[:, None] == label).float(), matrix, size, border="zeros")
            for label in range(NUM_LABELS)
        ],
        1,
    )
    best, classes = shares.max(1)
    return one_hot(torch.where(best > 0.25, classes, -1))


def _color_to_crop(color: Tensor, matrix: Matrix) -> Tensor:
    # Channel by channel: all at once on a big photo's grid would take a gigabyte.
    planes = ((color != 0).any(1, keepdim=True), *color.split(1, 1))
    weight, *colors = (resample(plane, matrix, (WORKING_SIZE,) * 2, border="zeros") for plane in planes)
    return torch.where(weight > 0.5, torch.cat(colors, 1) / weight.clamp(min=1e-3), 0.0).clamp(-1, 1)


def _opacity_to_crop(opacity: Tensor, color: Tensor, matrix: Matrix) -> Tensor:
    present = (color != 0).any(1, keepdim=True)
    weight, share = (
        resample(plane, matrix, (WORKING_SIZE,) * 2, border="zeros", mode="bilinear")
        for plane in (present, opacity * present)
    )
    return (share / weight.clamp(min=1e-3)).clamp(0, 1)


def crop_conditions(face: AlignedFace, mask: Tensor, guides: Mapping[str, Guide]) -> Conditions:
    """Photo, mask [1, 1, 256, 256] and guides by name (sketch, semantic, color) on the crop's grid."""
    return Conditions.build(image=face.crop, mask=mask, **guides_to_crop(guides, face.matrix))


def silent_guides(guides: Mapping[str, Guide], conditions: Sequence[Conditions]) -> list[str]:
    """A sentence for each guide by name that says nothing to any of these edits."""
    return [
        f"The {NAMES[name]} says nothing near the mask: {SILENT[name]}"
        for name, guide in guides.items()
        if guide.strength > 0 and not any(name in one.present for one in conditions)
    ]


NAMES = {"sketch": "sketch", "semantic": "semantic map", "color": "color map"}
SILENT = {
    "sketch": "no strokes were found there. Draw in a color that stands out from the ground.",
    "semantic": "no label was found there, only what stands for unknown (255, black or transparent).",
    "color": "no color was found there, only what stands for none (transparent, or the color chosen for it).",
}

_TO_CROP = {"sketch": _sketch_to_crop, "semantic": _labels_to_crop, "color": _color_to_crop}
