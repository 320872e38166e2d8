"""Background under a mask: the photo's own, continued from beside the mask by its own patches."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ..ops.filters import gaussian_blur
from ..ops.masks import fill_holes

CELL = 4
"""Patches are looked for in cells of so many pixels."""

PATCH = 5
"""Side of a patch, in cells."""

ROUNDS = 4
"""How often the hole is filled anew with the cells whose patches are nearest."""

DISTANCE_COST = 0.004
"""What a way of one cell costs a source, against the mean squared difference of colors: near sources are
in the same light and focus."""

STEP_SIGMA = 10.0
"""Standard deviation, in pixels, of the tones that are smoothed where sources meet."""

STEP_RANGE = 0.2
"""Steps of tone below this are smoothed away, for pictures in [-1, 1]; larger ones are things of their
own."""


def continued(photo: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
    """A photo in which what is hidden is filled with the texture of what is not.

    Args:
        photo: [B, 3, H, W] in [-1, 1]; sides are multiples of `CELL`.
        hidden: [B, 1, H, W] in {0, 1}: what must not be copied, such as a hole and the person beside it.

    Returns:
        [B, 3, H, W], and [B, 1, 1, 1]: 1, or 0 where no patch is visible that could be copied.
    """
    smooth = fill_holes(photo, hidden)
    blocked = F.max_pool2d(hidden, CELL)  # [B, 1, h, w]
    copyable = F.max_pool2d(F.pad(blocked, (PATCH // 2,) * 4, value=1.0), PATCH, 1) == 0
    known = copyable.any((1, 2, 3), keepdim=True)
    copied = [
        _copied(*one) if one[2].any() else one[0]
        for one in zip(smooth.split(1), blocked.split(1), copyable.split(1), strict=True)
    ]
    texture = torch.where(hidden > 0, torch.cat(copied), photo)
    tone, low = gaussian_blur(smooth, STEP_SIGMA), gaussian_blur(texture, STEP_SIGMA)
    step = (tone - low) * torch.exp(-((tone - low) / STEP_RANGE).square().sum(1, keepdim=True))
    return torch.where(hidden > 0, texture + step, photo).clamp(-1, 1), known.to(photo.dtype)


def _copied(smooth: Tensor, blocked: Tensor, copyable: Tensor) -> Tensor:
    """A picture [1, 3, H, W] whose blocked cells show the copyable cells that fit best."""
    height, width = blocked.shape[-2:]
    holes, places = (torch.nonzero(x.flatten())[:, 0] for x in (blocked, copyable))
    here, there = (torch.stack([p // width, p % width], 1).float() for p in (holes, places))
    cost = DISTANCE_COST * torch.cdist(here, there)
    small = F.avg_pool2d(smooth, CELL)
    shown, source = small, torch.arange(height * width, device=smooth.device)
    for _ in range(ROUNDS):
        patches = F.unfold(shown, PATCH, padding=PATCH // 2)[0].T / PATCH  # [h·w, 3·P²]
        wanted, offered = patches[holes], patches[places]
        apart = wanted.square().sum(1)[:, None] + offered.square().sum(1) - 2 * wanted @ offered.T
        source[holes] = places[(apart + cost).argmin(1)]
        shown = small.flatten(2)[..., source].view_as(small)
    return _blended(smooth, source.view(height, width))


def _blended(picture: Tensor, source: Tensor) -> Tensor:
    """Cells [h, w] of a picture copied from `source`, each one overlapping its neighbors."""
    height, width = source.shape
    y, x = (torch.arange(side * CELL, device=source.device) for side in (height, width))
    y = y[:, None]
    weights = torch.tensor([0.25, 0.5, 0.25])
    total = torch.zeros_like(picture)
    for i, down in enumerate((-1, 0, 1)):
        for j, across in enumerate((-1, 0, 1)):
            # The pixel as a neighboring cell continues it.
            rows, columns = (y // CELL + down).clamp(0, height - 1), (x // CELL + across).clamp(0, width - 1)
            there = source[rows, columns]
            from_y = (CELL * (there // width - rows) + y).clamp(0, picture.shape[-2] - 1)
            from_x = (CELL * (there % width - columns) + x).clamp(0, picture.shape[-1] - 1)
            total = total + weights[i] * weights[j] * picture[:, :, from_y, from_x]
    return total
