"""Seams: what an edit and the photo differ by along the mask's rim is taken back where the edit begins."""

from __future__ import annotations

import torch
from torch import Tensor

from .layers import separable_conv2d

STEP_WINDOW = 5
"""Side of the window, run twice, over which steps along the rim are averaged: edges that end at the mask by
nature stay, a rim that is off as a whole does not."""

REACH_WINDOW = 13
"""Side of the window, run twice, whose view of what lies outside says how much is taken back."""


def without_seam(edit: Tensor, photo: Tensor, mask: Tensor) -> Tensor:
    """The edit, in the photo's tone where it meets the photo, and as it is some 10 px inside.

    Args:
        edit: [B, 3, H, W]; only what lies under the mask counts.
        photo: [B, 3, H, W]; what lies under the mask is never read.
        mask: [B, 1, H, W] in {0, 1}, 1 = edit.

    Returns:
        [B, 3, H, W]; of use under the mask alone.
    """
    outside = 1 - mask
    kept = _mean(torch.cat([torch.where(mask > 0, 0.0, photo), outside], 1), 3)
    rim = ((kept[:, 3:] > 0) & (mask > 0)).to(mask.dtype)
    steps = (kept[:, :3] / kept[:, 3:].clamp(min=1e-6) - edit) * rim
    spread = _mean(_mean(torch.cat([steps, rim], 1), STEP_WINDOW), STEP_WINDOW)
    return edit + nearness(mask, REACH_WINDOW) * spread[:, :3] / spread[:, 3:].clamp(min=1e-6)


def nearness(mask: Tensor, window: int) -> Tensor:
    """1 at the rim of a mask [B, 1, H, W] and some pixels on, and 0 where a window, run twice, sees nothing
    beyond it."""
    return (3 * wide_mean(1 - mask, window)).clamp(max=1)


def wide_mean(x: Tensor, window: int) -> Tensor:
    """Mean over a square window, twice, of a picture with zeros around it. For wide windows two matrix
    products take a tenth of the time of convolutions."""
    rows, columns = (_means_of_means(side, window).to(x) for side in x.shape[-2:])
    return rows @ x @ columns


def _means_of_means(side: int, window: int) -> Tensor:
    """Running means along a side, twice, with zeros around it: [side, side], symmetric."""
    place = torch.arange(side)
    mean = ((place[:, None] - place).abs() <= window // 2) / window
    return mean @ mean


def _mean(x: Tensor, window: int) -> Tensor:
    """Mean over a square window of a picture with zeros around it; convolutions do it faster than pooling."""
    return separable_conv2d(x, x.new_full((window,), 1 / window), padding=window // 2)
