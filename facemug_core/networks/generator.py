"""Aggregation and refinement auto-encoder as one trained network (PAPER sections 8-11)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..conditions import Conditions, fill_holes
from ..config import GeneratorConfig
from .aggregation import Aggregation
from .refinement import Pyramid, RefinementDecoder, RefinementEncoder


@dataclass(frozen=True, eq=False)
class Features:
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

    def __len__(self) -> int:
        """Batch size."""
        return len(self.g)

    def __getitem__(self, rows: slice) -> Features:
        """A part of the batch."""
        return self._mapped(lambda x: x[rows])

    def to(self, device: torch.device | str) -> Features:
        """The same features on another device."""
        return self._mapped(lambda x: x.to(device))

    def repeated(self, batch: int) -> Features:
        """Features of one edit, repeated for a batch of codes."""
        return self._mapped(lambda x: x.expand(batch, *x.shape[1:]))

    @staticmethod
    def cat(parts: Sequence[Features]) -> Features:
        """One batch of several."""
        return Features(
            torch.cat([part.image for part in parts]),
            torch.cat([part.mask for part in parts]),
            torch.cat([part.base for part in parts]),
            {r: torch.cat([part.encoded[r] for part in parts]) for r in parts[0].encoded},
            torch.cat([part.g for part in parts]),
        )

    def _mapped(self, change: Callable[[Tensor], Tensor]) -> Features:
        return Features(
            change(self.image),
            change(self.mask),
            change(self.base),
            {r: change(x) for r, x in self.encoded.items()},
            change(self.g),
        )


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
