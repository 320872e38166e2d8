"""What a recipe is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from ..options import Settings


@dataclass(frozen=True)
class Scale:
    """A step after training: some tensors times a factor."""

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
    """How a shipped weights file is made."""

    data: tuple[str, ...]
    """Commands that make the training faces."""
    phases: tuple[Settings, ...]
    """Runs, each from the weights of the one before."""
    bars: tuple[str, ...]
    """Keys of the quality report whose bars the file must hold."""
    reaches: str = ""
    """What else it must reach."""
    after: tuple[Scale, ...] = ()
    """Steps of the weights after training."""
    lost: str = ""
    """What was done for the shipped file and cannot be repeated."""
