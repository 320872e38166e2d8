"""Distances between pictures inside a mask. Lower is better, except for the signal-to-noise ratio.

The perceptual distance is computed like LPIPS (Zhang et al. 2018), but on another network and without learned
weights. Its values cannot be compared with LPIPS.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn


class EfficientNetDistance(nn.Module):
    """Perceptual distance of two pictures inside a mask, by EfficientNet-lite0.

    Args:
        network: pictures `[B, 3, H, W]` in [-1, 1] → feature levels `[B, C, h, w]`; in eval mode.
    """

    name = "EfficientNet-lite0 distance"

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def features(self, images: Tensor) -> list[Tensor]:
        """Feature levels of pictures `[B, 3, H, W]` in [-1, 1], fine to coarse."""
        return list(self.network(images))

    def between(self, first: Sequence[Tensor], second: Sequence[Tensor], mask: Tensor) -> Tensor:
        """Distance `[B]`, 0 to 4, of two sets of `features`; `mask` `[B, 1, H, W]`, 1 = counts, not empty.

        Squared difference of the pixels' unit vectors. It is averaged over the pixels of a level, weighted by
        the mask's share of each cell, then over the levels.
        """
        levels = []
        for a, b in zip(first, second, strict=True):
            height, width = a.shape[-2:]
            weight = F.adaptive_avg_pool2d(mask, (height, width))
            apart = F.normalize(a, dim=1) - F.normalize(b, dim=1)
            levels.append(masked_mean(apart.square().sum(dim=1, keepdim=True), weight))
        return torch.stack(levels).mean(dim=0)

    def forward(self, first: Tensor, second: Tensor, mask: Tensor) -> Tensor:
        """Distance `[B]` of pictures `[B, 3, H, W]` in [-1, 1] inside the mask `[B, 1, H, W]`."""
        return self.between(self.features(first), self.features(second), mask)


def pooled(features: Sequence[Tensor]) -> Tensor:
    """One vector `[B, C]` a picture: the mean of its coarsest feature level."""
    return features[-1].mean((2, 3))


def absolute_error(first: Tensor, second: Tensor, mask: Tensor) -> Tensor:
    """Mean absolute difference `[B]` inside the mask of pictures `[B, 3, H, W]` in [-1, 1]; 0 to 2."""
    return masked_mean((first - second).abs(), mask)


def peak_signal_to_noise(first: Tensor, second: Tensor, mask: Tensor) -> Tensor:
    """PSNR `[B]` in dB inside the mask of pictures `[B, 3, H, W]` in [-1, 1]; at most 100 dB."""
    error = masked_mean((first - second).square(), mask)
    return 10 * (4 / error.clamp(min=4e-10)).log10()


def masked_mean(values: Tensor, weight: Tensor) -> Tensor:
    """Mean `[B]` of `values` `[B, C, H, W]` over channels and pixels, pixels weighted by `[B, 1, H, W]`."""
    weight = weight.expand_as(values)
    return (values * weight).sum((1, 2, 3)) / weight.sum((1, 2, 3))


@dataclass(frozen=True)
class IdentityScale:
    """Scale of identity: s is 1 at the mean cosine of the same person, 0 at that of different people."""

    same: float
    different: float

    def of(self, cosine: float) -> float:
        """s of a cosine."""
        return (cosine - self.different) / (self.same - self.different)

    def score(self, first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
        """s of the features of two faces."""
        return self.of(float(first @ second / (np.linalg.norm(first) * np.linalg.norm(second))))
