"""What part of a face lies where, read off the perceptual network's features: differentiable and cheap."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..conventions import NUM_LABELS
from .mobilenet_v2 import STRIDE_ENDS
from .perceptual import Features

READ_STRIDES = (4, 8, 16, 32)
"""Of the features that are read; the first has one for each cell."""


class PartReader(nn.Module):
    """Unit-normalised MobileNetV2 features of a face → logarithms of the classes' shares in each cell.

    Args:
        channels: of the inner layers.
    """

    def __init__(self, channels: int = 64) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(sum(STRIDE_ENDS[stride][1] for stride in READ_STRIDES), channels, 1),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1, groups=channels),
            nn.Conv2d(channels, channels, 1),
            nn.ReLU(),
            nn.Conv2d(channels, NUM_LABELS, 1),
        )

    def forward(self, features: Features) -> Tensor:
        """Features of faces [B, 3, S, S] by stride → [B, 19, S / 4, S / 4]."""
        size = features[READ_STRIDES[0]].shape[-2:]
        maps = [F.interpolate(features[s], size, mode="bilinear", align_corners=False) for s in READ_STRIDES]
        return self.layers(torch.cat(maps, 1)).log_softmax(1)
