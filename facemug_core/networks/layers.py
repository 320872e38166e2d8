"""Building blocks of StyleGAN2 networks in native torch operations.

Weights are equalized: stored with unit variance and multiplied by 1/√fan_in in `forward`, so that Adam's
steps have the same relative size in every layer (StyleGAN2; parameter names follow the rosinality port).
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def place(module: nn.Module, device: torch.device) -> None:
    """Move a network to a device, in the memory layout of the fastest convolutions."""
    module.to(device)
    module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def leaky_relu(x: Tensor) -> Tensor:
    """LeakyReLU with slope 0.2 and gain √2, which keeps the variance of a unit normal input."""
    return F.leaky_relu(x, 0.2) * math.sqrt(2)


class PixelNorm(nn.Module):
    """Scale vectors to unit root mean square along `dim`."""

    def __init__(self, dim: int = 1) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.rsqrt(x.square().mean(self.dim, keepdim=True) + 1e-8)


class EqualLinear(nn.Module):
    """Linear layer with an equalized learning rate: `[..., in]` → `[..., out]`."""

    def __init__(
        self,
        in_dim: int,
        out_dim: int,
        *,
        bias: float = 0.0,
        lr_multiplier: float = 1.0,
        activate: bool = False,
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out_dim, in_dim) / lr_multiplier)
        self.bias = nn.Parameter(torch.full((out_dim,), bias))
        self.scale = lr_multiplier / math.sqrt(in_dim)
        self.lr_multiplier = lr_multiplier
        self.activate = activate

    def forward(self, x: Tensor) -> Tensor:
        y = F.linear(x, self.weight * self.scale, self.bias * self.lr_multiplier)
        return leaky_relu(y) if self.activate else y


class EqualConv2d(nn.Module):
    """Convolution with equalized learning rate, same padding: `[B, in, H, W]` → `[B, out, H/s, W/s]`."""

    def __init__(
        self, in_channels: int, out_channels: int, kernel: int, *, stride: int = 1, bias: bool = True,
        activate: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(out_channels)) if bias else None
        self.scale = 1 / math.sqrt(in_channels * kernel * kernel)
        self.stride = stride
        self.padding = kernel // 2
        self.activate = activate

    def forward(self, x: Tensor) -> Tensor:
        y = F.conv2d(x, self.weight * self.scale, self.bias, self.stride, self.padding)
        return leaky_relu(y) if self.activate else y


class Blur(nn.Module):
    """Depthwise `[1, 3, 3, 1]` low-pass filter, `gain` times; padding (left, right) as given."""

    kernel: Tensor

    def __init__(self, padding: tuple[int, int], *, gain: float = 1.0) -> None:
        super().__init__()
        taps = torch.tensor([1.0, 3.0, 3.0, 1.0])
        kernel = taps[:, None] * taps[None, :]
        self.register_buffer("kernel", kernel / kernel.sum() * gain)
        self.padding = padding

    def forward(self, x: Tensor) -> Tensor:
        channels = x.shape[1]
        before, after = self.padding
        kernel = self.kernel.to(x.dtype).expand(channels, 1, 4, 4)
        if before == after:
            return F.conv2d(x, kernel, padding=before, groups=channels)
        return F.conv2d(F.pad(x, (before, after, before, after)), kernel, groups=channels)


class DownConv(nn.Module):
    """Blur, then a strided 3×3 convolution with LeakyReLU: `[B, in, H, W]` → `[B, out, H/2, W/2]`."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.blur = Blur((2, 2))
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels, 3, 3))
        self.bias = nn.Parameter(torch.zeros(out_channels))
        self.scale = 1 / math.sqrt(in_channels * 9)

    def forward(self, x: Tensor) -> Tensor:
        return leaky_relu(F.conv2d(self.blur(x), self.weight * self.scale, self.bias, stride=2))


class ModulatedConv2d(nn.Module):
    """Convolution whose input channels are scaled by a style and whose output is demodulated.

    Scaled inputs and normalized outputs replace a kernel per sample: mathematically StyleGAN2's grouped
        convolution, but one ordinary convolution for the whole batch.

    Args:
        in_channels, out_channels, kernel: as in a convolution.
        style_dim: length of the style vector.
        demodulate: normalize each output channel by the norm of its modulated kernel.
        up: double the resolution (transposed convolution, then blur).
    """

    def __init__(
        self, in_channels: int, out_channels: int, kernel: int, style_dim: int, *, demodulate: bool = True,
        up: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels, kernel, kernel))
        self.modulation = EqualLinear(style_dim, in_channels, bias=1.0)
        self.scale = 1 / math.sqrt(in_channels * kernel * kernel)
        self.demodulate = demodulate
        self.up = up
        self.padding = kernel // 2
        if up:
            self.blur = Blur((1, 1), gain=4.0)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """x `[B, in, H, W]`, style `[B, style_dim]` → `[B, out, H·(2 if up), W·(2 if up)]`."""
        scales = self.modulation(style)  # [B, in]
        weight = self.weight * self.scale
        x = x * scales[:, :, None, None]
        if self.up:
            y = self.blur(F.conv_transpose2d(x, weight.transpose(0, 1), stride=2))
        else:
            y = F.conv2d(x, weight, padding=self.padding)
        if self.demodulate:
            norm = scales.square() @ weight.square().sum((2, 3)).t()  # [B, out]
            y = y * torch.rsqrt(norm + 1e-8)[:, :, None, None]
        return y


class StyleLayer(nn.Module):
    """Modulated 3×3 convolution, fixed noise map times a learned strength, bias, LeakyReLU (PAPER 10.3)."""

    noise: Tensor

    def __init__(
        self, in_channels: int, out_channels: int, style_dim: int, resolution: int, *, up: bool = False
    ) -> None:
        super().__init__()
        self.conv = ModulatedConv2d(in_channels, out_channels, 3, style_dim, up=up)
        self.noise_strength = nn.Parameter(torch.zeros(1))
        self.bias = nn.Parameter(torch.zeros(out_channels))
        self.register_buffer("noise", torch.randn(1, 1, resolution, resolution))

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        y = self.conv(x, style) + self.noise * self.noise_strength
        return leaky_relu(y + self.bias[:, None, None])


class ResidualBlock(nn.Module):
    """StyleGAN2's residual block without down-sampling: two 3×3 convolutions beside a 1×1 skip, sum / √2."""

    def __init__(
        self, in_channels: int, out_channels: int, *, hidden: int | None = None, activate: bool = True
    ) -> None:
        super().__init__()
        hidden = hidden or out_channels
        self.conv1 = EqualConv2d(in_channels, hidden, 3, activate=True)
        self.conv2 = EqualConv2d(hidden, out_channels, 3, activate=activate)
        self.skip = EqualConv2d(in_channels, out_channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return (self.conv2(self.conv1(x)) + self.skip(x)) / math.sqrt(2)
