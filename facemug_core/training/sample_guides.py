"""Guides of training samples, made from the picture like drawn and recolored ones."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import torch
import torch.nn.functional as F
from torch import Tensor

from ..conditions import boundary_sketch, one_hot, pencil_sketch, region_means, superpixels
from ..conventions import GUIDE_CHANNELS
from ..faces.regions import region_mask
from .draws import Draw
from .masks import mat_mask

SUPERPIXELS = (30, 100)
"""Range of the number of superpixels in color maps (PAPER 14.3)."""

RECOLORED = ("hair", "lips", "cloth", "skin+nose+ears", "eyes", "background", "hat")
"""Parts that are recolored."""


def recolored(image: Tensor, labels: Tensor, draw: Draw, parts: Sequence[str] = RECOLORED) -> Tensor:
    """A face `[3, H, W]` in [-1, 1] with the hue of one random part of its labels `[H, W]` changed.

    The bank has no blue hair. With a color map of the new picture, the model learns to take hue from the map.
    """
    part = region_mask(labels[None], parts[draw.integer(len(parts))])  # [1, 1, H, W]
    soft = F.avg_pool2d(part, 5, stride=1, padding=2, count_include_pad=False)[0]
    gray = image.mean(0, keepdim=True)
    turned = _turned_hue(image - gray, draw.uniform(0, 2 * math.pi)) * draw.uniform(0.5, 1.5)
    # Gray hair has no hue to rotate, so it gets a tint.
    tint = draw.normal(3, 1, 1)
    tint = (tint - tint.mean()) * draw.uniform(0, 0.6) * (1 - gray.square())
    return torch.lerp(image, (gray + turned + tint).clamp(-1, 1), soft)


def _turned_hue(chroma: Tensor, angle: float) -> Tensor:
    """Rotate colors `[3, H, W]` about the gray axis."""
    cos, sin = math.cos(angle), math.sin(angle)
    # Rodrigues' rotation about (1, 1, 1) / √3, for vectors normal to it.
    across = torch.stack([chroma[2] - chroma[1], chroma[0] - chroma[2], chroma[1] - chroma[0]])
    return cos * chroma + sin / math.sqrt(3) * across


def hand_drawn(sketch: Tensor, labels: Tensor, draw: Draw) -> Tensor:
    """A sketch `[1, H, W]` in {0, 1} like drawn by hand: incomplete, wobbly, thick, or part borders alone."""
    if draw.chance(0.3):
        sketch = boundary_sketch(labels[None])[0]
    if draw.chance(0.5):
        sketch = sketch * (1 - mat_mask(draw.generator))
    if draw.chance(0.6):
        sketch = _wobbled(sketch, draw)
    if draw.chance(0.5):
        width = 3 + 2 * draw.integer(2)
        sketch = F.max_pool2d(sketch[None], width, stride=1, padding=width // 2)[0]
    return sketch


def _wobbled(sketch: Tensor, draw: Draw) -> Tensor:
    """Strokes moved by up to about three pixels, smoothly."""
    size = sketch.shape[-1]
    shift = F.interpolate(draw.normal(1, 2, 12, 12), size=size, mode="bicubic", align_corners=False)
    shift = (shift * 1.5 * 2 / size).permute(0, 2, 3, 1)  # [1, H, W, 2] in grid units
    grid = F.affine_grid(torch.eye(2, 3)[None], [1, 1, size, size], align_corners=False)
    # Thickened first: stretched thin lines would break.
    thick = F.max_pool2d(sketch[None], 3, stride=1, padding=1)
    moved = F.grid_sample(thick, grid + shift, align_corners=False)
    return (moved[0] > 0.6).float()


def color_map(image: Tensor, labels: Tensor, draw: Draw) -> Tensor:
    """Region means or superpixels of `[3, H, W]` (PAPER 14.3)."""
    if draw.chance(0.88):  # superpixels are the slowest part of a sample
        return region_means(image[None], labels[None])[0]
    return superpixels(image[None], SUPERPIXELS[draw.integer(2)])[0]


def sketch(image: Tensor, labels: Tensor, draw: Draw) -> Tensor:
    """Lines of `[3, H, W]`: half by the filter, a tenth by the legacy filter, the rest like drawn by hand."""
    kind = draw.uniform()
    if kind < 0.1:
        return pencil_sketch(image[None], "legacy")[0]
    lines = pencil_sketch(image[None])[0]
    return lines if kind < 0.6 else hand_drawn(lines, labels, draw)


def semantic_map(image: Tensor, labels: Tensor, draw: Draw) -> Tensor:
    """The labels as they are, `[19, H, W]`."""
    return one_hot(labels[None])[0]


MAKERS: Mapping[str, Callable[[Tensor, Tensor, Draw], Tensor]] = MappingProxyType(
    {"sketch": sketch, "semantic": semantic_map, "color": color_map}
)
"""What makes a guide `[C, H, W]` of a picture `[3, H, W]` and its labels `[H, W]`, by modality."""


def random_guides(image: Tensor, labels: Tensor, draw: Draw, present: Sequence[bool]) -> dict[str, Tensor]:
    """Guides of the truth, some with parts erased; those that are not present are zero."""
    size = image.shape[-1]
    guides = {}
    for (name, make), wanted in zip(MAKERS.items(), present, strict=True):
        if not wanted:
            guides[name] = torch.zeros(GUIDE_CHANNELS[name], size, size)
            continue
        guide = make(image, labels, draw)
        if draw.chance(0.25):
            guide = guide * (1 - mat_mask(draw.generator))
        guides[name] = guide
    return guides
