"""Interface of a training stage to the loop and to the command."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from ...config import ModelConfig
from ...networks.layers import place
from ..data import FaceShards
from ..options import Run, Settings

Batch = Mapping[str, Tensor]
Samples = Dataset[dict[str, Tensor]]
Module = TypeVar("Module", bound=nn.Module)


class Stage:
    """Networks and losses of a training run."""

    name: str
    model: nn.Module
    """Trained, averaged and exported."""
    critic: nn.Module | None = None
    """Trained, too, but not exported."""
    frozen: Sequence[nn.Module] = ()
    """Networks that are not trained."""
    dataset: Samples
    """Samples by number."""

    def parameter_groups(self, learning_rate: float) -> list[dict[str, Any]]:
        """The model's parameters with their learning rates."""
        return [{"params": self.model.parameters(), "lr": learning_rate}]

    def to(self, device: torch.device) -> None:
        """Move the frozen networks."""
        for module in self.frozen:
            place(module, device)

    def loss(self, model: nn.Module, batch: Batch, step: int) -> tuple[Tensor, dict[str, Tensor], Any]:
        """Total, its parts for the log, and the input of `critic_loss`."""
        raise NotImplementedError

    def critic_loss(self, critic: nn.Module, batch: Batch, made: Any, step: int) -> Tensor | None:
        """The critic's loss, or None for a step without one."""
        return None

    def samples(self, model: nn.Module, batch: Batch) -> Tensor:
        """Pictures `[rows, columns, 3, H, W]` in [-1, 1] for the sample grid."""
        raise NotImplementedError


def freeze(module: Module) -> Module:
    """Put a network into eval mode, without gradients."""
    return module.eval().requires_grad_(False)


def _nothing(stage: Any, config: ModelConfig, folder: Path) -> None:
    """Default of `StageEntry.after_export`."""


@dataclass(frozen=True)
class StageEntry:
    """A stage that the command trains."""

    build: Callable[[ModelConfig, FaceShards, Settings, Run], Stage]
    needs_codes: bool = False
    """Whether it uses only faces with known codes."""
    grid: Callable[[FaceShards, int], Samples] | None = None
    """Samples for the grid, from faces and seed; None: the stage's first samples."""
    file: str | None = None
    """Name of a weights file that both sizes share; None: named by size and stage."""
    metadata: Callable[[], dict[str, str]] = dict
    """Metadata of the weights file besides the settings."""
    after_export: Callable[[Any, ModelConfig, Path], None] = _nothing
    """Called with stage, sizes and the folder of the exported file."""

    def file_name(self, settings: Settings) -> str:
        return self.file or f"{settings.model}_{settings.stage}.safetensors"
