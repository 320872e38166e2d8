"""Discriminator of StyleGAN2: residual blocks down to 4 px, minibatch deviation, one score (PAPER 12)."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..config import DiscriminatorConfig
from .layers import Blur, DownConv, EqualConv2d, EqualLinear

STDDEV_GROUP = 4
"""Pictures compared by the minibatch deviation."""


class DownBlock(nn.Module):
    """Two 3×3 convolutions, the second strided, beside a strided 1×1 skip, sum / √2: half the side."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv1 = EqualConv2d(in_channels, in_channels, 3, activate=True)
        self.conv2 = DownConv(in_channels, out_channels)
        self.blur = Blur((1, 1))
        self.skip = EqualConv2d(in_channels, out_channels, 1, stride=2, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return (self.conv2(self.conv1(x)) + self.skip(self.blur(x))) / math.sqrt(2)


def append_minibatch_stddev(x: Tensor) -> Tensor:
    """Append one constant channel: the mean deviation of the features over a group of pictures.

    x `[B, C, H, W]` → `[B, C + 1, H, W]`. A group is 4 pictures, or 2 or 1 where the batch is not a multiple.
    Pictures a quarter of the batch apart share a group, as in StyleGAN2.
    """
    batch, _, height, width = x.shape
    group = math.gcd(batch, STDDEV_GROUP)
    variance = x.unflatten(0, (group, -1)).var(0, unbiased=False)  # [B / group, C, H, W]
    deviation = (variance + 1e-8).sqrt().mean((1, 2, 3))
    channel = deviation.repeat(group)[:, None, None, None].expand(batch, 1, height, width)
    return torch.cat([x, channel], 1)


class Discriminator(nn.Module):
    """Picture `[B, 3, 256, 256]` in [-1, 1] → realness score (logit) `[B, 1]`."""

    def __init__(self, config: DiscriminatorConfig) -> None:
        super().__init__()
        channels = config.channels
        fine_to_coarse = sorted(channels, reverse=True)
        finest, coarsest = fine_to_coarse[0], fine_to_coarse[-1]
        last = channels[coarsest]
        self.stem = config.stem
        self.entry = EqualConv2d(3 * config.stem**2, channels[finest], 1, activate=True)
        self.blocks = nn.Sequential(*(DownBlock(channels[r], channels[r // 2]) for r in fine_to_coarse[:-1]))
        self.conv = EqualConv2d(last + 1, last, 3, activate=True)
        self.score = nn.Sequential(EqualLinear(last * coarsest**2, last, activate=True), EqualLinear(last, 1))

    def forward(self, image: Tensor) -> Tensor:
        x = self.blocks(self.entry(F.pixel_unshuffle(image, self.stem)))
        return self.score(self.conv(append_minibatch_stddev(x)).flatten(1))
