"""Aggregation and refinement auto-encoder as one trained network (PAPER sections 8-11)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..compositing import Scene, build_scene, composed
from ..conditions import Conditions
from ..config import GeneratorConfig
from ..ops.masks import fill_holes
from .aggregation import Aggregation
from .banks import FeatureBank
from .part_reader import PartHead
from .picture_head import PictureHead
from .refinement import Pyramid, RefinementDecoder, RefinementEncoder


@dataclass(frozen=True, eq=False)
class Features:
    """Everything that depends on the conditions alone, not on style codes: computed once per edit."""

    scene: Scene
    """Photo and guides, prepared for the composition."""
    encoded: Pyramid
    """Encoder features `[B, C, r, r]` by their side r."""
    g: Tensor
    """Global vector `[B, global_dim]`."""

    @property
    def image(self) -> Tensor:
        """The photo `[B, 3, H, W]` of the edit."""
        return self.scene.photo

    @property
    def mask(self) -> Tensor:
        """`[B, 1, H, W]`, 1 = edit."""
        return self.scene.mask

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

    def cloned(self) -> Features:
        """Copies, which autograd can use if they are made outside inference mode."""
        return self._mapped(torch.clone)

    @staticmethod
    def cat(parts: Sequence[Features]) -> Features:
        """Batches concatenated."""
        return Features(
            Scene.cat([part.scene for part in parts]),
            {r: torch.cat([part.encoded[r] for part in parts]) for r in parts[0].encoded},
            torch.cat([part.g for part in parts]),
        )

    def _mapped(self, change: Callable[[Tensor], Tensor]) -> Features:
        encoded = {r: change(x) for r, x in self.encoded.items()}
        return Features(self.scene.mapped(change), encoded, change(self.g))


@dataclass(frozen=True, eq=False)
class Prior:
    """The frozen bank's results for style codes."""

    maps: Pyramid
    """Bank features `[B, C, r, r]` by their side r, of the fused levels."""
    picture: Tensor | None
    """The bank's picture `[B, 3, H, W]`, if the edit is composed with it."""
    parts: Tensor | None
    """Shares of the classes in the picture, `[B, 19, h, w]`."""


class PriorHeads(nn.Module):
    """The heads that read the bank's picture and its parts off the bank's maps.

    Args:
        picture: frozen.
        parts: frozen.
    """

    def __init__(self, picture: PictureHead, parts: PartHead) -> None:
        super().__init__()
        self.picture = picture
        self.parts = parts


def draw_prior(bank: FeatureBank, heads: PriorHeads | None, codes: Tensor, finest: int) -> Prior:
    """The prior of codes `[B, 18, 512]`: maps up to side `finest`, and with heads picture and parts."""
    maps = bank.features(codes, up_to=finest)
    if heads is None:
        return Prior(maps, None, None)
    return Prior(maps, heads.picture(maps[heads.picture.resolution], codes), heads.parts(maps).exp())


class Generator(nn.Module):
    """Conditions, the bank's prior and style codes → edited picture with only masked pixels new."""

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        self.fill = config.fill_holes
        self.aggregation = Aggregation(config)
        self.encoder = RefinementEncoder(config)
        self.decoder = RefinementDecoder(config)

    def aggregate(self, conditions: Conditions, parts: Tensor) -> Features:
        """The style-independent half: aggregation, refinement encoder, and the scene.

        `parts` are the shares of the classes in the visible photo, `[B, 19, h, w]`; zeros where unknown.
        """
        image = fill_holes(conditions.image, conditions.mask) if self.fill else conditions.masked_image
        features = self.aggregation(
            image, conditions.mask, conditions.sketch, conditions.semantic, conditions.color
        )
        encoded, g = self.encoder(features)
        weight = conditions.color_weight
        color = torch.where(weight > 0, conditions.color / weight.clamp(min=1e-6), 0.0)
        with torch.autocast(g.device.type, enabled=False):
            scene = build_scene(
                conditions.image, conditions.mask, parts.float(), conditions.semantic, color, weight
            )
        return Features(scene, encoded, g)

    def decode(self, features: Features, prior: Prior, codes: Tensor) -> Tensor:
        """The style-dependent half: the edit inside the mask, the photo's bits outside (PAPER 10.4)."""
        drawn = self.decoder(features.encoded, prior.maps, codes, features.g)
        return composite(features, prior, drawn)

    def forward(
        self, conditions: Conditions, parts: Tensor, prior: Prior, codes: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Conditions, the photo's parts, prior and codes `[B, 18, 512]` → I_out `[B, 3, H, W]`, and the same
        composed without the decoder."""
        features = self.aggregate(conditions, parts)
        with torch.no_grad():
            plain = composite(features, prior, torch.zeros_like(features.image))
        return self.decode(features, prior, codes), plain


def composite(features: Features, prior: Prior, drawn: Tensor) -> Tensor:
    """The photo `[B, 3, H, W]` with an edit from the decoder's picture and, if there is one, the bank's."""
    if prior.picture is not None and prior.parts is not None:
        # Tones must agree along the mask's border; half precision has too few bits for that.
        with torch.autocast(drawn.device.type, enabled=False):
            drawn = composed(features.scene, prior.picture.float(), prior.parts.float(), drawn.float())
    return torch.where(features.mask > 0, drawn, features.image)
