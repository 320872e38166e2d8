"""Training faces, and codes of bank faces."""

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
    """Numbers of the faces with rare classes (hat, glasses)."""

    def __len__(self) -> int: ...

    def face(self, index: int) -> tuple[Tensor, Tensor, Tensor]:
        """Image `[3, 256, 256]` in [-1, 1], labels `[256, 256]` (−1 = unknown), w `[512]` (NaN = unknown)."""


def bank_code(seed: int, mapping: MappingNetwork) -> Tensor:
    """The code w `[1, 512]` of a training face, from its seed alone; truncation ψ in [0.5, 1]."""
    generator = torch.Generator().manual_seed(seed)
    z, share = torch.randn(1, CODE_DIM, generator=generator), torch.rand(1, generator=generator)
    device = mapping.mean_code.device
    return _truncated(z.to(device), share.to(device), mapping)


def random_codes(count: int, mapping: MappingNetwork) -> Tensor:
    """Further codes w `[count, 512]` of this kind, by torch's global random state."""
    device = mapping.mean_code.device
    z, share = torch.randn(count, CODE_DIM, device=device), torch.rand(count, 1, device=device)
    return _truncated(z, share, mapping)


@torch.no_grad()
def _truncated(z: Tensor, share: Tensor, mapping: MappingNetwork) -> Tensor:
    """Codes of z `[B, 512]`; `share` in [0, 1] interpolates ψ from 0.5 to 1."""
    return torch.lerp(mapping.mean_code, mapping(z).float(), 0.5 + 0.5 * share)


class Together:
    """Two collections joined."""

    def __init__(self, first: Faces, second: Faces) -> None:
        self.first, self.second = first, second
        self.rare: Sequence[int] = (*first.rare, *(len(first) + index for index in second.rare))

    def __len__(self) -> int:
        return len(self.first) + len(self.second)

    def face(self, index: int) -> tuple[Tensor, Tensor, Tensor]:
        count = len(self.first)
        return self.first.face(index) if index < count else self.second.face(index - count)
