"""The detail stage: a picture as sharp as the photo around it, from an edit made at 256 px.

An enlarged edit lacks the photo's fine band. Outside the mask that band is known, as the difference of the
photo and the enlarged edit; the network continues it into the mask. Work is done on the edit's grid and at
half of it: the photo enters by pixel-unshuffle, the band leaves by pixel-shuffle. Skin is made of noise that
the network weighs at each place: a band that depends on the edit alone would repeat itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..config import DetailConfig
from .layers import EqualConv2d, EqualLinear, leaky_relu

BAND_SCALE = 10.0
"""Brings fine bands, a few hundredths strong, to about unit variance."""


@dataclass(frozen=True, eq=False)
class Enlarging:
    """An edit and the photo that it is to be as sharp as, or the same window of both."""

    edited: Tensor
    """[B, 3, h, w] in [-1, 1]."""
    photo: Tensor
    """[B, 3, factor · h, factor · w] in [-1, 1]; counts outside the mask only."""
    mask: Tensor
    """[B, 1, h, w], 1 = edited."""
    noise: Tensor
    """[B or 1, 1, factor · h, factor · w], standard normal."""


class Detail(nn.Module):
    """Edit and photo → picture at the photo's size; all pixels are new, selecting is the caller's job."""

    def __init__(self, config: DetailConfig) -> None:
        super().__init__()
        self.factor = config.factor
        channels, inner = config.channels, config.inner_channels
        seen = 3 + 3 * self.factor**2 + 1
        self.entry = EqualConv2d(seen, channels, 1, activate=True)
        self.noise = EqualConv2d(self.factor**2, channels, 1)
        self.to_style = EqualLinear(channels, 2 * inner)
        self.down = EqualConv2d(4 * channels, inner, 1, activate=True)
        self.blocks = nn.ModuleList(_Block(inner) for _ in range(config.blocks))
        self.up = EqualConv2d(inner, 8 * channels, 1)
        self.exit = EqualConv2d(channels, 3 * self.factor**2, 3)
        nn.init.zeros_(self.exit.weight)  # starts as plain enlarging

    def forward(self, given: Enlarging, whole: Enlarging | None = None) -> Tensor:
        """Picture [B, 3, factor · h, factor · w], about [-1, 1]; h and w even.

        `whole` are the whole photos where `given` are windows of them, equally many of each, those of a photo
        beside each other: how sharp a photo is shows in all of its kept pixels.
        """
        enlarged = enlarge(given.edited, self.factor)
        x = self._entered(given, enlarged)
        if whole is None:
            style = self._style(x, given.mask)
        else:
            style = self._style(self._entered(whole, enlarge(whole.edited, self.factor)), whole.mask)
            style = style.repeat_interleave(len(x) // len(style), 0)
        scale, shift = style[:, :, None, None].chunk(2, 1)
        y = self.down(F.pixel_unshuffle(x, 2)) * (1 + scale) + shift
        for block in self.blocks:
            y = block(y)
        added, weight = F.pixel_shuffle(self.up(y), 2).chunk(2, 1)
        x = leaky_relu(x + added + weight * self.noise(F.pixel_unshuffle(given.noise, self.factor)))
        return enlarged + F.pixel_shuffle(self.exit(x), self.factor)

    def _entered(self, given: Enlarging, enlarged: Tensor) -> Tensor:
        """Features [B, channels, h, w] of edit, mask and the photo's fine band outside the mask."""
        band = F.pixel_unshuffle(given.photo - enlarged, self.factor) * (BAND_SCALE * (1 - given.mask))
        return self.entry(torch.cat([given.edited, band, given.mask], 1))

    def _style(self, entered: Tensor, mask: Tensor) -> Tensor:
        """How the kept pixels look on average, as scales and shifts of the inner channels [B, 2 · inner]."""
        kept = 1 - mask
        mean = (entered * kept).sum((2, 3)) / kept.sum((2, 3)).clamp(min=1)
        return self.to_style(mean)


class _Block(nn.Module):
    """Residual block of two 3×3 convolutions."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = EqualConv2d(channels, channels, 3, activate=True)
        self.conv2 = EqualConv2d(channels, channels, 3)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv2(self.conv1(x)) / 2


def enlarge(picture: Tensor, factor: int) -> Tensor:
    """A picture [B, 3, h, w], `factor` times the side, bicubic."""
    return F.interpolate(picture, scale_factor=factor, mode="bicubic", align_corners=False)
