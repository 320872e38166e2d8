"""Training of aggregation and refinement (Algorithm 3, PAPER sections 13 and 15)."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...compositing.seams import boundary
from ...conditions import Conditions
from ...config import ModelConfig
from ...latents import broadcast
from ...networks.banks import FeatureBank
from ...networks.generator import Generator, PriorHeads, draw_prior
from ...networks.mapping import MappingNetwork
from ...networks.part_reader import PART_CELLS, SEEN_SIZE, PhotoParts
from ...networks.perceptual import feature_distance
from ..critics import FeatureCritic, PictureCritic, Shown, build_critic
from ..data import FaceShards
from ..losses import (
    adversarial_loss,
    boundary_loss,
    detached,
    discriminator_loss,
    haze_loss,
    lines,
    part_loss,
    pixel_loss,
    stroke_loss,
    tone_loss,
    weighted_sum,
)
from ..options import Run, Settings
from ..samples import GeneratorEdits
from .stage import Batch, Stage, StageEntry, freeze

WEIGHTS = {
    # Where the truth is known:
    "perceptual": 2.0,
    "pixel": 1.5,
    "tone": 1.5,  # of pictures pooled by 16
    "rim": 1.5,  # of the colors along the mask's border, unless guides are another person's
    # Where guides are given:
    "lines": 2.0,  # of the whole masked part if there is a sketch
    "strokes": 1.0,  # at the strokes alone: the line loss tolerates missing ones
    "parts": 0.15,  # of a semantic map
    "colors": 1.5,  # of another person's color map
    # Against the composed edit without the decoder, which has the bank's contrast:
    "likeness": 1.0,  # distance where no guide is given
    "haze": 0.5,  # lost contrast
    "adversarial": 0.5,  # from `adversarial_from` on
}
"""Weights of the losses."""

TRUTH_REACH = 10
"""Width in pixels of the band inside the mask that the photo beside it determines."""

GUIDED_TRUTH = 0.5
"""Weight of the truth farther inside if its guides are given. Without guides the weight is 0: the truth is
unknown, and the mean of all possibilities is blurred."""


class GeneratorStage(Stage):
    """Aggregation and refinement, with losses where the truth can be known and, later, a discriminator.

    The truth is the target near the mask's border, and where its guides are given. Elsewhere the target is
    the composed edit without the decoder, unless the discriminator rejects it. If guides are another
    person's, the targets are their lines, parts and colors.

    Args:
        bank, mapping, encoder: frozen feature bank, mapping network and style encoder.
        heads: frozen; None for a generator that does not compose with the bank's picture.
        photo_parts: frozen; its perceptual network is the perceptual loss.
        adversarial_from: first step with the discriminator; None = without.
    """

    name = "generator"

    def __init__(
        self, config: ModelConfig, faces: FaceShards, bank: FeatureBank, mapping: MappingNetwork,
        encoder: nn.Module, heads: PriorHeads | None, photo_parts: PhotoParts, *, seed: int = 0,
        adversarial_from: int | None = None,
    ) -> None:  # fmt: skip
        self.model: nn.Module = Generator(config.generator)
        self.critic: PictureCritic | FeatureCritic | None = (
            None if adversarial_from is None else build_critic(config.discriminator)
        )
        self.dataset = GeneratorEdits(faces, seed)
        self.bank = freeze(bank)
        self.mapping = freeze(mapping)
        self.encoder = freeze(encoder)
        self.heads = None if heads is None else freeze(heads)
        self.finest = max(config.generator.bank_channels)
        self.photo_parts = freeze(photo_parts)
        self.perceptual = photo_parts.perceptual
        self.adversarial_from = adversarial_from or 0
        self.frozen = [bank, mapping, encoder, *([] if heads is None else [heads]), photo_parts]

    def loss(self, model: nn.Module, batch: Batch, step: int) -> tuple[Tensor, dict[str, Tensor], Any]:
        image, mask = batch["image"], batch["mask"]
        borrowed = batch["borrowed"][:, :, None, None].to(mask.dtype)
        guided = torch.maximum(
            torch.maximum(_given(batch["sketch"]), _given(batch["semantic"])), _given(batch["color"])
        )
        own = mask * (1 - borrowed)
        near = boundary(mask, TRUTH_REACH) * own
        known = torch.maximum(near, GUIDED_TRUTH * guided * own)
        free = (mask - near).clamp(min=0) * (1 - guided)
        # No stroke loss where colors are given: the colors make the lines, and strokes on top would show.
        uncolored = mask * (1 - _given(batch["color"]))
        colored = mask * borrowed * batch["color"].any(1, keepdim=True)
        edited, plain = self._edit(model, batch)
        fake = Shown(edited, self.perceptual.features(edited))
        with torch.no_grad():
            real = Shown(image, self.perceptual.features(image))
            undrawn = self.perceptual.features(plain)
        contrasts = lines(edited), lines(batch["drawn"])
        parts = {
            "perceptual": feature_distance(fake.features, real.features, known),
            "pixel": pixel_loss(edited, image, known),
            "tone": tone_loss(edited * known, image * known, known),
            "rim": boundary_loss(edited, image, own),
            "lines": pixel_loss(*contrasts, mask * _given(batch["sketch"])),
            "strokes": stroke_loss(*contrasts, batch["sketch"], uncolored),
            "parts": self._part_loss(edited, batch["semantic"] * mask),
            "colors": tone_loss(edited * colored, batch["color"] * colored, colored),
            "likeness": feature_distance(fake.features, undrawn, free) + pixel_loss(edited, plain, free),
            "haze": haze_loss(edited, plain, mask),
        }
        if self.critic is not None and step >= self.adversarial_from:
            self.critic.requires_grad_(False)
            parts["adversarial"] = adversarial_loss(self.critic(fake), mask)
            self.critic.requires_grad_(True)
        return weighted_sum(parts, WEIGHTS), detached(parts), (real, fake.detach())

    def critic_loss(self, critic: nn.Module, batch: Batch, made: Any, step: int) -> Tensor | None:
        if self.critic is None or step < self.adversarial_from:
            return None
        real, fake = made
        scores = critic(real)
        return discriminator_loss(scores, critic(fake), batch["mask"]) + self.critic.penalty(
            real, scores, step
        )

    def samples(self, model: nn.Module, batch: Batch) -> Tensor:
        """Columns: photo with its hole, composed edit without the decoder, edit, truth."""
        hole = torch.where(batch["mask"] > 0, 0.0, batch["image"])
        edited, plain = self._edit(model, batch)
        return torch.stack([hole, plain, edited, batch["image"]], 1)

    def _edit(self, model: nn.Module, batch: Batch) -> tuple[Tensor, Tensor]:
        """The edit with the sample's codes, and the same composed without the decoder."""
        conditions = Conditions.build(
            image=batch["image"],
            mask=batch["mask"],
            sketch=batch["sketch"],
            semantic=batch["semantic"],
            color=batch["color"],
        )
        with torch.no_grad():
            codes = self._codes(batch, conditions)
            prior = draw_prior(self.bank, self.heads, codes, self.finest)
            parts = self.photo_parts(conditions.masked_image)
        return model(conditions, parts, prior, codes)

    def _part_loss(self, edited: Tensor, wanted: Tensor) -> Tensor:
        """Cross-entropy of the edits' parts to the target `[B, 19, H, W]`; zero = no target."""
        features = self.perceptual.features(F.adaptive_avg_pool2d(edited, SEEN_SIZE))
        return part_loss(self.photo_parts.reader(features), F.adaptive_avg_pool2d(wanted, PART_CELLS))

    def _codes(self, batch: Batch, conditions: Conditions) -> Tensor:
        true, other = broadcast(batch["w"]), broadcast(self.mapping(batch["z"]).float()).clone()
        projected = batch["projected"][:, 0]
        if projected.any():
            person = self.photo_parts.without_background(conditions)
            guides = person.stack[projected].contiguous(memory_format=torch.channels_last)
            other[projected] = self.mapping.mean_code + self.encoder(guides)
        return torch.lerp(true, other, batch["distance"][:, None])


def _given(guide: Tensor) -> Tensor:
    """`[B, 1, 1, 1]`: 1 for the samples that have a guide `[B, C, H, W]`, and 0 for the others."""
    return guide.flatten(1).any(1)[:, None, None, None].to(guide.dtype)


def _build(config: ModelConfig, faces: FaceShards, settings: Settings, run: Run) -> Stage:
    mapping, bank = run.weights.mapping(config), run.weights.bank(config)
    encoder = run.weights.encoder(config, mapping.mean_code)
    heads = run.weights.prior_heads(config) if config.generator.bank_picture else None
    return GeneratorStage(
        config, faces, bank, mapping, encoder, heads, run.weights.photo_parts(), seed=settings.seed,
        adversarial_from=settings.adversarial_from,
    )  # fmt: skip


ENTRY = StageEntry(_build, grid=GeneratorEdits)
