"""A plain implementation of the light feature bank: the fixed reference of speed.

It stays as it is, while the library's `networks/mobile_stylegan.py` may get faster.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from facemug_core.errors import ShapeError

MOBILE_CHANNELS: MappingProxyType[int, int] = MappingProxyType(
    {4: 512, 8: 512, 16: 512, 32: 512, 64: 512, 128: 256, 256: 128, 512: 64}
)
"""Channels of the feature map at each resolution of the published network, whose picture has 1024 pixels."""


def inverse_haar(x: Tensor) -> Tensor:
    """Inverse of the orthonormal 2-D Haar transform.

    x `[B, 4·C, H, W]`: C low bands, then (C, 3) details in the order row, column and diagonal difference.
    Returns `[B, C, 2·H, 2·W]`.
    """
    low, details = x.tensor_split([x.shape[1] // 4], dim=1)
    rows, columns, diagonal = (details * 0.5).unflatten(1, (-1, 3)).unbind(dim=2)  # each [B, C, H, W]
    low = low * 0.5
    top, bottom = low + rows, low - rows
    step_top, step_bottom = columns + diagonal, columns - diagonal
    quads = torch.stack(
        (top + step_top, top - step_top, bottom + step_bottom, bottom - step_bottom), dim=2
    )  # [B, C, 4, H, W]
    return F.pixel_shuffle(quads.flatten(1, 2), 2)


class StyledConv(nn.Module):
    """Scale the input's channels by a linear map of the code, convolve, add constant noise, LeakyReLU 0.2."""

    noise: Tensor  # [1, 1, R, R]

    def __init__(self, code_dim: int, in_channels: int, conv: nn.Module, resolution: int) -> None:
        super().__init__()
        self.scale = nn.Linear(code_dim, in_channels)
        self.conv = conv
        self.register_buffer("noise", torch.zeros(1, 1, resolution, resolution))

    def forward(self, x: Tensor, code: Tensor) -> Tensor:
        """x `[B, C_in, R, R]`, code `[B, code_dim]`. Returns `[B, C_out, R, R]`."""
        x = self.conv(x * self.scale(code)[:, :, None, None])
        return F.leaky_relu(x + self.noise, 0.2)


class MobileBlock(nn.Module):
    """Double the resolution by a modulated inverse Haar transform, then two styled separable convolutions."""

    def __init__(self, code_dim: int, in_channels: int, out_channels: int, resolution: int) -> None:
        super().__init__()
        inner = in_channels // 4
        self.up = nn.Linear(code_dim, in_channels)
        self.conv1 = StyledConv(code_dim, inner, _separable(inner, out_channels), resolution)
        self.conv2 = StyledConv(code_dim, out_channels, _separable(out_channels, out_channels), resolution)

    def forward(self, x: Tensor, code1: Tensor, code2: Tensor) -> Tensor:
        """x `[B, C_in, R/2, R/2]`, two codes `[B, code_dim]`. Returns `[B, C_out, R, R]`."""
        x = inverse_haar(x * self.up(code1)[:, :, None, None])
        return self.conv2(self.conv1(x, code1), code2)


class ToImage(nn.Module):
    """Modulated 1×1 convolution to the Haar bands of a picture, then the inverse transform."""

    def __init__(self, code_dim: int, in_channels: int) -> None:
        super().__init__()
        self.scale = nn.Linear(code_dim, in_channels)
        self.conv = nn.Conv2d(in_channels, 12, 1)

    def forward(self, x: Tensor, code: Tensor) -> Tensor:
        """x `[B, C, R, R]`, code `[B, code_dim]`. Returns `[B, 3, 2·R, 2·R]`."""
        return inverse_haar(self.conv(x * self.scale(code)[:, :, None, None]))


def _separable(in_channels: int, out_channels: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(in_channels, in_channels, 3, padding=1, groups=in_channels, bias=False),
        nn.Conv2d(in_channels, out_channels, 1),
    )


class MobileStyleGAN(nn.Module):
    """Codes to feature maps, and to a picture.

    Takes W+ codes `[B, 18, code_dim]` of the StyleGAN2 FFHQ space. Code 0 styles the 4 px level, codes 1 + 2k
    and 2 + 2k the level of 8·2^k px, and the code after the last block's the conversion to a picture (15 in
    the published network: 16 and 17 are not used). The feature of a level is the output of its last
    convolution, after the activation.

    Args:
        channels: feature channels at 4, 8, … px; multiples of 4.
        code_dim: length of one code.
    """

    def __init__(self, channels: Mapping[int, int] = MOBILE_CHANNELS, code_dim: int = 512) -> None:
        super().__init__()
        self.code_dim = code_dim
        self.resolutions = tuple(sorted(channels))
        self.constant = nn.Parameter(torch.randn(1, channels[4], 4, 4))
        self.first = StyledConv(code_dim, channels[4], nn.Conv2d(channels[4], channels[4], 3, padding=1), 4)
        self.blocks = nn.ModuleList(
            MobileBlock(code_dim, channels[size // 2], channels[size], size) for size in self.resolutions[1:]
        )
        self.to_image = ToImage(code_dim, channels[self.resolutions[-1]])

    @staticmethod
    def first_resolution(code: int) -> int:
        """Coarsest level, in pixels, that depends on the code with this index: all coarser maps stay."""
        return 4 << (code + 1) // 2

    def features(
        self, codes: Tensor, up_to: int = 64, known: Mapping[int, Tensor] | None = None
    ) -> dict[int, Tensor]:
        """Feature maps of all levels from 4 px up to `up_to` px.

        Args:
            codes: `[B, 18, code_dim]`.
            up_to: finest level wanted, in pixels.
            known: maps of the coarsest levels for the same batch, from an earlier call whose codes differ
                only in later levels (see `first_resolution`). They are passed through, not computed again.

        Returns:
            Resolution → map `[B, C, R, R]`, coarse to fine.

        Raises:
            ShapeError: the codes do not fit.
        """
        self._check(codes)
        maps = dict(known) if known else {4: self.first(self.constant, codes[:, 0])}
        for k, block in enumerate(self.blocks):
            size = self.resolutions[k + 1]
            if size <= up_to and size not in maps:
                maps[size] = block(maps[size // 2], codes[:, 1 + 2 * k], codes[:, 2 + 2 * k])
        return {size: maps[size] for size in self.resolutions if size <= up_to}

    def forward(self, codes: Tensor, known: Mapping[int, Tensor] | None = None) -> Tensor:
        """Picture `[B, 3, S, S]` in about [-1, 1] (not clamped), S twice the finest level.

        Arguments and errors as in `features`.
        """
        finest = self.resolutions[-1]
        return self.to_image(self.features(codes, finest, known)[finest], codes[:, self.num_codes - 1])

    @property
    def num_codes(self) -> int:
        """How many of the codes the network reads."""
        return 2 * len(self.blocks) + 2

    def _check(self, codes: Tensor) -> None:
        if codes.ndim != 3 or codes.shape[1] < self.num_codes or codes.shape[2] != self.code_dim:
            raise ShapeError(
                f"Expected style codes of shape (batch, 18, {self.code_dim}), but got {tuple(codes.shape)}. "
                "Broadcast a single code to all levels first."
            )
