"""Seams: what an edit and the photo differ by along the mask's rim is taken back where the edit begins."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .layers import separable_conv2d

STEP_WINDOW = 5
"""Side of the window, run twice, over which steps along the rim are averaged: edges that end at the mask by
nature stay, a rim that is off as a whole does not."""

REACH_WINDOW = 13
"""Side of the window, run twice, whose view of what lies outside says how much is taken back."""

VIEW = 1.75
"""Standard deviation, in pixels, of the view by which a photo is carried on across the rim."""

SLOPE_DOUBT = 0.2
"""In square pixels: where what is in view lies within less, it tells little of a slope."""

VISIBLE = 0.1
"""Share of a view that must be outside the mask for the photo that is carried on to count fully."""


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


def carried_on(photo: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """A photo carried on across the rim of a mask, by planes fitted to the colors outside near each pixel.

    Args:
        photo: [B, 3, H, W] in [-1, 1]; what lies under the mask is never read.
        mask: [B, 1, H, W] in {0, 1}, 1 = unknown.

    Returns:
        Colors [B, 3, H, W] in [-1, 1], and how much they are worth, [B, 1, H, W]: 1 at the rim, 0 some 6 px
        inside.
    """
    reach = round(3.5 * VIEW)
    offset = torch.arange(-reach, reach + 1).to(photo)
    view = torch.exp(-0.5 * (offset / VIEW) ** 2)
    view = view / view.sum()
    weights = torch.stack([view, view * offset, view * offset**2])  # [3, K]
    seen = torch.cat([1 - mask, torch.where(mask > 0, 0.0, photo)], 1)
    down = F.conv2d(seen, weights.repeat(4, 1)[:, None, :, None], padding=(reach, 0), groups=4)
    both = F.conv2d(down, weights.repeat(12, 1)[:, None, None, :], padding=(0, reach), groups=12)
    sums = both.unflatten(1, (4, 3, 3))  # [B, value, power of y, power of x, H, W]
    share = sums[:, :1, 0, 0]
    moments = sums / share.clamp(min=1e-6)[:, :, None, None]
    known, colors = moments[:, :1], moments[:, 1:]
    x, y = known[:, :, 0, 1], known[:, :, 1, 0]
    mean = colors[:, :, 0, 0]
    xx = known[:, :, 0, 2] - x * x + SLOPE_DOUBT
    yy = known[:, :, 2, 0] - y * y + SLOPE_DOUBT
    xy = known[:, :, 1, 1] - x * y
    xc, yc = colors[:, :, 0, 1] - x * mean, colors[:, :, 1, 0] - y * mean
    inverse = 1 / (xx * yy - xy * xy)
    carried = mean - ((yy * xc - xy * yc) * x + (xx * yc - xy * xc) * y) * inverse
    return carried.clamp(-1, 1), (share / VISIBLE).clamp(max=1)


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
