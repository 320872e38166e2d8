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

ROUNDS = 3
"""How often the hole is filled anew with the cells whose patches are nearest."""

DISTANCE_COST = 0.004
"""What a way of one cell costs a source, against the mean squared difference of colors: near sources are in
the same light and focus."""

OVERLAP = (1.0, 2.0, 1.0)
"""Weights of the neighbors of a cell whose sources, continued, are averaged in it."""

STEP_SIGMA = 10.0
"""Standard deviation, in pixels, of the tones that are smoothed where sources meet."""

STEP_RANGE = 0.2
"""Steps of tone below this are smoothed away, for pictures in [-1, 1]; larger ones are things of their
own."""


def continued(photo: Tensor, mask: Tensor, person: Tensor) -> tuple[Tensor, Tensor]:
    """A photo whose background goes on under a mask, in its own texture.

    Args:
        photo: [B, 3, H, W] in [-1, 1]; sides are multiples of `CELL`.
        mask: [B, 1, H, W] in {0, 1}: what is filled.
        person: [B, 1, H, W] in {0, 1}: what is visible and must not be copied.

    Returns:
        [B, 3, H, W], and [B, 1, 1, 1]: 1, or 0 where no patch is visible that could be copied.
    """
    hidden = torch.maximum(mask, person)
    smooth = fill_holes(photo, hidden)
    blocked = F.max_pool2d(hidden, CELL)  # [B, 1, h, w]
    copyable = F.max_pool2d(F.pad(blocked, (PATCH // 2,) * 4, value=1.0), PATCH, 1) == 0
    known = copyable.any((1, 2, 3), keepdim=True)
    copied = [
        _copied(*one) if one[2].any() else one[0]
        for one in zip(smooth.split(1), mask.split(1), copyable.split(1), strict=True)
    ]
    texture = torch.cat(copied)
    tone, low = gaussian_blur(torch.cat([smooth, texture], 1), STEP_SIGMA).chunk(2, 1)
    step = (tone - low) * torch.exp(-((tone - low) / STEP_RANGE).square().sum(1, keepdim=True))
    return torch.where(mask > 0, texture + step, photo).clamp(-1, 1), known.to(photo.dtype)


def _copied(smooth: Tensor, mask: Tensor, copyable: Tensor) -> Tensor:
    """A picture [1, 3, H, W] that shows under the mask the copyable cells that fit best."""
    height, width = copyable.shape[-2:]
    holes, places = (torch.nonzero(x.flatten())[:, 0] for x in (F.max_pool2d(mask, CELL), copyable))
    there, here = (torch.stack([p // width, p % width], 1).float() for p in (places, holes))
    cost = DISTANCE_COST * torch.cdist(here, there)
    small = F.avg_pool2d(smooth, CELL)
    shown, source = small, torch.arange(height * width, device=smooth.device)
    for _ in range(ROUNDS):
        patches = F.unfold(shown, PATCH, padding=PATCH // 2)[0].T / PATCH  # [h·w, 3·P²]
        wanted, offered = patches[holes], patches[places]
        apart = cost - 2 * wanted @ offered.T
        source[holes] = places[(apart + offered.square().sum(1)).argmin(1)]
        shown = small.flatten(2)[..., source].view_as(small)
    return _blended(smooth, mask, source.view(height, width))


def _blended(picture: Tensor, mask: Tensor, source: Tensor) -> Tensor:
    """A picture with cells under the mask copied from `source` [h, w], each overlapping its neighbors."""
    (height, width), (rows, columns) = source.shape, picture.shape[-2:]
    y, x = torch.nonzero(mask[0, 0], as_tuple=True)
    weights = torch.tensor(OVERLAP) / sum(OVERLAP)
    reach = range(-(len(OVERLAP) // 2), len(OVERLAP) // 2 + 1)
    pixels, total = picture[0].flatten(1), torch.zeros(3, len(y), device=picture.device)
    for i, down in enumerate(reach):
        for j, across in enumerate(reach):
            # The pixel as a neighboring cell continues it.
            cell_y = (y // CELL + down).clamp(0, height - 1)
            cell_x = (x // CELL + across).clamp(0, width - 1)
            there = source[cell_y, cell_x]
            from_y = (CELL * (there // width - cell_y) + y).clamp(0, rows - 1)
            from_x = (CELL * (there % width - cell_x) + x).clamp(0, columns - 1)
            total += weights[i] * weights[j] * pixels[:, from_y * columns + from_x]
    copied = pixels.clone()
    copied[:, y * columns + x] = total
    return copied.view_as(picture)
