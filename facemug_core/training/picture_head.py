"""Training of a "to RGB" head on bank faces: features of a code against the bank's own picture."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ..config import PictureHeadConfig
from ..latents import broadcast
from ..networks.banks import FeatureBank
from ..networks.layers import place
from ..networks.perceptual import PerceptualLoss
from ..networks.picture_head import PictureHead
from .data import FaceCodes, FaceShards
from .loop import Batch
from .losses import pixel_loss


class PictureHeadStage:
    """Picture head against the pictures of bank faces, by perceptual distance and L1."""

    name = "picture_head"
    critic: nn.Module | None = None

    def __init__(
        self, config: PictureHeadConfig, faces: FaceShards, bank: FeatureBank, perceptual: PerceptualLoss, *,
        seed: int = 0,
    ) -> None:  # fmt: skip
        self.model: nn.Module = PictureHead(config)
        self.dataset = FaceCodes(faces, seed)
        self.resolution = config.resolution
        self.bank = bank.eval().requires_grad_(False)
        self.perceptual = perceptual

    def parameter_groups(self, learning_rate: float) -> list[dict[str, Any]]:
        return [{"params": self.model.parameters(), "lr": learning_rate}]

    def to(self, device: torch.device) -> None:
        place(self.bank, device)
        place(self.perceptual, device)

    def loss(self, model: nn.Module, batch: Batch, step: int) -> tuple[Tensor, dict[str, Tensor], Any]:
        picture, image = self._picture(model, batch), batch["image"]
        everywhere = torch.ones_like(image[:, :1])
        parts = {
            "perceptual": self.perceptual(picture, image, everywhere),
            "pixel": pixel_loss(picture, image, everywhere),
        }
        return 2 * parts["perceptual"] + 3 * parts["pixel"], {k: v.detach() for k, v in parts.items()}, None

    def critic_loss(self, critic: nn.Module, batch: Batch, made: Any, step: int) -> Tensor | None:
        return None

    def samples(self, model: nn.Module, batch: Batch) -> Tensor:
        """Columns: the head's picture, the bank's."""
        return torch.stack([self._picture(model, batch), batch["image"]], 1)

    def _picture(self, model: nn.Module, batch: Batch) -> Tensor:
        codes = broadcast(batch["w"])
        with torch.no_grad():
            features = self.bank.features(codes, up_to=self.resolution)[self.resolution]
        return model(features, codes)
