"""Training of aggregation and refinement (Algorithm 3, PAPER sections 13 and 15)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, cat, nn

from ..conditions import Conditions
from ..config import ModelConfig
from ..latents import broadcast
from ..networks.banks import FeatureBank
from ..networks.discriminator import Discriminator
from ..networks.generator import Generator
from ..networks.layers import place
from ..networks.mapping import MappingNetwork
from .data import FaceShards, GeneratorEdits
from .loop import Batch
from .losses import (
    PerceptualLoss,
    adversarial_loss,
    discriminator_loss,
    gradient_penalty,
    pixel_loss,
    tone_loss,
)

PENALTY_EVERY = 4
"""The gradient penalty is lazy: every so many steps, times so much."""


class GeneratorStage:
    """Aggregation, refinement encoder and decoder against the truth and, later, a discriminator.

    Args:
        bank, mapping: frozen feature bank and mapping network.
        perceptual: frozen perceptual loss.
        adversarial_from: step at which the discriminator joins; None leaves it out.
    """

    name = "generator"

    def __init__(
        self, config: ModelConfig, faces: FaceShards, bank: FeatureBank, mapping: MappingNetwork,
        perceptual: PerceptualLoss, *, seed: int = 0, adversarial_from: int | None = None,
        adversarial_weight: float = 0.1, penalty: float = 1.0,
    ) -> None:  # fmt: skip
        self.model: nn.Module = Generator(config.generator)
        self.critic: nn.Module | None = (
            None if adversarial_from is None else Discriminator(config.discriminator)
        )
        self.dataset = GeneratorEdits(faces, seed)
        self.bank = bank.eval().requires_grad_(False)
        self.mapping = mapping.eval().requires_grad_(False)
        self.finest = max(config.generator.bank_channels)
        self.perceptual = perceptual
        self.adversarial_from = adversarial_from or 0
        self.adversarial_weight = adversarial_weight
        self.penalty = penalty

    def parameter_groups(self, learning_rate: float) -> list[dict[str, Any]]:
        return [{"params": self.model.parameters(), "lr": learning_rate}]

    def to(self, device: torch.device) -> None:
        for module in (self.bank, self.mapping, self.perceptual):
            place(module, device)

    def loss(self, model: nn.Module, batch: Batch, step: int) -> tuple[Tensor, dict[str, Tensor], Tensor]:
        image, mask = batch["image"], batch["mask"]
        edited = self._edit(model, batch)
        parts = {
            "perceptual": self.perceptual(edited, image, mask),
            "pixel": pixel_loss(edited, image, mask),
            "tone": tone_loss(edited, image, mask),
        }
        total = 2 * parts["perceptual"] + 1.5 * parts["pixel"] + 1.5 * parts["tone"]
        if self.critic is not None and step >= self.adversarial_from:
            self.critic.requires_grad_(False)
            parts["adversarial"] = adversarial_loss(self.critic(edited))
            self.critic.requires_grad_(True)
            total = total + self.adversarial_weight * parts["adversarial"]
        return total, {name: part.detach() for name, part in parts.items()}, edited.detach()

    def critic_loss(self, critic: nn.Module, batch: Batch, made: Tensor, step: int) -> Tensor | None:
        if step < self.adversarial_from:
            return None
        image = batch["image"]
        real, fake = critic(cat([image, made])).chunk(2)
        loss = discriminator_loss(real, fake)
        if step % PENALTY_EVERY == 0:
            loss = loss + self.penalty * PENALTY_EVERY / 2 * gradient_penalty(critic, image, real)
        return loss

    def samples(self, model: nn.Module, batch: Batch) -> Tensor:
        """Columns: photo with its hole, edit, truth."""
        hole = torch.where(batch["mask"] > 0, 0.0, batch["image"])
        return torch.stack([hole, self._edit(model, batch), batch["image"]], 1)

    def _edit(self, model: nn.Module, batch: Batch) -> Tensor:
        """Composited edit with the codes that the sample asks for."""
        with torch.no_grad():
            stranger = self.mapping(batch["z"])
            w = torch.lerp(batch["w"], stranger, batch["distance"])
            codes = broadcast(w)
            bank = self.bank.features(codes, up_to=self.finest)
        conditions = Conditions.build(
            image=batch["image"],
            mask=batch["mask"],
            sketch=batch["sketch"],
            semantic=batch["semantic"],
            color=batch["color"],
        )
        return model(conditions, bank, codes)
