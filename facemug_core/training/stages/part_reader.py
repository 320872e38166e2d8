"""Training of the part reader, which reads parts off the perceptual network's features."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...config import ModelConfig
from ...networks.part_reader import SEEN_SIZE, PartReader
from ...networks.perceptual import PerceptualLoss
from ..bank_faces import Faces
from ..data import FaceShards
from ..options import Run, Settings
from ..parts import class_weights, parts_side_by_side, share_loss
from ..samples import TonedParts
from .stage import Batch, Stage, StageEntry


class PartReaderStage(Stage):
    """Part reader against the parser's shares of classes in each cell.

    Args:
        faces: to train on.
        perceptual: frozen.
        seed: of the run.
    """

    name = "part_reader"

    def __init__(self, faces: Faces, perceptual: PerceptualLoss, *, seed: int = 0) -> None:
        self.model: nn.Module = PartReader()
        self.dataset = TonedParts(faces, seed)
        self.perceptual = perceptual
        self.weights = class_weights(faces)
        self.frozen = [perceptual]

    def to(self, device: torch.device) -> None:
        super().to(device)
        self.weights = self.weights.to(device)

    def loss(self, model: nn.Module, batch: Batch, step: int) -> tuple[Tensor, dict[str, Tensor], Any]:
        return share_loss(self._read(model, batch["image"]), batch["labels"], self.weights)

    def samples(self, model: nn.Module, batch: Batch) -> Tensor:
        """Columns: face, predicted parts, the parser's parts."""
        return parts_side_by_side(batch["image"], self._read(model, batch["image"]), batch["labels"])

    def _read(self, model: nn.Module, image: Tensor) -> Tensor:
        with torch.no_grad():
            features = self.perceptual.features(F.adaptive_avg_pool2d(image, SEEN_SIZE))
        return model(features)


def _build(config: ModelConfig, faces: FaceShards, settings: Settings, run: Run) -> Stage:
    return PartReaderStage(faces, PerceptualLoss(run.weights.mobilenet()), seed=settings.seed)


ENTRY = StageEntry(_build, file="part_reader.safetensors")
