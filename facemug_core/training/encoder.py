"""Training of the style encoder (Algorithm 1, PAPER 2.5) on faces whose codes are known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..config import ModelConfig
from ..latents import broadcast
from ..networks.banks import FeatureBank
from ..networks.layers import place
from ..networks.mapping import MappingNetwork
from ..networks.picture_head import PictureHead
from ..networks.style_encoder import StyleEncoder
from .bank_faces import Faces, bank_code, draw
from .data import EncoderInputs
from .loop import Batch
from .losses import PerceptualLoss

BACKBONE_RATE = 0.15
"""Learning rate of the backbone as a share of the others'."""


PLAIN_WEIGHT = 0.3
"""Weight of the plain squared error beside the one that counts what is seen."""
VARIANCE_FACES = 1000
"""Faces from which the codes' covariance is taken."""
MEASURED_FROM = 200_000_000
"""Seed of the first face on which it is measured what is seen."""


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
        head: PictureHead, perceptual: PerceptualLoss, *, seed: int = 0, measured: int = 200,
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
        codes = torch.cat([bank_code(MEASURED_FROM + i, self.mapping) for i in range(VARIANCE_FACES)])
        covariance = torch.cov(codes.T)
        self.variance = covariance.diagonal().mean()
        visibility = measure_visibility(self._draw, self.perceptual, codes[: self.measured])
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

    def _draw(self, w: Tensor) -> Tensor:
        return draw(self.bank, self.head, broadcast(w))

    def samples(self, model: nn.Module, batch: Batch) -> Tensor:
        """Columns: image channels of the input, the bank's picture of the encoded code, of the true code."""
        guessed = self.mapping.mean_code + model(batch["guides"])
        columns = [batch["guides"][:, :3]]
        columns += [draw(self.bank, self.head, codes) for codes in (guessed, broadcast(batch["w"]))]
        return torch.stack(columns, 1)


def measure_visibility(
    picture_of: Callable[[Tensor], Tensor], perceptual: PerceptualLoss, codes: Tensor
) -> Tensor:
    """How much a small difference δ of codes w is seen, as δᵀ V δ: V [512, 512], mean over faces.

    It is what the perceptual distance and the squared difference of pictures pooled by 16 grow by. Both are
    squared lengths of a vector, and V is the mean of g gᵀ with g the gradient of that vector times noise.

    Args:
        picture_of: codes w [1, 512] → picture [1, 3, 256, 256], differentiable.
        perceptual: frozen perceptual loss, on the device of the codes.
        codes: of the faces to measure on, w [N, 512].
    """
    total = torch.zeros(codes.shape[1], codes.shape[1], device=codes.device)
    for face, w in enumerate(codes.split(1)):
        start = w.clone().requires_grad_()
        noise = torch.Generator().manual_seed(face)
        picture = picture_of(start)
        levels = list(perceptual.features(picture).values())
        answer = _random_sum(F.avg_pool2d(picture, 16), noise) / 3**0.5
        for level in levels:
            answer = answer + _random_sum(level, noise) / len(levels) ** 0.5
        gradient = torch.autograd.grad(answer, start)[0][0]
        total += gradient.outer(gradient)
    return total / len(codes)


def _random_sum(maps: Tensor, noise: torch.Generator) -> Tensor:
    """Sum of [1, C, H, W] times normal numbers, as a mean over the pixels: of size 1 for unit vectors."""
    numbers = torch.randn(maps.shape, generator=noise).to(maps.device)
    return (maps * numbers).sum() / (maps.shape[-1] * maps.shape[-2]) ** 0.5
