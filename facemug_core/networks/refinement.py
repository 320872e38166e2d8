"""Refinement auto-encoder: multi-scale features of the guides, decoded under style codes and bank priors
(PAPER section 10)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, cat, nn

from ..config import GeneratorConfig
from ..conventions import CODE_DIM
from ..ops.filters import separable_conv2d
from .layers import DownConv, EqualConv2d, EqualLinear, ModulatedConv2d, StyleLayer
from .style_fusion import FUSIONS

GRID_FREE = (1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0)
"""Smoothing kernel that removes a two-pixel grid: entries at even and at odd places have the same sum."""

Pyramid = dict[int, Tensor]
"""Feature maps `[B, C, r, r]` by their side r."""


class RefinementEncoder(nn.Module):
    """F_a `[B, C, h, h]` → features at every resolution from h down to 4, and a global vector g."""

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        channels = config.channels
        fine_to_coarse = config.resolutions[::-1]
        self.entry = EqualConv2d(config.aggregation_channels, channels[fine_to_coarse[0]], 1, activate=True)
        self.keep = nn.ModuleDict(
            {str(r): EqualConv2d(channels[r], channels[r], 3, activate=True) for r in fine_to_coarse}
        )
        self.down = nn.ModuleDict(
            {str(r): DownConv(channels[r], channels[r // 2]) for r in fine_to_coarse[:-1]}
        )
        self.to_global = EqualLinear(channels[4] * 16, config.global_dim, activate=True)
        self.dropout = nn.Dropout(0.5)
        self.from_global = EqualLinear(config.global_dim, channels[4] * 16)

    def forward(self, x: Tensor) -> tuple[Pyramid, Tensor]:
        x = self.entry(x)
        features: Pyramid = {}
        for name, conv in self.keep.items():
            x = conv(x)
            features[int(name)] = x
            if name in self.down:
                x = self.down[name](x)
        g = self.dropout(self.to_global(x.flatten(1)))
        features[4] = features[4] + self.from_global(g).view_as(x)
        return features, g


class ToRGB(nn.Module):
    """Modulated 1×1 convolution to a picture `stem` times the side of its input; linear, not demodulated."""

    def __init__(self, in_channels: int, style_dim: int, stem: int = 1) -> None:
        super().__init__()
        self.conv = ModulatedConv2d(in_channels, 3 * stem**2, 1, style_dim, demodulate=False)
        # Small at first, because a random picture would have to be unlearned.
        nn.init.normal_(self.conv.weight, std=0.1)
        self.bias = nn.Parameter(self.conv.weight.new_zeros(3 * stem**2))
        self.stem = stem

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        picture = F.pixel_shuffle(self.conv(x, style) + self.bias[:, None, None], self.stem)
        return picture if self.stem == 1 else without_grid(picture)


def without_grid(x: Tensor) -> Tensor:
    """Remove patterns with a period of two pixels from a picture `[B, C, H, W]`.

    Pixel shuffle leaves such a grid in flat areas. Strands and edges are not periodic, and stay.
    """
    reach = len(GRID_FREE) // 2
    padded = F.pad(x, (reach,) * 4, mode="reflect")
    smooth = x.new_tensor(GRID_FREE)
    smooth = smooth / smooth.sum()
    sign = 1 - 2 * ((torch.arange(len(smooth), device=x.device) - reach) % 2)
    with_grid = smooth + sign * smooth
    return x - separable_conv2d(padded, with_grid) + separable_conv2d(padded, smooth)


def upsample(x: Tensor) -> Tensor:
    """Double the side, bilinear."""
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


class _DecoderLevel(nn.Module):
    """One resolution: up-sampling style layer, fusion, and the picture's increment (Eq. 6)."""

    def __init__(self, config: GeneratorConfig, resolution: int) -> None:
        super().__init__()
        style_dim = CODE_DIM + config.global_dim
        channels = config.channels[resolution]
        self.up = StyleLayer(config.channels[resolution // 2], channels, style_dim, resolution, up=True)
        self.fuse = FUSIONS[config.fusion](
            channels, style_dim, config.bank_channels.get(resolution), config.bank_scales.get(resolution, 1.0)
        )
        self.to_rgb = ToRGB(channels, style_dim, config.stem)


class RefinementDecoder(nn.Module):
    """Encoder features, bank features, codes and g → picture `[B, 3, 256, 256]`, not yet composited."""

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        style_dim = CODE_DIM + config.global_dim
        first, *rest = config.resolutions
        self.bank_resolutions = tuple(config.bank_channels)
        self.first = StyleLayer(config.channels[first], config.channels[first], style_dim, first)
        self.first_rgb = ToRGB(config.channels[first], style_dim, config.stem)
        self.levels = nn.ModuleDict({str(r): _DecoderLevel(config, r) for r in rest})

    def forward(self, encoded: Pyramid, bank: Pyramid, codes: Tensor, g: Tensor) -> Tensor:
        """codes `[B, t ≥ 2·levels, 512]`; the bank's maps at `bank_resolutions` (others are ignored)."""

        def style(index: int) -> Tensor:
            return cat([codes[:, index], g], 1)  # w*_i

        x = self.first(encoded[4], style(0))
        rgb = self.first_rgb(x, style(1))
        for index, (name, level) in enumerate(self.levels.items()):
            assert isinstance(level, _DecoderLevel)
            resolution, i = int(name), 2 * index + 1
            x = level.up(x, style(i))
            prior = bank[resolution] if resolution in self.bank_resolutions else None
            x = level.fuse(x, encoded[resolution], prior, style(i + 1))
            rgb = upsample(rgb) + level.to_rgb(x, style(i + 2))
        return rgb
