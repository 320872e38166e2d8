"""Training of the style encoder (Algorithm 1, PAPER 2.5) on faces whose codes are known."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from ..config import ModelConfig
from ..latents import broadcast
from ..networks.banks import FeatureBank
from ..networks.layers import place
from ..networks.mapping import MappingNetwork
from ..networks.perceptual import PerceptualLoss
from ..networks.picture_head import PictureHead
from ..networks.style_encoder import StyleEncoder
from .bank_faces import Faces
from .data import EncoderInputs
from .loop import Batch
from .visibility import MEASURED_FACES, measure_visibility, measured_codes

BACKBONE_RATE = 0.15
"""Learning rate of the backbone as a share of the others'."""


PLAIN_WEIGHT = 0.3
"""Weight of the plain squared error beside the one that counts what is seen."""


class EncoderStage:
    """Style encoder against the codes of bank faces: squared error as a share of the codes' variance.

    It is counted twice: by how much a difference of codes is seen, and plainly. All 18 codes are equal (no
    deltas), as bank faces are drawn from one code each.

    Args:
        bank, mapping, head, perceptual: frozen; what is seen is measured with them before the first step.
        measured: on how many faces.
    """

    name = "encoder"
    critic: nn.Module | None = None

    def __init__(
        self, config: ModelConfig, faces: Faces, bank: FeatureBank, mapping: MappingNetwork,
        head: PictureHead, perceptual: PerceptualLoss, *, seed: int = 0, measured: int = MEASURED_FACES,
    ) -> None:  # fmt: skip
        self.model: nn.Module = StyleEncoder(config.encoder)
        self.dataset = EncoderInputs(faces, seed)
        self.bank = bank.eval().requires_grad_(False)
        self.mapping = mapping.eval().requires_grad_(False)
        self.head = head.eval().requires_grad_(False)
        self.perceptual = perceptual
        self.measured = measured

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
        for module in (self.bank, self.mapping, self.head, self.perceptual):
            place(module, device)
        codes = measured_codes(self.mapping)
        covariance = torch.cov(codes.T)
        self.variance = covariance.diagonal().mean()
        picture_of = partial(self.head.picture, self.bank)
        visibility = measure_visibility(picture_of, self.perceptual, codes[: self.measured])
        self.visibility = visibility / (visibility * covariance).sum()

    def loss(self, model: nn.Module, batch: Batch, step: int) -> tuple[Tensor, dict[str, Tensor], Any]:
        w = self.mapping.mean_code + model(batch["guides"], deltas=0)[:, 0]
        off = w.float() - batch["w"]
        parts = {
            "unseen": (off @ self.visibility * off).sum(1).mean(),
            "unexplained": off.square().mean() / self.variance,
        }
        total = parts["unseen"] + PLAIN_WEIGHT * parts["unexplained"]
        return total, {name: part.detach() for name, part in parts.items()}, None

    def critic_loss(self, critic: nn.Module, batch: Batch, made: Any, step: int) -> Tensor | None:
        return None

    def samples(self, model: nn.Module, batch: Batch) -> Tensor:
        """Columns: image channels of the input, the bank's picture of the encoded code, of the true code."""
        guessed = self.mapping.mean_code + model(batch["guides"])
        columns = [batch["guides"][:, :3]]
        columns += [self.head.picture(self.bank, codes) for codes in (guessed, broadcast(batch["w"]))]
        return torch.stack(columns, 1)
