"""Training losses, all measured inside the edit mask (PAPER section 13, LIGHT.md)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..compositing.harmony import bands
from ..compositing.seams import boundary
from ..conditions import clearest, line_contrast, missing_lines
from ..conditions.sketches import LUMA
from ..networks.face_recognition import INPUT_SIZE, FaceRecognition
from ..networks.perceptual import masked_mean
from ..ops.masks import eroded

TOP, LEFT, SIDE = 60, 38, 180
"""Square of the crop for identity. Of nine squares tried on twelve photos of six people it separates people
best: by 4.6 standard deviations (14 px higher: 2.3)."""

BOUNDARY_WIDTH = 5
"""Width in pixels of the band inside a mask's border whose colors follow from the photo beside it."""

RIM_PIECE = 16
"""Side in pixels of the squares in which the band's colors are averaged."""

STROKE_CONTRAST = 0.75, 1.5
"""Bounds of a stroke's target contrast: 90 % of the filter's strokes exceed the first, 33 % the second."""


HAZE_MARGIN = 4
"""Pixels inside a mask's border without a haze loss: their contrast is the step to the photo."""

HAZE_DOUBT = 0.01
"""Energy, summed over the pixels, that both sides of the ratio get: lower energies are noise."""


class IdentityLoss(nn.Module):
    """Squared distance of recognition features; above 0.36 two faces show two people.

    Args:
        network: frozen, in eval mode; not the judge of the evaluation.
    """

    def __init__(self, network: FaceRecognition) -> None:
        super().__init__()
        self.network = network

    def vectors(self, image: Tensor) -> Tensor:
        """Recognition features `[B, 128]` of crops `[B, 3, 256, 256]` in [-1, 1]."""
        square = image[..., TOP : TOP + SIDE, LEFT : LEFT + SIDE]
        faces = F.interpolate(square, (INPUT_SIZE, INPUT_SIZE), mode="bilinear", antialias=True)
        return self.network((faces + 1) * 127.5).float()

    def forward(self, image: Tensor, truth: Tensor) -> Tensor:
        with torch.no_grad():
            wanted = self.vectors(truth)
        return (self.vectors(image) - wanted).square().sum(1).mean()


def pixel_loss(image: Tensor, truth: Tensor, mask: Tensor) -> Tensor:
    """L1 over the mask."""
    return masked_mean((image - truth).abs(), mask)


def tone_loss(image: Tensor, truth: Tensor, mask: Tensor, factor: int = 16) -> Tensor:
    """L1 of pictures pooled by `factor`, over the cells that the mask touches, against seams of tone."""
    touched = (F.max_pool2d(mask, factor) > 0).to(image.dtype)
    return masked_mean((F.avg_pool2d(image - truth, factor)).abs(), touched)


def boundary_loss(image: Tensor, truth: Tensor, mask: Tensor) -> Tensor:
    """L1 of mean colors in the band inside the mask's border, square by square."""
    along = boundary(mask, BOUNDARY_WIDTH)
    apart = F.avg_pool2d((image - truth) * along, RIM_PIECE).abs()
    return apart.sum() / (3 * F.avg_pool2d(along, RIM_PIECE).sum()).clamp(min=1e-6)


def haze_loss(image: Tensor, solid: Tensor, mask: Tensor) -> Tensor:
    """Contrast lost against `solid` pictures inside the mask: the logarithm of the energy ratio in the mid
    and the fine band. More contrast costs nothing."""
    inside = eroded(mask, HAZE_MARGIN)
    weights = image.new_tensor(LUMA).view(1, 3, 1, 1)
    lost = []
    for band, wanted in zip(
        *(bands((x * weights).sum(1, keepdim=True))[1:] for x in (image, solid)), strict=True
    ):
        energies = [(x.square() * inside).sum((1, 2, 3)) + HAZE_DOUBT for x in (band, wanted)]
        lost.append(F.relu((energies[1] / energies[0]).log()))
    return torch.stack(lost).mean()


def lines(image: Tensor) -> Tensor:
    """Line strength `[B, 1, H, W]` of pictures `[B, 3, H, W]`, sensitive to faint lines, too."""
    with torch.autocast(image.device.type, enabled=False):  # small differences of small numbers
        return line_contrast(image.float())


def stroke_loss(found: Tensor, drawn: Tensor, strokes: Tensor, mask: Tensor) -> Tensor:
    """Share, 0 to 1, by which lines are too weak at given strokes `[B, 1, H, W]` inside the mask.

    `found` and `drawn` are `lines` of the edit and of the picture that the strokes come from. The target is
    `drawn`, within `STROKE_CONTRAST`: it has no line at strokes that a hand has added.
    """
    missing = missing_lines(found, clearest(drawn).clamp(*STROKE_CONTRAST))
    asked = strokes * mask
    return (missing * asked).sum() / asked.sum().clamp(min=1)


def part_loss(shares: Tensor, wanted: Tensor) -> Tensor:
    """Cross-entropy between predicted and target shares of the classes.

    Args:
        shares: logarithms of the classes' shares in each cell, `[B, 19, h, w]` (`PartReader`).
        wanted: target shares, `[B, 19, h, w]`; zero = no target.
    """
    return -(wanted * shares.float()).sum() / wanted.sum().clamp(min=1)


def discriminator_loss(real: Sequence[Tensor], fake: Sequence[Tensor], mask: Tensor) -> Tensor:
    """Non-saturating logistic loss of the discriminator's score maps (logits) over the mask."""
    pairs = zip(real, fake, strict=True)
    return torch.stack([_score_mean(F.softplus(-r) + F.softplus(f), mask) for r, f in pairs]).mean()


def adversarial_loss(fake: Sequence[Tensor], mask: Tensor) -> Tensor:
    """Non-saturating logistic loss of the generator over the mask."""
    return torch.stack([_score_mean(F.softplus(-f), mask) for f in fake]).mean()


def _score_mean(x: Tensor, mask: Tensor) -> Tensor:
    """Mean of a map `[B, 1, h, w]` over the cells that the mask touches."""
    return masked_mean(x, F.adaptive_max_pool2d(mask, x.shape[-2:]))


def weighted_sum(parts: Mapping[str, Tensor], weights: Mapping[str, float]) -> Tensor:
    """Weighted sum of losses; parts without a weight are for the log alone."""
    weighted = [weights[name] * part for name, part in parts.items() if name in weights]
    return sum(weighted[1:], start=weighted[0])


def detached(parts: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Parts of a loss for the log."""
    return {name: part.detach() for name, part in parts.items()}
