"""Training of a picture head on bank faces, from features of a code to the bank's picture."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ...config import ModelConfig, PictureHeadConfig
from ...latents import broadcast
from ...networks.banks import FeatureBank
from ...networks.perceptual import PerceptualLoss
from ...networks.picture_head import PictureHead
from ..data import FaceShards
from ..losses import detached, pixel_loss, weighted_sum
from ..options import Run, Settings
from ..samples import FaceCodes
from .stage import Batch, Stage, StageEntry, freeze

WEIGHTS = {
    "perceptual": 2.0,  # distance of the head's picture to the bank's
    "pixel": 3.0,  # L1 between them
}


class PictureHeadStage(Stage):
    """Picture head against the pictures of bank faces, by perceptual distance and L1."""

    name = "picture_head"

    def __init__(
        self, config: PictureHeadConfig, faces: FaceShards, bank: FeatureBank, perceptual: PerceptualLoss, *,
        seed: int = 0,
    ) -> None:  # fmt: skip
        self.model: nn.Module = PictureHead(config)
        self.dataset = FaceCodes(faces, seed)
        self.resolution = config.resolution
        self.bank = freeze(bank)
        self.perceptual = perceptual
        self.frozen = [self.bank, perceptual]

    def loss(self, model: nn.Module, batch: Batch, step: int) -> tuple[Tensor, dict[str, Tensor], Any]:
        picture, image = self._picture(model, batch), batch["image"]
        everywhere = torch.ones_like(image[:, :1])
        parts = {
            "perceptual": self.perceptual(picture, image, everywhere),
            "pixel": pixel_loss(picture, image, everywhere),
        }
        return weighted_sum(parts, WEIGHTS), detached(parts), None

    def samples(self, model: nn.Module, batch: Batch) -> Tensor:
        """Columns: the head's picture, the bank's."""
        return torch.stack([self._picture(model, batch), batch["image"]], 1)

    def _picture(self, model: nn.Module, batch: Batch) -> Tensor:
        codes = broadcast(batch["w"])
        with torch.no_grad():
            features = self.bank.features(codes, up_to=self.resolution)[self.resolution]
        return model(features, codes)


def build_head(
    head: PictureHeadConfig, config: ModelConfig, faces: FaceShards, settings: Settings, run: Run
) -> Stage:
    """The stage of one of a size's picture heads."""
    bank = run.weights.bank(config)
    return PictureHeadStage(head, faces, bank, PerceptualLoss(run.weights.mobilenet()), seed=settings.seed)


def _build(config: ModelConfig, faces: FaceShards, settings: Settings, run: Run) -> Stage:
    return build_head(config.picture_head, config, faces, settings, run)


ENTRY = StageEntry(_build, needs_codes=True, grid=FaceCodes)
