"""Random numbers of training: for a sample from its number, for a batch from torch's global state."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

Numbers = float | Tensor
"""One number for all pictures, or `[B, 1, 1, 1]`: one for each."""


class Draws(Protocol):
    """Random numbers for a batch of pictures `[B, C, H, W]`."""

    def uniform(self, low: float = 0.0, high: float = 1.0) -> Numbers:
        """A number for each picture."""

    def channels(self, count: int, low: float, high: float) -> Tensor:
        """`count` uniform numbers for each picture, `[B, count, 1, 1]`."""

    def noise(self, x: Tensor) -> Tensor:
        """Normal numbers in the shape of x."""

    def sometimes(self, chance: float, x: Tensor, change: Callable[[Tensor], Tensor]) -> Tensor:
        """x, where each picture is changed with this probability."""


class Draw:
    """Random choices for one sample, from its number and the run's seed alone."""

    def __init__(self, seed: int, number: int) -> None:
        # Neighboring samples must not share a random stream.
        mixed = np.random.SeedSequence([seed, number]).generate_state(1, np.uint64)[0]
        self.generator = torch.Generator().manual_seed(int(mixed) & (2**63 - 1))

    def uniform(self, low: float = 0.0, high: float = 1.0) -> float:
        return low + (high - low) * torch.rand((), generator=self.generator).item()

    def integer(self, count: int) -> int:
        return int(torch.randint(count, (), generator=self.generator))

    def chance(self, probability: float) -> bool:
        return self.uniform() < probability

    def normal(self, *shape: int) -> Tensor:
        return torch.randn(shape, generator=self.generator)

    def channels(self, count: int, low: float, high: float) -> Tensor:
        return torch.tensor([self.uniform(low, high) for _ in range(count)]).view(1, count, 1, 1)

    def noise(self, x: Tensor) -> Tensor:
        return self.normal(*x.shape)

    def sometimes(self, chance: float, x: Tensor, change: Callable[[Tensor], Tensor]) -> Tensor:
        return change(x) if chance == 1 or self.chance(chance) else x


class BatchDraws:
    """Random choices for each picture of a batch, from torch's global state on its device."""

    def __init__(self, count: int, device: torch.device) -> None:
        self.count = count
        self.device = device

    def uniform(self, low: float = 0.0, high: float = 1.0) -> Tensor:
        return self.channels(1, low, high)

    def channels(self, count: int, low: float, high: float) -> Tensor:
        return torch.empty(self.count, count, 1, 1, device=self.device).uniform_(low, high)

    def noise(self, x: Tensor) -> Tensor:
        return torch.randn_like(x)

    def sometimes(self, chance: float, x: Tensor, change: Callable[[Tensor], Tensor]) -> Tensor:
        changed = change(x)
        return torch.where(self.uniform() < chance, changed, x)
