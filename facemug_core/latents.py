"""W+ style codes [B, 18, 512]: interpolate, mix, save and load."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from .checkpoints.reading import read_safetensors, save_safetensors
from .conventions import CODE_DIM, NUM_CODES
from .errors import CheckpointError, ShapeError

CODES = "codes"
"""Name of the tensor in a latent file."""


def check_codes(codes: Tensor) -> Tensor:
    """The codes, if they are [B, 18, 512].

    Raises:
        ShapeError: another shape.
    """
    if codes.ndim != 3 or codes.shape[1:] != (NUM_CODES, CODE_DIM):
        raise ShapeError(f"Expected style codes [B, {NUM_CODES}, {CODE_DIM}], but got {list(codes.shape)}.")
    return codes


def broadcast(w: Tensor) -> Tensor:
    """One code per face [B, 512] → the same for all layers [B, 18, 512]."""
    return w[:, None].expand(-1, NUM_CODES, -1)


def interpolate(codes: Tensor, other: Tensor, amount: float) -> Tensor:
    """codes + λ (other − codes) (PAPER section 4); λ = 0 returns the codes' own bits, 1 the other's."""
    if amount == 0:
        return codes.expand(torch.broadcast_shapes(codes.shape, other.shape))
    if amount == 1:
        return other.expand(torch.broadcast_shapes(codes.shape, other.shape))
    return codes + amount * (other - codes)


def mix_layers(coarse: Tensor, fine: Tensor, crossover: int) -> Tensor:
    """Codes before `crossover` from one face, the others from another (style mixing, PAPER section 3)."""
    coarse, fine = torch.broadcast_tensors(coarse, fine)
    return torch.cat([coarse[:, :crossover], fine[:, crossover:]], 1)


def save_codes(path: str | Path, codes: Tensor, size: str) -> None:
    """Write a latent file: codes [B, 18, 512] and the size of the model they were made with."""
    save_safetensors(path, {CODES: check_codes(codes)}, {"kind": "facemug latent", "size": size})


def load_codes(path: str | Path) -> Tensor:
    """Codes [B, 18, 512] of a latent file.

    Raises:
        CheckpointError: the file is damaged or holds something else.
    """
    tensors, _ = read_safetensors(path)
    if CODES not in tensors:
        found = ", ".join(sorted(tensors)[:3]) or "nothing"
        raise CheckpointError(
            f"{path} is not a latent file: expected a tensor called {CODES}, found {found}."
        )
    return check_codes(tensors[CODES].float())
