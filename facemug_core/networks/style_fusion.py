"""Style fusion block: joins decoder, encoder and bank features under a style (PAPER section 11, Eq. 7-8)."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .layers import EqualConv2d, ModulatedConv2d


class _GateLayer(nn.Module):
    """Modulated 3×3 convolution with bias and no activation: the style layer inside the fusion block."""

    def __init__(self, channels: int, style_dim: int, *, bias: float = 0.0) -> None:
        super().__init__()
        self.conv = ModulatedConv2d(channels, channels, 3, style_dim)
        self.bias = nn.Parameter(torch.full((channels,), bias))

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        return self.conv(x, style) + self.bias[:, None, None]


class _Prior(nn.Module):
    """The bank's map at unit variance and the decoder's width, by a 1×1 convolution if the widths differ."""

    def __init__(self, bank_channels: int, channels: int, scale: float) -> None:
        super().__init__()
        self.scale = scale
        self.project = EqualConv2d(bank_channels, channels, 1) if bank_channels != channels else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return self.project(x * self.scale)


class StyleFusionBlock(nn.Module):
    """F_g = F_m ⊙ F̂ + (1 − F_m) ⊙ F_s with F̂ = φ(SL_a(F_de)) + σ(SL_b(F_de)) ⊙ F_en, F_m = σ(SL_c(F_s)).

    Args:
        channels: width of the decoder and encoder maps.
        style_dim: length of the modulated vector w*.
        bank_channels: width of the bank's map, or None for a level without a prior (then F_g = F̂).
        bank_scale: constant that brings the bank's map to unit standard deviation.
    """

    def __init__(
        self, channels: int, style_dim: int, bank_channels: int | None, bank_scale: float = 1.0
    ) -> None:
        super().__init__()
        self.generated = _GateLayer(channels, style_dim)
        self.encoder_gate = _GateLayer(channels, style_dim)
        if bank_channels is not None:
            self.prior = _Prior(bank_channels, channels, bank_scale)
            # σ(0.85) ≈ 0.7: favors generated features and keeps the prior visible at the start.
            self.prior_gate = _GateLayer(channels, style_dim, bias=0.85)

    def forward(self, decoded: Tensor, encoded: Tensor, bank: Tensor | None, style: Tensor) -> Tensor:
        """decoded, encoded `[B, c, r, r]`; bank `[B, c_bank, r, r]` or None; style `[B, style_dim]`."""
        fused = F.leaky_relu(self.generated(decoded, style), 0.2)
        fused = torch.addcmul(fused, torch.sigmoid(self.encoder_gate(decoded, style)), encoded)
        if bank is None:
            return fused
        prior = self.prior(bank)
        gate = torch.sigmoid(self.prior_gate(prior, style))
        # In mixed precision their types differ, which lerp does not take.
        return torch.lerp(prior.to(fused.dtype), fused, gate.to(fused.dtype))


class AdditiveFusion(nn.Module):
    """Table VI (B): plain sum of the three maps, scaled to keep the variance."""

    def __init__(
        self, channels: int, style_dim: int, bank_channels: int | None, bank_scale: float = 1.0
    ) -> None:
        super().__init__()
        self.generated = _GateLayer(channels, style_dim)
        if bank_channels is not None:
            self.prior = _Prior(bank_channels, channels, bank_scale)

    def forward(self, decoded: Tensor, encoded: Tensor, bank: Tensor | None, style: Tensor) -> Tensor:
        parts = [F.leaky_relu(self.generated(decoded, style), 0.2), encoded]
        if bank is not None:
            parts.append(self.prior(bank))
        return torch.stack(parts).sum(0) / math.sqrt(len(parts))


class GatedFusion(nn.Module):
    """Table VI (C): one gated convolution over the three maps side by side, styles unused."""

    def __init__(
        self, channels: int, style_dim: int, bank_channels: int | None, bank_scale: float = 1.0
    ) -> None:
        super().__init__()
        del style_dim
        inputs = 2 * channels
        if bank_channels is not None:
            self.prior = _Prior(bank_channels, channels, bank_scale)
            inputs += channels
        self.feature = EqualConv2d(inputs, channels, 3)
        self.gate = EqualConv2d(inputs, channels, 3)

    def forward(self, decoded: Tensor, encoded: Tensor, bank: Tensor | None, style: Tensor) -> Tensor:
        del style
        parts = [decoded, encoded] if bank is None else [decoded, encoded, self.prior(bank)]
        x = torch.cat(parts, 1)
        return F.leaky_relu(self.feature(x), 0.2) * torch.sigmoid(self.gate(x))


FUSIONS = {"style": StyleFusionBlock, "addition": AdditiveFusion, "gated": GatedFusion}
"""Fusion blocks by the name used in `GeneratorConfig.fusion`."""
