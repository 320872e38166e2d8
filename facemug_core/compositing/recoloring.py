"""Recoloring: a picture takes the colors of a color map and keeps its light, strands and edges."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ..ops.filters import enlarged, wide_mean

REDUCTION = 4
"""The color shift is computed on a grid this many times smaller."""

CONTRAST = 0.003
"""Variance of the map's brightness above which its parts are shifted separately, for pictures in [-1, 1]."""

REACH = 9
"""Side of the window, run twice, over which a color fades at the border of the painted area."""

WINDOW = 9
"""Side of the window, run twice, over which picture and map are compared, in cells of `REDUCTION`."""


def recolored(picture: Tensor, own: Tensor, color: Tensor, weight: Tensor, here: Tensor) -> Tensor:
    """A picture `[B, 3, H, W]` in the colors of a map, shifted from its `own` colors (`color_shift`). `here`
    `[B, 1, H, W]` in [0, 1] is how far each pixel belongs to the painted part."""
    shift, counts = color_shift(own, color, weight)
    return picture + here * counts * shift


def color_shift(picture: Tensor, color: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """The offset from a picture's colors to those of a map, and its weight.

    A guided filter (He et al. 2013) of the difference to the map, guided by the map's brightness: each part
    of the map is shifted as a whole, up to its borders, and the picture keeps its variation within the part.
    The weight is 0 where the map is empty; around painted areas it fades.

    Args:
        picture: `[B, 3, H, W]`, about [-1, 1].
        color: color map `[B, 3, H, W]` in [-1, 1].
        weight: strength of the color map, `[B, 1, H, W]` in [0, 1]; 0 where it is empty.

    Returns:
        The shift `[B, 3, H, W]`, and its weight `[B, 1, H, W]`.
    """
    known = (weight > 0).to(picture.dtype)
    gray = color.mean(1, keepdim=True)
    apart, gray_there = (color - picture) * known, gray * known
    asked = [known, weight, gray_there, gray * gray_there, apart, gray * apart]
    wide = wide_mean(F.avg_pool2d(torch.cat(asked, 1), REDUCTION), WINDOW)
    seen, *means = wide.split([1, 1, 1, 1, 3, 3], 1)
    seen = seen.clamp(min=1e-6)
    strength, middle, square, middle_apart, product = (mean / seen for mean in means)
    variance = (square - middle.square()).clamp(min=0)
    slope = (product - middle * middle_apart) / (variance + CONTRAST)
    lines = torch.cat([slope, middle_apart - slope * middle], 1)
    # Average of the linear models of all windows that contain a pixel.
    lines = wide_mean(lines * F.avg_pool2d(known, REDUCTION), WINDOW) / seen
    slope, offset, strength = enlarged(torch.cat([lines, strength], 1), picture).split([3, 3, 1], 1)
    confidence = wide_mean(known, REACH) / wide_mean(torch.ones_like(known), REACH)
    return slope * gray + offset, (2 * confidence).clamp(max=1) * strength
