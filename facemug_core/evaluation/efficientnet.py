"""EfficientNet-lite0 (Tan and Le 2019; the "lite" variant): the network of the perceptual judge.

Parameter names, with their leading underscores, are those of the published PyTorch conversion of the ImageNet
weights. Lite means ReLU6 and no squeeze-and-excitation. Convolutions pad like TensorFlow's "SAME": at stride
2 the odd pixel goes to the bottom right.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from ..networks.same_conv import SameConv2d

LEVEL_BLOCKS = (0, 2, 4, 10, 15)
"""Blocks whose output is a feature level: the last at strides 2, 4, 8, 16 and 32."""

_STAGES = (
    # repeats, kernel, stride, expansion, channels
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)


class EfficientNetLite0(nn.Module):
    """Features and ImageNet logits of pictures `[B, 3, H, W]` in [-1, 1]; use it in eval mode."""

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        self._conv_stem = SameConv2d(3, 32, 3, stride=2)
        self._bn0 = _norm(32)
        blocks, channels = [], 32
        for repeats, kernel, stride, expansion, out_channels in _STAGES:
            for repeat in range(repeats):
                blocks.append(
                    InvertedResidual(channels, out_channels, kernel, 1 if repeat else stride, expansion)
                )
                channels = out_channels
        self._blocks = nn.ModuleList(blocks)
        self._conv_head = SameConv2d(channels, 1280, 1)
        self._bn1 = _norm(1280)
        self._fc = nn.Linear(1280, classes)

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Five feature levels `[B, C, H/s, W/s]`: C is 16, 24, 40, 112, 320 and s is 2, 4, 8, 16, 32."""
        # The weights were trained on (x − 127) / 128 of 8-bit values x.
        x = (images * 127.5 + 0.5) / 128
        x = F.relu6(self._bn0(self._conv_stem(x)))
        levels = []
        for index, block in enumerate(self._blocks):
            x = block(x)
            if index in LEVEL_BLOCKS:
                levels.append(x)
        return tuple(levels)

    def logits(self, images: Tensor) -> Tensor:
        """ImageNet class logits `[B, classes]`; the weights expect 224 px and give the usual class order."""
        x = F.relu6(self._bn1(self._conv_head(self(images)[-1])))
        return self._fc(x.mean((2, 3)))


class InvertedResidual(nn.Module):
    """1×1 expansion, depthwise convolution, 1×1 projection; added to the input if the shapes agree."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        hidden = in_channels * expansion
        self.expands = expansion > 1
        if self.expands:
            self._expand_conv = SameConv2d(in_channels, hidden, 1)
            self._bn0 = _norm(hidden)
        self._depthwise_conv = SameConv2d(hidden, hidden, kernel, stride=stride, groups=hidden)
        self._bn1 = _norm(hidden)
        self._project_conv = SameConv2d(hidden, out_channels, 1)
        self._bn2 = _norm(out_channels)
        self.adds = stride == 1 and in_channels == out_channels

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu6(self._bn0(self._expand_conv(x))) if self.expands else x
        y = F.relu6(self._bn1(self._depthwise_conv(y)))
        y = self._bn2(self._project_conv(y))
        return x + y if self.adds else y


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3)
