"""Faces that training learns from, and the codes of those that the bank draws."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from ..conventions import CODE_DIM
from ..networks.mapping import MappingNetwork


class Faces(Protocol):
    """A numbered collection of aligned faces."""

    rare: Sequence[int]
    """Numbers of the faces that wear what few people wear."""

    def __len__(self) -> int: ...

    def face(self, index: int) -> tuple[Tensor, Tensor, Tensor]:
        """Image `[3, 256, 256]` in [-1, 1], labels int64 `[256, 256]`, code w `[512]`; −1 and NaN are
        unknown."""


def bank_code(seed: int, mapping: MappingNetwork) -> Tensor:
    """The code w `[1, 512]` of a training face: drawn from its seed alone, truncated by ψ in [0.5, 1]."""
    generator = torch.Generator().manual_seed(seed)
    z, share = torch.randn(1, CODE_DIM, generator=generator), torch.rand(1, generator=generator)
    device = mapping.mean_code.device
    return _truncated(z.to(device), share.to(device), mapping)


def random_codes(count: int, mapping: MappingNetwork) -> Tensor:
    """Codes w [count, 512] of other faces of the same kind, drawn from torch's global state."""
    device = mapping.mean_code.device
    z, share = torch.randn(count, CODE_DIM, device=device), torch.rand(count, 1, device=device)
    return _truncated(z, share, mapping)


@torch.no_grad()
def _truncated(z: Tensor, share: Tensor, mapping: MappingNetwork) -> Tensor:
    """Codes of z `[B, 512]`, with ψ so far on its way from 0.5 to 1."""
    return torch.lerp(mapping.mean_code, mapping(z).float(), 0.5 + 0.5 * share)


class Together:
    """Two collections as one."""

    def __init__(self, first: Faces, second: Faces) -> None:
        self.first, self.second = first, second
        self.rare: Sequence[int] = (*first.rare, *(len(first) + index for index in second.rare))

    def __len__(self) -> int:
        return len(self.first) + len(self.second)

    def face(self, index: int) -> tuple[Tensor, Tensor, Tensor]:
        count = len(self.first)
        return self.first.face(index) if index < count else self.second.face(index - count)
