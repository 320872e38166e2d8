"""Background under a mask: the photo's visible background, mirrored at the mask's border."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from scipy.ndimage import distance_transform_edt
from torch import Tensor

from ..ops.filters import wide_mean
from ..ops.masks import fill_holes

REACH = 26.0
"""Pixels over which the mirrored texture fades into smooth tones. Without it whole objects would appear
mirrored."""

DIRECTION_WINDOW = 9
"""Side of the window, run twice, that averages the directions to the border: this avoids kinks."""

GAP_WINDOW = 5
"""Side of the window, run twice, in which mirrored texture fades towards places without a visible source."""


def continued(photo: Tensor, mask: Tensor, person: Tensor) -> tuple[Tensor, Tensor]:
    """A photo whose background continues under a mask, in its own texture and focus.

    Args:
        photo: `[B, 3, H, W]` in [-1, 1].
        mask: `[B, 1, H, W]` in {0, 1}: pixels to fill.
        person: `[B, 1, H, W]` in {0, 1}: visible pixels that must not be copied.

    Returns:
        `[B, 3, H, W]`, and `[B, 1, 1, 1]`: 1, or 0 where no background is visible.
    """
    hidden = torch.maximum(mask, person)
    smooth = fill_holes(photo, hidden)
    known = (hidden == 0).any(dim=-1, keepdim=True).any(dim=-2, keepdim=True)
    mirrored = [
        _mirrored(image, hole) if visible else image
        for image, hole, visible in zip(smooth.split(1), hidden.split(1), known, strict=True)
    ]
    return torch.where(mask > 0, torch.cat(mirrored), photo), known.to(photo.dtype)


def _mirrored(smooth: Tensor, hidden: Tensor) -> Tensor:
    """A picture `[1, 3, H, W]` whose hidden part `[1, 1, H, W]` is mirrored at its border, and fades into the
    smooth picture farther inside."""
    inside = hidden[0, 0].cpu().numpy() > 0
    far, nearest = distance_transform_edt(inside, return_indices=True)
    height, width = inside.shape
    place = torch.from_numpy(np.indices(inside.shape)).to(smooth)  # [2, H, W]
    way = torch.from_numpy(nearest).to(smooth) - place
    distance = torch.from_numpy(far).to(smooth)
    way = F.normalize(wide_mean(way[None] * hidden, DIRECTION_WINDOW)[0], dim=0) * distance
    y, x = (place + 2 * way).round().long()
    within = (y >= 0) & (y < height) & (x >= 0) & (x < width)
    y, x = y.clamp(0, height - 1), x.clamp(0, width - 1)
    shown = within & (hidden[0, 0, y, x] == 0)
    share = torch.exp(-(distance / REACH).square()) * shown
    share = torch.minimum(share, wide_mean((shown | (distance == 0)).to(smooth)[None, None], GAP_WINDOW))
    return torch.lerp(smooth, smooth[..., y, x], share)
