"""Discriminators: the paper's on pictures, or one on the features of the perceptual loss."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from ..config import DiscriminatorConfig, ProjectedDiscriminatorConfig
from ..networks.discriminator import Discriminator
from ..networks.mobilenet_v2 import STRIDE_ENDS
from ..networks.perceptual import Features
from ..networks.projected_discriminator import ProjectedDiscriminator

PENALTY_EVERY = 4
"""Period in steps of the lazy gradient penalty, and its factor."""
PENALTY_NOISE = 0.05


class Shown(NamedTuple):
    """Pictures and their features, the inputs of a critic."""

    image: Tensor
    """`[B, 3, H, W]` in [-1, 1]."""
    features: Features
    """Unit-normalized features of the perceptual loss."""

    def detach(self) -> Shown:
        return Shown(self.image.detach(), {stride: x.detach() for stride, x in self.features.items()})


class PictureCritic(nn.Module):
    """The paper's critic: one score for a whole picture (PAPER section 12), with a gradient penalty."""

    def __init__(self, config: DiscriminatorConfig) -> None:
        super().__init__()
        self.discriminator = Discriminator(config)

    def forward(self, shown: Shown) -> list[Tensor]:
        return [self.discriminator(shown.image)[:, :, None, None]]

    def penalty(self, real: Shown, scores: list[Tensor], step: int) -> Tensor:
        """R1 in its finite-difference form, (D(x) − D(x + σε))² / σ², which needs no double backward."""
        if step % PENALTY_EVERY:
            return scores[0].new_zeros(())
        noisy = self(Shown(real.image + PENALTY_NOISE * torch.randn_like(real.image), real.features))
        return PENALTY_EVERY / 2 * (scores[0] - noisy[0]).square().mean() / PENALTY_NOISE**2


class FeatureCritic(nn.Module):
    """Scores for every place at several scales, from perceptual features; stabilized by spectral norms."""

    def __init__(self, config: ProjectedDiscriminatorConfig) -> None:
        super().__init__()
        channels = {stride: STRIDE_ENDS[stride][1] for stride in config.strides}
        self.discriminator = ProjectedDiscriminator(channels, config.channels)

    def forward(self, shown: Shown) -> list[Tensor]:
        return self.discriminator(shown.features)

    def penalty(self, real: Shown, scores: list[Tensor], step: int) -> Tensor:
        return scores[0].new_zeros(())


def build_critic(config: DiscriminatorConfig | ProjectedDiscriminatorConfig) -> PictureCritic | FeatureCritic:
    return PictureCritic(config) if isinstance(config, DiscriminatorConfig) else FeatureCritic(config)
