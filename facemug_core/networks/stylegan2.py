"""StyleGAN2 (Karras et al. 2020): the full-size feature bank (PAPER section 9).

Parameter names are those of the widely used rosinality checkpoints, without the mapping network (`style.*`),
which is a network of its own here. Those checkpoints store modulated weights with a leading axis of length 1,
`[1, out, in, k, k]`; here it is absent.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .banks import FeatureBank
from .layers import ModulatedConv2d, leaky_relu

STYLEGAN2_CHANNELS: MappingProxyType[int, int] = MappingProxyType(
    {4: 512, 8: 512, 16: 512, 32: 512, 64: 512, 128: 256, 256: 128, 512: 64, 1024: 32}
)
"""Channels at each resolution of the published 1024 px network (config-f)."""


class NoiseStrength(nn.Module):
    """Adds a noise map times a learned strength."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor, noise: Tensor) -> Tensor:
        return x + self.weight * noise


class BiasedActivation(nn.Module):
    """Bias, then LeakyReLU."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        return leaky_relu(x + self.bias[:, None, None])


class StyledConv(nn.Module):
    """Modulated 3×3 convolution, noise, bias, LeakyReLU."""

    def __init__(self, in_channels: int, out_channels: int, code_dim: int, *, up: bool = False) -> None:
        super().__init__()
        self.conv = ModulatedConv2d(in_channels, out_channels, 3, code_dim, up=up)
        self.noise = NoiseStrength()
        self.activate = BiasedActivation(out_channels)

    def forward(self, x: Tensor, code: Tensor, noise: Tensor) -> Tensor:
        return self.activate(self.noise(self.conv(x, code), noise))


class Upsample(nn.Module):
    """Double the side with the `[1, 3, 3, 1]` filter."""

    kernel: Tensor

    def __init__(self) -> None:
        super().__init__()
        taps = torch.tensor([1.0, 3.0, 3.0, 1.0])
        kernel = taps[:, None] * taps[None, :]
        self.register_buffer("kernel", kernel / kernel.sum() * 4)

    def forward(self, x: Tensor) -> Tensor:
        channels = x.shape[1]
        kernel = self.kernel.expand(channels, 1, 4, 4)
        return F.conv_transpose2d(x, kernel, stride=2, padding=1, groups=channels)


class ToRGB(nn.Module):
    """Modulated 1×1 convolution to colors, added to the up-sampled picture of the level before."""

    def __init__(self, in_channels: int, code_dim: int, *, first: bool = False) -> None:
        super().__init__()
        self.conv = ModulatedConv2d(in_channels, 3, 1, code_dim, demodulate=False)
        self.bias = nn.Parameter(torch.zeros(1, 3, 1, 1))
        if not first:
            self.upsample = Upsample()

    def forward(self, x: Tensor, code: Tensor, picture: Tensor | None = None) -> Tensor:
        rgb = self.conv(x, code) + self.bias
        return rgb if picture is None else rgb + self.upsample(picture)


class ConstantInput(nn.Module):
    """The learned 4×4 map that every picture starts from."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.input = nn.Parameter(torch.randn(1, channels, 4, 4))

    def forward(self) -> Tensor:
        return self.input


class NoiseMaps(nn.Module):
    """One fixed noise map per styled convolution: pictures repeat."""

    def __init__(self, resolutions: tuple[int, ...]) -> None:
        super().__init__()
        sides = [resolutions[0], *(side for side in resolutions[1:] for _ in range(2))]
        for i, side in enumerate(sides):
            self.register_buffer(f"noise_{i}", torch.randn(1, 1, side, side))

    def forward(self, index: int) -> Tensor:
        return self.get_buffer(f"noise_{index}")


class StyleGAN2(FeatureBank):
    """Codes to feature maps, and to a picture.

    Takes W+ codes `[B, 18, code_dim]`. Styled convolution j takes code j: code 0 styles the 4 px level, codes
    2k − 1 and 2k the two convolutions of level k (4·2^k px), and a level's colors take the code after those.
    The feature of a level is the output of its first, up-sampling convolution.

    Args:
        channels: feature channels at 4, 8, … px up to the picture's side.
        code_dim: length of one code.
    """

    def __init__(self, channels: Mapping[int, int] = STYLEGAN2_CHANNELS, code_dim: int = 512) -> None:
        super().__init__(channels, code_dim)
        self.input = ConstantInput(channels[4])
        self.conv1 = StyledConv(channels[4], channels[4], code_dim)
        self.to_rgb1 = ToRGB(channels[4], code_dim, first=True)
        self.convs = nn.ModuleList()
        self.to_rgbs = nn.ModuleList()
        for side in self.resolutions[1:]:
            width = channels[side]
            self.convs.append(StyledConv(channels[side // 2], width, code_dim, up=True))
            self.convs.append(StyledConv(width, width, code_dim))
            self.to_rgbs.append(ToRGB(width, code_dim))
        self.noises = NoiseMaps(self.resolutions)

    @staticmethod
    def first_resolution(code: int) -> int:
        """Coarsest level, in pixels, that depends on the code with this index: all coarser maps stay."""
        return 4 << (code // 2 + 1) if code else 4

    def modulation(self, code: int) -> list[Tensor]:
        """Weights `[C, code_dim]` of the linear maps from the code with this index to scales of channels."""
        if code >= len(self.convs) + 1:
            return []
        layer = cast(StyledConv, self.convs[code - 1]) if code else self.conv1
        return [layer.conv.modulation.weight]

    def _coarsest(self, codes: Tensor) -> Tensor:
        return self._convolve(0, self.input(), codes)

    def _next(self, level: int, coarser: Tensor, codes: Tensor) -> Tensor:
        return self._enter(level, self._finish(level - 1, coarser, codes), codes)

    def forward(self, codes: Tensor, known: Mapping[int, Tensor] | None = None) -> Tensor:
        """Picture `[B, 3, S, S]` in about [-1, 1] (not clamped), S the finest level.

        Arguments and errors as in `features`.
        """
        self._check(codes)
        known = known or {4: self._coarsest(codes)}
        x = known[4]
        picture = self.to_rgb1(x, codes[:, 1])
        for level, side in enumerate(self.resolutions[1:], 1):
            first = known[side] if side in known else self._enter(level, x, codes)
            x = self._finish(level, first, codes)
            picture = self.to_rgbs[level - 1](x, codes[:, 2 * level + 1], picture)
        return picture

    def _enter(self, level: int, x: Tensor, codes: Tensor) -> Tensor:
        """The feature of a level from the finished map of the level below."""
        return self._convolve(2 * level - 1, x, codes)

    def _finish(self, level: int, feature: Tensor, codes: Tensor) -> Tensor:
        """A level's second convolution, which the 4 px level does not have."""
        return self._convolve(2 * level, feature, codes) if level else feature

    def _convolve(self, index: int, x: Tensor, codes: Tensor) -> Tensor:
        layer = self.convs[index - 1] if index else self.conv1
        return layer(x, codes[:, index], self.noises(index))
