"""Training recipes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from ..options import Settings


@dataclass(frozen=True)
class Scale:
    """A change after training: some tensors times a factor."""

    names: tuple[str, ...]
    """Endings of the tensors' names."""
    factor: float

    def __str__(self) -> str:
        return f"{' and '.join(self.names)} × {self.factor:g}"

    def applied(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {n: value * self.factor if n.endswith(self.names) else value for n, value in tensors.items()}

    def undone(self) -> Scale:
        return Scale(self.names, 1 / self.factor)


@dataclass(frozen=True)
class Recipe:
    """All that makes a shipped weights file."""

    data: tuple[str, ...]
    """Commands that make the training faces."""
    phases: tuple[Settings, ...]
    """Training runs; each starts from the weights of the one before."""
    bars: tuple[str, ...]
    """Keys of the evaluation report whose bars the file must reach."""
    reaches: str = ""
    """Other requirements."""
    after: tuple[Scale, ...] = ()
    """Changes of the weights after training."""
    lost: str = ""
    """Steps of the shipped file that cannot be repeated."""
