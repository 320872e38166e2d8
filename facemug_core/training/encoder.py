"""Training of the style encoder (Algorithm 1, PAPER 2.5) on faces whose codes are known."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ..config import ModelConfig
from ..latents import broadcast
from ..networks.banks import FeatureBank
from ..networks.layers import place
from ..networks.mapping import MappingNetwork
from ..networks.style_encoder import StyleEncoder
from ..pictures import at_working_size
from .data import EncoderInputs, FaceShards
from .loop import Batch

BACKBONE_RATE = 0.15
"""Learning rate of the backbone as a share of the others'."""


class EncoderStage:
    """Style encoder against the codes of bank faces: squared error as a share of the codes' variance.

    All 18 codes are equal (no deltas), as bank faces are drawn from one code each.

    Args:
        bank, mapping: frozen; the bank only draws samples, the mapping network gives the mean code.
    """

    name = "encoder"
    critic: nn.Module | None = None

    def __init__(
        self,
        config: ModelConfig,
        faces: FaceShards,
        bank: FeatureBank,
        mapping: MappingNetwork,
        *,
        seed: int = 0,
    ) -> None:
        self.model: nn.Module = StyleEncoder(config.encoder)
        self.dataset = EncoderInputs(faces, seed)
        self.bank = bank.eval().requires_grad_(False)
        self.mapping = mapping.eval().requires_grad_(False)
        self.variance = faces.code_variance

    def parameter_groups(self, learning_rate: float) -> list[dict[str, Any]]:
        """The pretrained backbone moves slower than the equalised layers that start from nothing."""
        fresh: list[nn.Parameter] = []
        pretrained: list[nn.Parameter] = []
        for name, parameter in self.model.named_parameters():
            (fresh if name.startswith(("styles.", "latlayer")) else pretrained).append(parameter)
        return [
            {"params": fresh, "lr": learning_rate},
            {"params": pretrained, "lr": learning_rate * BACKBONE_RATE},
        ]

    def to(self, device: torch.device) -> None:
        place(self.bank, device)
        self.mapping.to(device)

    def loss(self, model: nn.Module, batch: Batch, step: int) -> tuple[Tensor, dict[str, Tensor], Any]:
        w = self.mapping.mean_code + model(batch["guides"], deltas=0)[:, 0]
        unexplained = (w - batch["w"]).square().mean() / self.variance
        return unexplained, {"unexplained": unexplained.detach()}, None

    def critic_loss(self, critic: nn.Module, batch: Batch, made: Any, step: int) -> Tensor | None:
        return None

    def samples(self, model: nn.Module, batch: Batch) -> Tensor:
        """Columns: image channels of the input, the bank's picture of the encoded code, of the true code."""
        guessed = self.mapping.mean_code + model(batch["guides"])
        columns = [batch["guides"][:, :3]]
        columns += [at_working_size(self.bank(codes)) for codes in (guessed, broadcast(batch["w"]))]
        return torch.stack(columns, 1)
