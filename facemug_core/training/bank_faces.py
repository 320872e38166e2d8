"""Faces of the bank that training draws: their codes, and pictures on the spot where no files are wanted."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from ..conventions import CODE_DIM, WORKING_SIZE
from ..latents import broadcast
from ..networks.banks import FeatureBank
from ..networks.mapping import MappingNetwork
from ..networks.picture_head import PictureHead

FIRST_DRAWN = 100_000_000
"""Seed of the first face drawn on the spot: far above those of `prepare`, far below those of evaluation."""


class Faces(Protocol):
    """A numbered collection of aligned faces."""

    def __len__(self) -> int: ...

    def face(self, index: int) -> tuple[Tensor, Tensor, Tensor]:
        """Image [3, 256, 256] in [-1, 1], labels int64 [256, 256], code w [512]; −1 and NaN are unknown."""


@torch.no_grad()
def bank_code(seed: int, mapping: MappingNetwork) -> Tensor:
    """The code w [1, 512] of a training face: drawn from its seed alone, truncated by ψ in [0.5, 1]."""
    generator = torch.Generator().manual_seed(seed)
    z = torch.randn(1, CODE_DIM, generator=generator)
    psi = 0.5 + 0.5 * torch.rand(1, generator=generator)
    mean = mapping.mean_code
    return torch.lerp(mean, mapping(z.to(mean.device)), psi.to(mean.device))


class DrawnFaces:
    """Faces that are drawn when their turn comes, by the picture head; no parser has seen them.

    Args:
        mapping, bank, head: frozen, on one device.
        count: how many there are.
    """

    def __init__(self, mapping: MappingNetwork, bank: FeatureBank, head: PictureHead, count: int) -> None:
        self.mapping, self.bank, self.head = mapping, bank, head
        self.count = count

    def __len__(self) -> int:
        return self.count

    @torch.no_grad()
    def face(self, index: int) -> tuple[Tensor, Tensor, Tensor]:
        w = bank_code(FIRST_DRAWN + index, self.mapping)
        image = self.head.picture(self.bank, broadcast(w))[0].clamp(-1, 1).cpu()
        return image, torch.full((WORKING_SIZE, WORKING_SIZE), -1), w[0].cpu()


class Together:
    """Two collections as one."""

    def __init__(self, first: Faces, second: Faces) -> None:
        self.first, self.second = first, second

    def __len__(self) -> int:
        return len(self.first) + len(self.second)

    def face(self, index: int) -> tuple[Tensor, Tensor, Tensor]:
        count = len(self.first)
        return self.first.face(index) if index < count else self.second.face(index - count)
