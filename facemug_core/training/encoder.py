"""Training of the style encoder (Algorithm 1, PAPER 2.5) on faces whose codes are known."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..config import ModelConfig
from ..conventions import ENCODER_CHANNELS
from ..latents import broadcast
from ..networks.banks import FeatureBank
from ..networks.layers import place
from ..networks.mapping import MappingNetwork
from ..networks.part_reader import PhotoParts
from ..networks.picture_head import PictureHead
from ..networks.style_encoder import StyleEncoder
from .bank_faces import Faces, random_codes
from .data import EncoderInputs
from .loop import Batch
from .losses import IdentityLoss
from .photographing import photographed, with_holes
from .visibility import MEASURED_FACES, measure_visibility, measured_codes

BACKBONE_RATE = 0.15
"""Learning rate of the backbone as a share of the others'."""


PLAIN_WEIGHT = 0.3
"""Weight of the plain squared error beside the one that counts what is seen."""


class EncoderStage:
    """Style encoder against the codes of bank faces: squared error as a share of the codes' variance.

    It is counted twice: by how much a difference of codes is seen, and plainly. What the pictures of the
    codes look like, and whom they show, counts as well. All 18 codes are equal (no deltas), as bank faces are
    drawn from one code each.

    Args:
        bank, mapping, head, identity: frozen; what is seen is measured with them before the first step.
        photo_parts: frozen; it hides the background of every photo, as an edit does. Its perceptual network
            is the perceptual loss.
        drawn: faces that are drawn on the spot and join every batch, none of them twice.
        measured: on how many faces what is seen is measured.
    """

    name = "encoder"
    critic: nn.Module | None = None

    def __init__(
        self, config: ModelConfig, faces: Faces, bank: FeatureBank, mapping: MappingNetwork,
        head: PictureHead, photo_parts: PhotoParts, identity: IdentityLoss, *, seed: int = 0,
        drawn: int = 0, measured: int = MEASURED_FACES,
    ) -> None:  # fmt: skip
        self.model: nn.Module = StyleEncoder(config.encoder)
        self.dataset = EncoderInputs(faces, seed)
        self.bank = bank.eval().requires_grad_(False)
        self.mapping = mapping.eval().requires_grad_(False)
        self.head = head.eval().requires_grad_(False)
        self.photo_parts = photo_parts.eval().requires_grad_(False)
        self.perceptual = photo_parts.perceptual
        self.identity = identity
        self.drawn = drawn
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
        for module in (self.bank, self.mapping, self.head, self.photo_parts, self.identity):
            place(module, device)
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
        total = parts["unseen"] + PLAIN_WEIGHT * parts["unexplained"] + parts["picture"] + parts["identity"]
        return total, {name: part.detach() for name, part in parts.items()}, None

    @torch.no_grad()
    def _with_drawn(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """Guides [B, 26, H, W], codes [B, 512] and pictures of the batch and of the faces that join it."""
        w, guides = batch["w"], batch["guides"]
        if self.drawn:
            w = torch.cat([w, random_codes(self.drawn, self.mapping)])
        truth = self.head.picture(self.bank, broadcast(w)).float().clamp(-1, 1)
        if self.drawn:
            joining = with_holes(photographed(truth[-self.drawn :]))
            guides = torch.cat([guides, F.pad(joining, (0, 0, 0, 0, 0, ENCODER_CHANNELS - 3))])
        return self._without_background(guides).contiguous(memory_format=torch.channels_last), w, truth

    def _without_background(self, guides: Tensor) -> Tensor:
        """Guide stacks [B, 26, H, W] whose photos show the person alone."""
        image, rest = guides[:, :3], guides[:, 3:]
        return torch.cat([image.masked_fill(self.photo_parts.background(image), 0), rest], 1)

    def critic_loss(self, critic: nn.Module, batch: Batch, made: Any, step: int) -> Tensor | None:
        return None

    def samples(self, model: nn.Module, batch: Batch) -> Tensor:
        """Columns: image channels of the input, the bank's picture of the encoded code, of the true code."""
        guides = self._without_background(batch["guides"])
        guessed = self.mapping.mean_code + model(guides)
        columns = [guides[:, :3]]
        columns += [self.head.picture(self.bank, codes) for codes in (guessed, broadcast(batch["w"]))]
        return torch.stack(columns, 1)
