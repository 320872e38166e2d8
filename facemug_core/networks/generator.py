"""Aggregation and refinement auto-encoder as one trained network (PAPER sections 8-11)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from ..conditions import Conditions, fill_holes
from ..config import GeneratorConfig
from .aggregation import Aggregation
from .refinement import Pyramid, RefinementDecoder, RefinementEncoder


class Features(NamedTuple):
    """What the conditions say, independent of any style code: computed once per edit."""

    image: Tensor
    """The photo that the edit goes into, [B, 3, H, W]."""
    mask: Tensor
    """[B, 1, H, W], 1 = edit."""
    base: Tensor
    """What the generator starts from, [B, 3, H, W]: the photo with its hole filled or zero."""
    encoded: Pyramid
    """Encoder features [B, C, r, r] by their side r."""
    g: Tensor
    """Global vector [B, global_dim]."""


class Generator(nn.Module):
    """Conditions, bank features and style codes → edited picture with only masked pixels new."""

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        self.fill = config.fill_holes
        self.aggregation = Aggregation(config)
        self.encoder = RefinementEncoder(config)
        self.decoder = RefinementDecoder(config)

    def aggregate(self, conditions: Conditions) -> Features:
        """The style-independent half: aggregation and refinement encoder."""
        image = fill_holes(conditions.image, conditions.mask) if self.fill else conditions.masked_image
        features = self.aggregation(
            image, conditions.mask, conditions.sketch, conditions.semantic, conditions.color
        )
        return Features(conditions.image, conditions.mask, image, *self.encoder(features))

    def decode(self, features: Features, bank: Pyramid, codes: Tensor) -> Tensor:
        """The style-dependent half: I_raw inside the mask, the photo's own bits outside (PAPER 10.4)."""
        # In a filled hole only the difference to the smooth filling is left to draw.
        edited = features.base + self.decoder(features.encoded, bank, codes, features.g)
        return torch.where(features.mask > 0, edited, features.image)

    def forward(self, conditions: Conditions, bank: Pyramid, codes: Tensor) -> Tensor:
        """Conditions [B], bank maps and codes [B, 18, 512] → I_out [B, 3, H, W]."""
        return self.decode(self.aggregate(conditions), bank, codes)
