"""Modalities: a row for each kind of guide, with all that is done to it beyond the networks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from .choices import NoColor, Numbering
from .conditions import labels_to_palette, on_white, one_hot
from .conditions.files import Size
from .conditions.reading import read_color, read_opacity, read_semantic, read_sketch
from .conventions import NUM_LABELS, WORKING_SIZE
from .faces.alignment import Matrix, resample, scale_of
from .pictures import from_bytes


@dataclass(frozen=True, eq=False)
class Guide:
    """A guide on the photo's grid, and how much it counts."""

    values: Tensor
    """Sketch `[1, 1, H, W]` in {0, 1}, labels `[1, H, W]` (−1 = unknown) or color `[1, 3, H, W]` (0 =
    none)."""
    strength: float = 1.0
    aligned: bool = False
    """The values are on the grid of the aligned crop already."""
    photo_size: tuple[int, int] | None = None
    """(height, width) of the photo, if the values lie over all of it on another grid."""
    opacity: Tensor | None = None
    """How much each color counts, `[1, 1, H, W]` in [0, 1], on the grid of the values; None for all of
    them."""

    def to_crop(self, matrix: Matrix) -> Matrix:
        """The map crop pixel → pixel of the values, from that of the crop to the photo."""
        if self.photo_size is None:
            return matrix
        (rows, columns), (height, width) = self.values.shape[-2:], self.photo_size
        return np.diag([columns / width, rows / height, 1]) @ matrix


@dataclass(frozen=True)
class Reading:
    """How pictures of guides are meant."""

    numbering: Numbering = "auto"
    no_color: NoColor = "none"


@dataclass(frozen=True)
class Modality:
    """What is done to one kind of guide."""

    read: Callable[[Image.Image, Size, Reading, Callable[[str], None]], Guide]
    """A picture, brought to (width, height) or kept at its size; the last argument hears what was changed."""
    to_crop: Callable[[Tensor, Matrix | None], Tensor]
    """Values as in `Guide` → as in `Conditions`, by the map crop pixel → pixel of the values; None where they
    are on the crop's grid."""
    panel: Callable[[Tensor], Tensor]
    """Conditions `[C, H, W]` → a picture `[3, H, W]` in [-1, 1]."""
    silent: str
    """What to say where a guide says nothing."""


def _read_sketch(image: Image.Image, size: Size, reading: Reading, say: Callable[[str], None]) -> Guide:
    return Guide(read_sketch(image, size))


def _read_semantic(image: Image.Image, size: Size, reading: Reading, say: Callable[[str], None]) -> Guide:
    return Guide(read_semantic(image, size, reading.numbering, say))


def _read_color(image: Image.Image, size: Size, reading: Reading, say: Callable[[str], None]) -> Guide:
    return Guide(read_color(image, size, reading.no_color), opacity=read_opacity(image, size))


def _sketch_to_crop(sketch: Tensor, matrix: Matrix | None) -> Tensor:
    if matrix is None:
        return sketch
    covered_share = resample(sketch, matrix, (WORKING_SIZE, WORKING_SIZE), border="zeros")
    # A quarter of a pixel covered is a stroke, and on the way to a much smaller crop what a line of one
    # pixel covers where it lies across two.
    return (covered_share > min(0.25, 0.45 / scale_of(matrix))).float()


def _labels_to_crop(labels: Tensor, matrix: Matrix | None) -> Tensor:
    if matrix is None:
        return one_hot(labels)
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


def _color_to_crop(color: Tensor, matrix: Matrix | None) -> Tensor:
    if matrix is None:
        return color
    # Channel by channel: all at once on a big photo's grid would take a gigabyte.
    planes = ((color != 0).any(1, keepdim=True), *color.split(1, 1))
    weight, *colors = (resample(plane, matrix, (WORKING_SIZE,) * 2, border="zeros") for plane in planes)
    return torch.where(weight > 0.5, torch.cat(colors, 1) / weight.clamp(min=1e-3), 0.0).clamp(-1, 1)


def _semantic_panel(semantic: Tensor) -> Tensor:
    best, classes = semantic.max(0)
    colors = labels_to_palette(torch.where(best > 0, classes, -1)[None])
    return from_bytes(colors[0].permute(2, 0, 1))


MODALITIES: Mapping[str, Modality] = MappingProxyType(
    {
        "sketch": Modality(
            _read_sketch,
            _sketch_to_crop,
            on_white,
            "no strokes were found there. Draw in a color that stands out from the ground.",
        ),
        "semantic": Modality(
            _read_semantic,
            _labels_to_crop,
            _semantic_panel,
            "no label was found there, only what stands for unknown (255, black or transparent).",
        ),
        "color": Modality(
            _read_color,
            _color_to_crop,
            lambda color: color,
            "no color was found there, only what stands for none (transparent, or the color chosen for it).",
        ),
    }
)
"""By the name that `conventions.GUIDE_CHANNELS` has for it, in the order of the encoder's input."""
