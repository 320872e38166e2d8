"""Seams: what an edit and the photo differ by along the mask's rim is taken back where the edit begins."""

from __future__ import annotations

import torch
from torch import Tensor

from ..ops.filters import separable_conv2d, wide_mean
from ..ops.masks import dilated

STEP_WINDOW = 5
"""Side of the window, run twice, over which differences to the photo are averaged: edges that end at the mask
by nature stay, a rim that is off as a whole does not."""

REACH_WINDOW = 13
"""Side of the window, run twice, whose view of what is outside says how much is taken back."""


def without_seam(edit: Tensor, photo: Tensor, mask: Tensor) -> Tensor:
    """The edit, in the photo's tone where it meets the photo, and as it is some 10 px inside.

    Args:
        edit: [B, 3, H, W]; only what is under the mask counts.
        photo: [B, 3, H, W]; what is under the mask is never read.
        mask: [B, 1, H, W] in {0, 1}, 1 = edit.

    Returns:
        [B, 3, H, W]; of use under the mask alone.
    """
    kept = _mean(torch.cat([torch.where(mask > 0, 0.0, photo), 1 - mask], 1), 3)
    outermost = rim(mask)
    steps = kept[:, :3] / kept[:, 3:].clamp(min=1e-6) - edit
    return edit + nearness(mask, REACH_WINDOW) * _spread(steps * outermost, outermost)


def rim(mask: Tensor, width: int = 1) -> Tensor:
    """The outermost pixels of a mask [B, 1, H, W] in {0, 1}, so many of them."""
    return mask * (dilated(1 - mask, width) > 0)


def nearness(mask: Tensor, window: int) -> Tensor:
    """1 at the rim of a mask [B, 1, H, W] and some pixels on, and 0 where a window, run twice, sees nothing
    beyond it."""
    return (3 * wide_mean(1 - mask, window)).clamp(max=1)


def _spread(x: Tensor, counts: Tensor) -> Tensor:
    """Weighted means around each pixel; x [B, C, H, W] times how much it counts, which is [B, 1, H, W]."""
    sums = _mean(_mean(torch.cat([x, counts], 1), STEP_WINDOW), STEP_WINDOW)
    return sums[:, :-1] / sums[:, -1:].clamp(min=1e-6)


def _mean(x: Tensor, window: int) -> Tensor:
    """Mean over a square window of a picture with zeros around it; convolutions do it faster than pooling."""
    return separable_conv2d(x, x.new_full((window,), 1 / window), padding=window // 2)
