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
"""Side of the window, run twice, whose view of what lies outside says how much is taken back."""

VIEW = 1.75
"""Standard deviation, in pixels, of the view by which a photo is carried on across the rim."""

SLOPE_DOUBT = 0.2
"""In square pixels: where what is in view lies within less, it tells little of a slope."""

VISIBLE = 0.07
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
    kept = _mean(torch.cat([torch.where(mask > 0, 0.0, photo), 1 - mask], 1), 3)
    outermost = rim(mask)
    steps = kept[:, :3] / kept[:, 3:].clamp(min=1e-6) - edit
    return edit + nearness(mask, REACH_WINDOW) * _spread(steps * outermost, outermost)


def carried_on(photo: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """A photo carried on across the rim of a mask, by planes fitted to the colors outside near each pixel.

    Args:
        photo: [B, 3, H, W] in [-1, 1]; what lies under the mask is never read.
        mask: [B, 1, H, W] in {0, 1}, 1 = unknown.

    Returns:
        Colors [B, 3, H, W] in [-1, 1], and how much they are worth, [B, 1, H, W]: 1 at the rim, 0 some 6 px
        inside.
    """
    view = _view(photo)

    def moment(x: Tensor, down: int, across: int) -> Tensor:
        return separable_conv2d(x, view[down], view[across], padding=view.shape[1] // 2)

    outside = 1 - mask
    share = moment(outside, 0, 0)
    whole = share.clamp(min=1e-6)
    y, x, yy, xx, yx = (
        moment(outside, *powers) / whole for powers in ((1, 0), (0, 1), (2, 0), (0, 2), (1, 1))
    )
    seen = torch.where(mask > 0, 0.0, photo)
    mean, down, across = (moment(seen, *powers) / whole for powers in ((0, 0), (1, 0), (0, 1)))
    yy, xx, yx = yy - y * y + SLOPE_DOUBT, xx - x * x + SLOPE_DOUBT, yx - y * x
    down, across = down - y * mean, across - x * mean
    slopes = (yy * across - yx * down) * x + (xx * down - yx * across) * y
    carried = mean - slopes / (xx * yy - yx * yx)
    return carried.clamp(-1, 1), (share / VISIBLE).clamp(max=1).sqrt()


def meeting(edit: Tensor, carried: Tensor, worth: Tensor, mask: Tensor) -> Tensor:
    """The edit, near the rim in the tones of a photo that is carried on, and at the rim in its very colors.

    Args:
        edit: [B, 3, H, W]; only what lies under the mask counts.
        carried, worth: see `carried_on`.
        mask: [B, 1, H, W] in {0, 1}, 1 = edit.

    Returns:
        [B, 3, H, W]; of use under the mask alone.
    """
    counts = worth * mask
    tones = _spread((carried - edit) * counts, counts)
    return torch.lerp(edit + worth * tones, carried, worth * rim(mask))


def _view(like: Tensor) -> Tensor:
    """How much pixels along a line through the middle of a view count, times powers 0, 1 and 2 of the way to
    them: [3, K]."""
    reach = round(3.5 * VIEW)
    way = torch.arange(-reach, reach + 1).to(like)
    view = torch.exp(-0.5 * (way / VIEW) ** 2)
    view = view / view.sum()
    return torch.stack([view, view * way, view * way**2])


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
