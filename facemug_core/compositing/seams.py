"""Seam removal: measure edit − photo along the mask's boundary and subtract it, fading inwards."""

from __future__ import annotations

import torch
from torch import Tensor

from ..ops.filters import separable_conv2d, wide_mean
from ..ops.masks import dilated

STEP_WINDOW = 5
"""Side of the window, run twice, in which differences to the photo are averaged. An edge that ends at the
mask stays; an offset of the whole boundary is removed."""

REACH_WINDOW = 13
"""Side of the window, run twice, whose share of kept pixels scales the correction: it fades inwards."""


def without_seam(edit: Tensor, photo: Tensor, mask: Tensor) -> Tensor:
    """The edit, in the photo's tone at the boundary, and unchanged from some 10 px inside.

    Args:
        edit: `[B, 3, H, W]`; read only under the mask.
        photo: `[B, 3, H, W]`; never read under the mask.
        mask: `[B, 1, H, W]` in {0, 1}, 1 = edit.

    Returns:
        `[B, 3, H, W]`; valid only under the mask.
    """
    kept = _mean(torch.cat([torch.where(mask > 0, 0.0, photo), 1 - mask], 1), 3)
    outermost = boundary(mask)
    steps = kept[:, :3] / kept[:, 3:].clamp(min=1e-6) - edit
    return edit + nearness(mask, REACH_WINDOW) * _spread(steps * outermost, outermost)


def boundary(mask: Tensor, width: int = 1) -> Tensor:
    """The outermost `width` pixels inside a mask `[B, 1, H, W]` in {0, 1}."""
    return mask * (dilated(1 - mask, width) > 0)


def nearness(mask: Tensor, window: int) -> Tensor:
    """1 in the first pixels inside the boundary of a mask `[B, 1, H, W]`, falling to 0 where a window, run
    twice, contains no kept pixels."""
    return (3 * wide_mean(1 - mask, window)).clamp(max=1)


def _spread(x: Tensor, counts: Tensor) -> Tensor:
    """Weighted means around each pixel: x `[B, C, H, W]`, multiplied by the weights `counts`."""
    sums = _mean(_mean(torch.cat([x, counts], 1), STEP_WINDOW), STEP_WINDOW)
    return sums[:, :-1] / sums[:, -1:].clamp(min=1e-6)


def _mean(x: Tensor, window: int) -> Tensor:
    """Mean over a square window of a picture with zeros around it; convolutions do it faster than pooling."""
    return separable_conv2d(x, x.new_full((window,), 1 / window), padding=window // 2)
