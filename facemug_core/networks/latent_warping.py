"""Latent warping: turns source codes to the pose of reference codes (PAPER section 5, Eq. 15)."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..conventions import CODE_DIM, NUM_CODES
from .layers import EqualLinear


class Projection(nn.Module):
    """Linear map without bias, with an equalized learning rate: `[..., in]` → `[..., out]`."""

    def __init__(self, in_dim: int, out_dim: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out_dim, in_dim))
        self.scale = 1 / math.sqrt(in_dim)

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight * self.scale)


def _two_layers(dim: int, rank: int, *, zero: bool = False) -> nn.Sequential:
    last = EqualLinear(rank, dim)
    if zero:
        nn.init.zeros_(last.weight)
    return nn.Sequential(EqualLinear(dim, rank), nn.LayerNorm(rank), nn.LeakyReLU(0.2), last)


def channel_attention(q: Tensor, k: Tensor) -> Tensor:
    """Attention of each code to all codes: q, k `[B, t, r]` → rows that sum to 1 `[B, t, t]`."""
    return (q @ k.transpose(1, 2) / math.sqrt(q.shape[2])).softmax(-1)


def position_attention(q: Tensor, k: Tensor) -> Tensor:
    """Attention of each entry of a code to all entries: q, k `[B, t, r]` → rows that sum to 1 `[B, r, r]`."""
    return (q.transpose(1, 2) @ k / math.sqrt(q.shape[1])).softmax(-1)


class CodeModulation(nn.Module):
    """One code-to-code modulation block.

        A_c = softmax(q kᵀ / √r)       [t, t]       a_c = A_c v
        A_p = softmax(q̂ᵀ k̂ / √t)       [r, r]       a_p = v̂ A_p
        Δ' = LN(up(a_c + a_p)) ⊙ σ(MLP_ξ(w_r)) + MLP_μ(w_r)

    with q, q̂ from the reference w_r and k, v, k̂, v̂ from the previous Δ. `up` exists only if the rank r is
    smaller than the code; the paper's block has r = 512.
    """

    def __init__(self, dim: int, rank: int) -> None:
        super().__init__()
        self.from_reference = Projection(dim, 2 * rank)
        self.from_previous = Projection(dim, 4 * rank)
        self.up = Projection(rank, dim) if rank != dim else nn.Identity()
        self.gate = _two_layers(dim, rank)
        self.shift = _two_layers(dim, rank, zero=True)  # the untrained block only mixes and gates

    def forward(self, previous: Tensor, reference: Tensor) -> Tensor:
        """Δ and w_r `[B, t, dim]` → the next Δ `[B, t, dim]`."""
        q_channel, q_position = self.from_reference(reference).chunk(2, -1)
        k_channel, v_channel, k_position, v_position = self.from_previous(previous).chunk(4, -1)
        gathered = channel_attention(q_channel, k_channel) @ v_channel
        sent = v_position @ position_attention(q_position, k_position)
        mixed = self.up(gathered + sent)
        normal = F.layer_norm(mixed, mixed.shape[-1:])
        return torch.addcmul(self.shift(reference), normal, torch.sigmoid(self.gate(reference)))


class LatentWarping(nn.Module):
    """Four blocks from the source codes to a residual Δw; the caller adds it to the source (Eq. 2).

    Not in the paper: a learned factor per code, initially 0.1, scales the residual. Without it, untrained
        residuals would be as large as the codes.

    Args:
        rank: inner width of all projections; `CODE_DIM` is the paper's.
        dim: length of a code.
        blocks: number of blocks.
    """

    def __init__(self, rank: int, dim: int = CODE_DIM, blocks: int = 4) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(CodeModulation(dim, rank) for _ in range(blocks))
        self.output_scale = nn.Parameter(torch.full((NUM_CODES, 1), 0.1))

    def forward(self, source: Tensor, reference: Tensor) -> Tensor:
        """source w_s and reference w_r `[B, t ≤ 18, dim]` → Δw `[B, t, dim]`."""
        delta = source
        for block in self.blocks:
            delta = block(delta, reference)
        return delta * self.output_scale[: source.shape[1]]
