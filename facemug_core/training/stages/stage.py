"""What a training stage is, to the loop and to the command."""

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
    """What is trained: the networks, and how one batch changes them."""

    name: str
    model: nn.Module
    """Trained, averaged and shipped."""
    critic: nn.Module | None = None
    """Trained along, not shipped."""
    frozen: Sequence[nn.Module] = ()
    """Networks that training leaves as they are."""
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
        """Total, its parts for the log, and what the critic's loss needs."""
        raise NotImplementedError

    def critic_loss(self, critic: nn.Module, batch: Batch, made: Any, step: int) -> Tensor | None:
        """The critic's loss, or None for a step without one."""
        return None

    def samples(self, model: nn.Module, batch: Batch) -> Tensor:
        """Rows of pictures [rows, columns, 3, H, W] in [-1, 1] for the sample grid."""
        raise NotImplementedError


def freeze(module: Module) -> Module:
    """A network that is used as it is."""
    return module.eval().requires_grad_(False)


def _nothing(stage: Any, config: ModelConfig, folder: Path) -> None:
    """There is no further work."""


@dataclass(frozen=True)
class StageEntry:
    """A stage in the table of those that the command trains."""

    build: Callable[[ModelConfig, FaceShards, Settings, Run], Stage]
    needs_codes: bool = False
    """Whether faces without codes are no use."""
    grid: Callable[[FaceShards, int], Samples] | None = None
    """Samples for the grid, by their seed; without it, the stage's own first samples."""
    file: str | None = None
    """Weights file that both sizes share; otherwise it is called by the size and the stage."""
    metadata: Callable[[], dict[str, str]] = dict
    """For the weights file, beside the settings."""
    after_export: Callable[[Any, ModelConfig, Path], None] = _nothing
    """Further work on the folder with the exported file, from stage, sizes and folder."""

    def file_name(self, settings: Settings) -> str:
        return self.file or f"{settings.model}_{settings.stage}.safetensors"
