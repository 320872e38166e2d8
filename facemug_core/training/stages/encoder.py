"""Training of the style encoder (Algorithm 1, PAPER 2.5) on faces whose codes are known."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...config import ModelConfig
from ...conventions import ENCODER_CHANNELS
from ...latents import broadcast
from ...networks.banks import FeatureBank
from ...networks.mapping import MappingNetwork
from ...networks.perceptual import PerceptualLoss
from ...networks.picture_head import PictureHead
from ...networks.style_encoder import StyleEncoder, widen_stem
from ..bank_faces import Faces, random_codes
from ..data import FaceShards
from ..draws import BatchDraws
from ..losses import IdentityLoss, detached, weighted_sum
from ..masks import with_holes
from ..options import Run, Settings
from ..photographic import photographed
from ..samples import EncoderInputs
from ..visibility import MEASURED_FACES, measure_visibility, measured_codes
from .stage import Batch, Stage, StageEntry, freeze

WEIGHTS = {
    "unseen": 1.0,  # squared error of the code, weighted by visibility
    "unexplained": 0.3,  # plain squared error, as a share of the codes' variance
    "picture": 1.0,  # perceptual distance between the code's picture and the true one
    "identity": 1.0,  # distance of their recognition features
}

BACKBONE_RATE = 0.15
"""Learning rate of the backbone as a share of the others'."""


class EncoderStage(Stage):
    """Style encoder against the codes of bank faces: squared error as a share of the codes' variance.

    The error is counted plainly and weighted by visibility. The pictures of the codes are compared, too, by
    perceptual distance and identity. All 18 codes are equal (no deltas), like those of bank faces.

    Args:
        bank, mapping, head, perceptual, identity: frozen; visibility is measured with them before the first
            step.
        drawn: number of fresh bank faces added to each batch.
        measured: number of faces on which visibility is measured.
    """

    name = "encoder"

    def __init__(
        self, config: ModelConfig, faces: Faces, bank: FeatureBank, mapping: MappingNetwork,
        head: PictureHead, perceptual: PerceptualLoss, identity: IdentityLoss, *, seed: int = 0,
        drawn: int = 0, measured: int = MEASURED_FACES,
    ) -> None:  # fmt: skip
        self.model: nn.Module = StyleEncoder(config.encoder)
        self.dataset = EncoderInputs(faces, seed)
        self.bank = freeze(bank)
        self.mapping = freeze(mapping)
        self.head = freeze(head)
        self.perceptual = perceptual
        self.identity = identity
        self.frozen = [self.bank, self.mapping, self.head, perceptual, identity]
        self.drawn = drawn
        self.measured = measured

    def parameter_groups(self, learning_rate: float) -> list[dict[str, Any]]:
        """The pretrained backbone has a lower rate than the new equalized layers."""
        fresh: list[nn.Parameter] = []
        pretrained: list[nn.Parameter] = []
        for name, parameter in self.model.named_parameters():
            (fresh if name.startswith(("styles.", "latlayer")) else pretrained).append(parameter)
        return [
            {"params": fresh, "lr": learning_rate},
            {"params": pretrained, "lr": learning_rate * BACKBONE_RATE},
        ]

    def to(self, device: torch.device) -> None:
        super().to(device)
        codes = measured_codes(self.mapping)
        covariance = torch.cov(codes.T)
        self.variance = covariance.diagonal().mean()
        picture_of = partial(self.head.picture, self.bank)
        visibility = measure_visibility(picture_of, self.perceptual, codes[: self.measured])
        self.visibility = visibility / (visibility * covariance).sum()

    def loss(self, model: nn.Module, batch: Batch, step: int) -> tuple[Tensor, dict[str, Tensor], Any]:
        guides, wanted, truth = self._with_drawn(batch)
        w = (self.mapping.mean_code + model(guides, deltas=0)[:, 0]).float()
        picture = self.head.picture(self.bank, broadcast(w))
        off = w - wanted
        parts = {
            "unseen": (off @ self.visibility * off).sum(1).mean(),
            "unexplained": off.square().mean() / self.variance,
            "picture": self.perceptual(picture, truth, torch.ones_like(truth[:, :1])),
            "identity": self.identity(picture, truth),
        }
        return weighted_sum(parts, WEIGHTS), detached(parts), None

    @torch.no_grad()
    def _with_drawn(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """Guides `[B, 26, H, W]`, codes `[B, 512]` and pictures of the batch with the fresh faces."""
        w, guides = batch["w"], batch["guides"]
        if self.drawn:
            w = torch.cat([w, random_codes(self.drawn, self.mapping)])
        truth = self.head.picture(self.bank, broadcast(w)).float().clamp(-1, 1)
        if self.drawn:
            draws = BatchDraws(self.drawn, truth.device)
            joining = with_holes(photographed(truth[-self.drawn :], draws), draws)
            guides = torch.cat([guides, F.pad(joining, (0, 0, 0, 0, 0, ENCODER_CHANNELS - 3))])
        return guides.contiguous(memory_format=torch.channels_last), w, truth

    def samples(self, model: nn.Module, batch: Batch) -> Tensor:
        """Columns: image channels of the input; the bank's pictures of the encoded and of the true code."""
        guessed = self.mapping.mean_code + model(batch["guides"])
        columns = [batch["guides"][:, :3]]
        columns += [self.head.picture(self.bank, codes) for codes in (guessed, broadcast(batch["w"]))]
        return torch.stack(columns, 1)


def _build(config: ModelConfig, faces: FaceShards, settings: Settings, run: Run) -> Stage:
    mapping, bank = run.weights.mapping(config), run.weights.bank(config)
    stage = EncoderStage(
        config, faces, bank, mapping, run.weights.picture_head(config),
        PerceptualLoss(run.weights.mobilenet()), IdentityLoss(run.weights.recognition()), seed=settings.seed,
        drawn=settings.drawn,
    )  # fmt: skip
    if config.encoder.backbone == "mobilenet_v2":
        _start_from_imagenet(stage.model, run.weights.mobilenet())
    return stage


def _start_from_imagenet(encoder: nn.Module, mobilenet: nn.Module) -> None:
    """Fill the backbone of a light encoder with MobileNetV2's published weights."""
    tensors = mobilenet.state_dict()
    tensors["features.0.0.weight"] = widen_stem(tensors["features.0.0.weight"])
    encoder.load_state_dict(tensors, strict=False)


ENTRY = StageEntry(_build, needs_codes=True, grid=EncoderInputs)
