"""Part reader and part head: parts of a face from the perceptual network's features, or from the bank's."""

from __future__ import annotations

from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..conditions import Conditions
from ..config import PartHeadConfig
from ..conventions import LABELS, NUM_LABELS
from .mobilenet_v2 import STRIDE_ENDS
from .perceptual import Features, PerceptualLoss

SEEN_SIZE = 128
"""Side of the pictures whose parts are read; takes a quarter of the working size's time."""

READ_STRIDES = (2, 4, 8, 16, 32)
"""Strides of the features that are read; the first has one value for each cell."""

PART_CELLS = SEEN_SIZE // READ_STRIDES[0]
"""Side of the grid in which the parts of a picture are read."""


class _Classifier(nn.Sequential):
    """Features `[B, channels, h, w]` → logarithms of the classes' shares in each cell, `[B, 19, h, w]`."""

    def __init__(self, channels: int) -> None:
        super().__init__(
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1, groups=channels),
            nn.Conv2d(channels, channels, 1),
            nn.ReLU(),
            nn.Conv2d(channels, NUM_LABELS, 1),
            nn.LogSoftmax(1),
        )


class PartReader(nn.Module):
    """Unit-normalized MobileNetV2 features of a picture → logarithms of the classes' shares in each cell.

    Differentiable and cheap. Cells in gray (0) parts of the picture are invalid.

    Args:
        channels: of the inner layers.
    """

    def __init__(self, channels: int = 64) -> None:
        super().__init__()
        self.entries = nn.ModuleDict(
            {str(stride): nn.Conv2d(STRIDE_ENDS[stride][1], channels, 1) for stride in READ_STRIDES}
        )
        self.classify = _Classifier(channels)

    def forward(self, features: Features) -> Tensor:
        """Features of faces `[B, 3, S, S]` by stride → `[B, 19, S / 2, S / 2]`."""
        size = features[READ_STRIDES[0]].shape[-2:]
        maps = [_resized(entry(features[int(stride)]), size) for stride, entry in self.entries.items()]
        return self.classify(torch.stack(maps).sum(0))


class PhotoParts(nn.Module):
    """Parts of the visible photo.

    Args:
        perceptual: frozen.
        reader: frozen.
    """

    def __init__(self, perceptual: PerceptualLoss, reader: PartReader) -> None:
        super().__init__()
        self.perceptual = perceptual
        self.reader = reader

    def forward(self, image: Tensor) -> Tensor:
        """Photos `[B, 3, 256, 256]` with gray (0) holes → shares of the classes, `[B, 19, 64, 64]`."""
        return self.reader(self.perceptual.features(F.adaptive_avg_pool2d(image, SEEN_SIZE))).exp()

    def without_background(self, conditions: Conditions) -> Conditions:
        """Conditions whose visible background is hidden, too."""
        behind = self.background(conditions.masked_image)
        return replace(conditions, mask=torch.maximum(conditions.mask, behind.to(conditions.mask)))

    def background(self, image: Tensor) -> Tensor:
        """Photos `[B, 3, H, W]` with gray (0) holes → visible background, bool `[B, 1, H, W]`."""
        share = self(image)[:, LABELS.index("background"), None]
        return _resized(share, image.shape[-2:]) > 0.5


class PartHead(nn.Module):
    """Feature maps of the bank → logarithms of the shares of each class in each cell of the finest map.

    It predicts the parsing of the bank's picture without drawing that picture.
    """

    def __init__(self, config: PartHeadConfig) -> None:
        super().__init__()
        self.scales = dict(config.bank_scales)
        self.entries = nn.ModuleDict(
            {str(r): nn.Conv2d(c, config.channels, 1) for r, c in config.bank_channels.items()}
        )
        self.classify = _Classifier(config.channels)

    @property
    def resolution(self) -> int:
        """Side of the finest map that is read, and of the result."""
        return max(self.scales)

    def forward(self, bank: dict[int, Tensor]) -> Tensor:
        """The bank's maps `[B, C, r, r]` by their side r → `[B, 19, R, R]`, R the finest side."""
        size = (self.resolution, self.resolution)
        maps = [
            _resized(entry(bank[int(r)] * self.scales[int(r)]), size) for r, entry in self.entries.items()
        ]
        return self.classify(torch.stack(maps).sum(0))


def _resized(x: Tensor, size: torch.Size | tuple[int, int]) -> Tensor:
    return x if x.shape[-2:] == size else F.interpolate(x, size, mode="bilinear", align_corners=False)
