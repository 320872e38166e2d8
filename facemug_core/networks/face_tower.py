"""The image side of the face text-image model: a linear layer on MobileNetV2's maps and on colors of parts.

In aligned faces each part has its place, so each place has its own weights. Hair and background vary, so
colors are averaged over soft parts.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..conventions import IMAGENET_MEAN, IMAGENET_STD, LABELS
from .mobilenet_v2 import STRIDE_ENDS, MobileNetV2Features

GRIDS: dict[int, int] = {8: 8, 16: 4, 32: 4}
"""Side that the map of each stride is averaged to."""

PART_STRIDES = (8, 16)
"""Strides of the maps in which parts are found."""

NUM_PLACES = sum(STRIDE_ENDS[stride][1] * side**2 for stride, side in GRIDS.items())
"""Number of features of places."""

ANCHOR_LEVELS = 4
"""Levels of each channel in the grid of anchor colors."""

ANCHOR_WIDTH = 1.18
"""Standard deviation of the nearness to an anchor, 0.8 of the distance between two anchors."""

NUM_COLORS = len(LABELS) * 4
"""Number of features of sizes and mean colors of parts."""

NUM_ANCHORS = len(LABELS) * ANCHOR_LEVELS**3
"""Number of features of nearness between parts' colors and anchors."""


class FaceTower(nn.Module):
    """Faces `[B, 3, 128, 128]`, ImageNet-normalized → `[B, dim]`."""

    image_size = 128

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.trunk = MobileNetV2Features()
        self.parts = nn.Conv2d(sum(STRIDE_ENDS[stride][1] for stride in PART_STRIDES), len(LABELS), 1)
        self.head = nn.Linear(NUM_PLACES + NUM_COLORS + NUM_ANCHORS, dim)

    def features(self, faces: Tensor) -> Tensor:
        """The trunk's maps averaged on coarse grids, then the colors of the parts, `[B, F]`."""
        maps = self.trunk(faces)
        places = [F.adaptive_avg_pool2d(maps[stride], side).flatten(1) for stride, side in GRIDS.items()]
        shares = self.parts(part_maps(maps)).clamp(min=0)
        return torch.cat([*places, part_colors(shares, faces)], 1)

    def forward(self, faces: Tensor) -> Tensor:
        return self.head(self.features(faces))


def part_maps(maps: Mapping[int, Tensor]) -> Tensor:
    """The trunk's maps by stride → input `[B, C, 16, 16]` of the part classifier."""
    finest = maps[PART_STRIDES[0]]
    size = finest.shape[-2:]
    return torch.cat(
        [F.interpolate(maps[stride], size, mode="bilinear", align_corners=False) for stride in PART_STRIDES],
        1,
    )


def part_colors(shares: Tensor, faces: Tensor) -> Tensor:
    """Size and mean color of each part, `[B, parts · 4]`, and nearness of this color to each anchor, `[B,
    parts · 64]`.

    The name of a color stands for a region of the color space, which a sum over anchors can describe.

    Args:
        shares: of each part in each cell, `[B, parts, S, S]`.
        faces: `[B, 3, H, W]`, ImageNet-normalized.
    """
    colors = F.adaptive_avg_pool2d(faces, shares.shape[-1])
    sizes = shares.sum((2, 3))[..., None]
    means = torch.einsum("bphw,bchw->bpc", shares, colors) / (sizes + 1)
    apart = means[:, :, None] - _anchors(faces)  # [B, parts, 64, 3]
    near = torch.exp(-0.5 * (apart / ANCHOR_WIDTH).square().sum(-1))
    return torch.cat([torch.cat([sizes, means], 2).flatten(1), near.flatten(1)], 1)


def _anchors(like: Tensor) -> Tensor:
    """The colors of a cubic grid, ImageNet-normalized: `[64, 3]`."""
    levels = torch.linspace(0, 1, ANCHOR_LEVELS, device=like.device, dtype=like.dtype)
    colors = torch.cartesian_prod(levels, levels, levels)
    return (colors - like.new_tensor(IMAGENET_MEAN)) / like.new_tensor(IMAGENET_STD)
