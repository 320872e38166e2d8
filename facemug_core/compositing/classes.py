"""Groups of the parser's classes."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ..conventions import LABELS


def grouped(parts: Tensor, groups: Sequence[Sequence[str]]) -> Tensor:
    """Shares of groups of classes `[B, G, h, w]`, from shares of the classes `[B, 19, h, w]`."""
    return torch.stack([parts[:, [LABELS.index(name) for name in names]].sum(1) for names in groups], 1)
