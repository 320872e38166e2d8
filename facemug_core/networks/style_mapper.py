"""StyleCLIP's latent mapper (Patashnik et al. 2021): codes to a change of codes, one network for each level.

Parameter names are those of the published files, which spell "course".
"""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType

import torch
from torch import Tensor, nn

from ..conventions import CODE_DIM
from .layers import EqualLinear, PixelNorm


class StyleMapper(nn.Module):
    """Codes `[B, 18, 512]` → change of codes `[B, 18, 512]`; zero where a level has no network.

    Args:
        levels: existing ones of `LEVELS`.
    """

    LEVELS = MappingProxyType({"course": slice(0, 4), "medium": slice(4, 8), "fine": slice(8, None)})
    """Codes of each level."""

    def __init__(self, levels: Sequence[str] = tuple(LEVELS)) -> None:
        super().__init__()
        for level in levels:
            self.add_module(f"{level}_mapping", _LevelMapper())

    def forward(self, codes: Tensor) -> Tensor:
        change = torch.zeros_like(codes)
        for level, part in self.LEVELS.items():
            mapper = getattr(self, f"{level}_mapping", None)
            if mapper is not None:
                change[:, part] = mapper(codes[:, part])
        return change


class _LevelMapper(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        # The published weights were trained with the norm over the layers, not over a code's 512 numbers.
        self.mapping = nn.Sequential(
            PixelNorm(dim=1),
            *(EqualLinear(CODE_DIM, CODE_DIM, lr_multiplier=0.01, activate=True) for _ in range(4)),
        )

    def forward(self, codes: Tensor) -> Tensor:
        return self.mapping(codes)
