"""Operations on masks `[B, C, H, W]` in {0, 1}."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def dilated(mask: Tensor, radius: int) -> Tensor:
    """The mask grown by `radius` pixels in the chessboard distance, rows and columns apart for speed."""
    rows = F.max_pool2d(mask, (2 * radius + 1, 1), stride=1, padding=(radius, 0))
    return F.max_pool2d(rows, (1, 2 * radius + 1), stride=1, padding=(0, radius))


def eroded(mask: Tensor, radius: int) -> Tensor:
    """The mask shrunk by `radius` pixels; pixels outside the picture do not shrink it."""
    return -dilated(-mask, radius)


def fill_holes(image: Tensor, mask: Tensor) -> Tensor:
    """Fill the hole smoothly from the visible pixels: a pull-push pyramid.

    Visible pixels are averaged down level by level (premultiplied by how much of each cell is visible); on
    the way up, cells without enough visible pixels take the bilinearly enlarged coarser level.

    `image` `[B, C, H, W]`, `mask` `[B, 1, H, W]` with 1 = hole; returns `[B, C, H, W]` with the kept pixels'
    own bits. A picture that is all hole becomes zeros. Values under the mask are never read.
    """
    visible = mask <= 0
    color, weight = torch.where(visible, image, 0.0), visible.to(image.dtype)
    levels = [(color, weight)]
    while max(color.shape[-2:]) > 1:
        total = F.avg_pool2d(weight, 2, ceil_mode=True)
        color = F.avg_pool2d(color * weight, 2, ceil_mode=True) / total.clamp(
            min=torch.finfo(total.dtype).tiny
        )
        # One visible pixel of four is enough to trust a cell: tones stay local to the hole's rim.
        weight = (4 * total).clamp(max=1)
        levels.append((color, weight))
    filled, _ = levels.pop()
    for color, weight in reversed(levels):
        coarse = F.interpolate(filled, size=color.shape[-2:], mode="bilinear", align_corners=False)
        filled = torch.lerp(coarse, color, weight)
    return torch.where(visible, image, filled)
