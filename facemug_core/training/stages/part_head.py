"""Training of the part head, which reads parts off the bank's features."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ...config import ModelConfig, PartHeadConfig
from ...latents import broadcast
from ...networks.banks import FeatureBank
from ...networks.part_reader import PartHead
from ..data import FaceShards
from ..options import Run, Settings
from ..parts import class_weights, parts_side_by_side, share_loss
from ..samples import BankParts
from .stage import Batch, Stage, StageEntry, freeze


class PartHeadStage(Stage):
    """Part head against the parser's shares of classes in each cell of the bank's finest fused map.

    Args:
        config: of the head.
        faces: bank faces with their codes.
        bank: frozen.
        seed: of the run.
    """

    name = "part_head"

    def __init__(
        self, config: PartHeadConfig, faces: FaceShards, bank: FeatureBank, *, seed: int = 0
    ) -> None:
        self.model: nn.Module = PartHead(config)
        self.resolution = max(config.bank_channels)
        self.dataset = BankParts(faces, seed)
        self.bank = freeze(bank)
        self.weights = class_weights(faces)
        self.frozen = [self.bank]

    def to(self, device: torch.device) -> None:
        super().to(device)
        self.weights = self.weights.to(device)

    def loss(self, model: nn.Module, batch: Batch, step: int) -> tuple[Tensor, dict[str, Tensor], Any]:
        return share_loss(self._read(model, batch["w"]), batch["labels"], self.weights)

    def samples(self, model: nn.Module, batch: Batch) -> Tensor:
        """Columns: face, predicted parts, the parser's parts."""
        return parts_side_by_side(batch["image"], self._read(model, batch["w"]), batch["labels"])

    def _read(self, model: nn.Module, w: Tensor) -> Tensor:
        with torch.no_grad():
            maps = self.bank.features(broadcast(w), up_to=self.resolution)
        return model(maps)


def _build(config: ModelConfig, faces: FaceShards, settings: Settings, run: Run) -> Stage:
    bank = run.weights.bank(config)
    return PartHeadStage(config.part_head, faces, bank, seed=settings.seed)


ENTRY = StageEntry(_build, needs_codes=True)
