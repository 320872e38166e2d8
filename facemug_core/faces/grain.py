"""Noise of photos: measures it, and adds it to edits."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

LOW_QUANTILE = 0.25
"""Quantile of the filter's responses that is measured; edges and hair raise only higher ones."""

NORMAL_QUANTILE = 0.3186
"""This quantile of |x| for a standard normal x."""

FEWEST = 1000
"""Fewest pixels for a measurement."""


def grain_level(picture: Tensor, where: Tensor) -> float:
    """Standard deviation of the noise of a picture `[1, C, H, W]` in a part of it (bool `[1, 1, H, W]`).

    Uses the difference of two Laplacians, which suppresses slopes and straight edges (Immerkær 1996), and a
    low quantile instead of the mean. 0 if the part is too small.
    """
    line = picture.new_tensor([1.0, -2.0, 1.0])
    kernel = torch.outer(line, line)[None, None]
    # Every second pixel of a row and column is enough.
    response = F.conv2d(picture.mean(1, keepdim=True), kernel, stride=2).abs()
    beside = F.max_pool2d((~where).float(), 3, stride=2)
    found = response[beside == 0]
    if len(found) < FEWEST:
        return 0.0
    norm = 6 * NORMAL_QUANTILE  # 6: of the filter's weights
    return float(found.kthvalue(int(LOW_QUANTILE * len(found))).values) / norm


def match_grain(picture: Tensor, photo: Tensor, mask: Tensor) -> Tensor:
    """Add noise to a picture inside the mask up to the photo's level outside.

    Pictures are `[B, 3, H, W]` in [-1, 1], mask `[B, 1, H, W]`, 1 = edited. The same input gets the same
    noise.
    """
    noise = torch.randn(1, 1, *picture.shape[2:], generator=torch.Generator().manual_seed(0))
    missing = []
    for own, around, edited in zip(picture.split(1), photo.split(1), (mask > 0).split(1), strict=True):
        wanted, present = grain_level(around, ~edited), grain_level(own, edited)
        missing.append(math.sqrt(max(0.0, wanted**2 - present**2)))
    levels = picture.new_tensor(missing)[:, None, None, None]
    return picture + noise.to(picture.device) * levels
