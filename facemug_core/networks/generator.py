"""Aggregation and refinement auto-encoder as one trained network (PAPER sections 8-11)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..conditions import Conditions, fill_holes
from ..config import GeneratorConfig
from .aggregation import Aggregation
from .banks import FeatureBank
from .picture_head import PictureHead
from .recoloring import PRIOR, WHOLE, color_shift
from .refinement import Pyramid, RefinementDecoder, RefinementEncoder
from .seams import carried_on, meeting, nearness, without_seam

MOST_TONE = 0.2
"""How far the bank's picture is brought to the photo's tone at most, in the units of pictures in [-1, 1]."""

RIM_WINDOW = 33
"""Side of the window, run twice, that sees the rim where the bank's picture meets the photo in any tone."""


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
    color: Tensor
    """The color map in full strength, [B, 3, H, W]."""
    color_weight: Tensor
    """Its strength, [B, 1, H, W] in [0, 1]; 0 where no color is asked for."""
    carried: Tensor
    """The photo carried on across the mask's rim, [B, 3, H, W]."""
    worth: Tensor
    """How much that is worth, [B, 1, H, W] in [0, 1]."""

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
        """Copies; outside inference mode they serve autograd, whatever mode the features were made in."""
        return self._mapped(torch.clone)

    @staticmethod
    def cat(parts: Sequence[Features]) -> Features:
        """One batch of several."""
        return Features(
            torch.cat([part.image for part in parts]),
            torch.cat([part.mask for part in parts]),
            torch.cat([part.base for part in parts]),
            {r: torch.cat([part.encoded[r] for part in parts]) for r in parts[0].encoded},
            torch.cat([part.g for part in parts]),
            torch.cat([part.color for part in parts]),
            torch.cat([part.color_weight for part in parts]),
            torch.cat([part.carried for part in parts]),
            torch.cat([part.worth for part in parts]),
        )

    def _mapped(self, change: Callable[[Tensor], Tensor]) -> Features:
        return Features(
            change(self.image),
            change(self.mask),
            change(self.base),
            {r: change(x) for r, x in self.encoded.items()},
            change(self.g),
            change(self.color),
            change(self.color_weight),
            change(self.carried),
            change(self.worth),
        )


@dataclass(frozen=True, eq=False)
class Prior:
    """What the frozen bank makes of style codes."""

    maps: Pyramid
    """Bank features [B, C, r, r] by their side r, as far as they are fused."""
    picture: Tensor | None
    """The bank's picture [B, 3, H, W], if it is fused."""


def draw_prior(bank: FeatureBank, head: PictureHead | None, codes: Tensor, finest: int) -> Prior:
    """The prior of codes [B, 18, 512]: maps up to the side `finest`, and a picture if there is a head."""
    maps = bank.features(codes, up_to=finest)
    return Prior(maps, None if head is None else head(maps[head.resolution], codes))


class Generator(nn.Module):
    """Conditions, the bank's prior and style codes → edited picture with only masked pixels new."""

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        self.fill = config.fill_holes
        self.bank_picture = config.bank_picture
        self.blend_seam = config.blend_seam
        self.aggregation = Aggregation(config)
        self.encoder = RefinementEncoder(config)
        self.decoder = RefinementDecoder(config)

    def aggregate(self, conditions: Conditions) -> Features:
        """The style-independent half: aggregation and refinement encoder."""
        image = fill_holes(conditions.image, conditions.mask) if self.fill else conditions.masked_image
        features = self.aggregation(
            image, conditions.mask, conditions.sketch, conditions.semantic, conditions.color
        )
        weight = conditions.color_weight
        color = torch.where(weight > 0, conditions.color / weight.clamp(min=1e-6), 0.0)
        encoded, g = self.encoder(features)
        carried, worth = self._carried_on(conditions)
        return Features(conditions.image, conditions.mask, image, encoded, g, color, weight, carried, worth)

    def _carried_on(self, conditions: Conditions) -> tuple[Tensor, Tensor]:
        """The photo carried on across the rim, and what it is worth: nothing where a color is asked for."""
        if not self.blend_seam:
            return conditions.image, torch.zeros_like(conditions.mask)
        with torch.autocast(conditions.image.device.type, enabled=False):
            carried, worth = carried_on(conditions.image, conditions.mask)
        return carried, worth * (1 - conditions.color_weight)

    def decode(self, features: Features, prior: Prior, codes: Tensor) -> Tensor:
        """The style-dependent half: I_raw inside the mask, the photo's own bits outside (PAPER 10.4)."""
        drawn = self.decoder(features.encoded, prior.maps, codes, features.g)
        # Tones that meet need more bits than half precision has.
        with torch.autocast(drawn.device.type, enabled=False):
            edited = self._joined(features, prior, drawn)
        return torch.where(features.mask > 0, edited, features.image)

    def _joined(self, features: Features, prior: Prior, drawn: Tensor) -> Tensor:
        """What the decoder has drawn, and what it takes of the bank's picture, on the photo."""
        # In a filled hole only the difference to the smooth filling is left to draw.
        edited = features.base + drawn[:, :3]
        if self.bank_picture:
            edited = edited + torch.sigmoid(drawn[:, 3:]) * self._detail(features, prior)
            edited = self._in_the_colors_asked(features, edited)
        if self.blend_seam:
            edited = without_seam(edited, features.image, features.mask)
            edited = meeting(edited, features.carried, features.worth, features.mask)
        return edited

    @staticmethod
    def _in_the_colors_asked(features: Features, edited: Tensor) -> Tensor:
        """The edit with each part in the color that the map has there: the hole's filling, of which it is a
        part, would else show through."""
        if not features.color_weight.any():
            return edited
        shift, weight = color_shift(edited, features.color, features.color_weight, WHOLE)
        return edited + weight * shift

    @staticmethod
    def _detail(features: Features, prior: Prior) -> Tensor:
        """What the bank's picture has beyond the photo's smooth filling of the hole, in about its tone.

        What photo and bank differ by along the hole's rim is spread smoothly over the hole and taken back;
        large differences, which are of other things and not of another tone, near the rim alone. Where a
        color is asked for, the bank's picture has that one instead.
        """
        assert prior.picture is not None
        apart = features.base - fill_holes(prior.picture, features.mask)
        tone = MOST_TONE * torch.tanh(apart / MOST_TONE)
        shift = torch.lerp(tone, apart, nearness(features.mask, RIM_WINDOW))
        if features.color_weight.any():
            asked = features.color, features.color_weight
            shift = torch.lerp(shift, *color_shift(prior.picture, *asked, PRIOR))
        return prior.picture - features.base + shift

    def forward(self, conditions: Conditions, prior: Prior, codes: Tensor) -> Tensor:
        """Conditions, prior and codes [B, 18, 512] → I_out [B, 3, H, W]."""
        return self.decode(self.aggregate(conditions), prior, codes)
