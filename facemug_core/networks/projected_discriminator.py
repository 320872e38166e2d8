"""Discriminator on a pretrained network's features (Projected GANs, Sauer et al. 2021).

Fixed random mixings, over channels and from coarse to fine, prevent the heads from using only a few features.
Each level's head scores every place of the picture. It needs a fraction of the training steps of a
discriminator on pictures.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

MIXING_SEED = 0
"""Seed of the fixed mixings; another would serve as well."""


class ProjectedDiscriminator(nn.Module):
    """Unit-normalized feature maps {stride: `[B, C, h, w]`} → realness scores (logits), one map
    `[B, 1, h/2, w/2]` a level.

    Args:
        feature_channels: channels of the feature network at each used stride.
        channels: width of the mixings and the heads.
    """

    def __init__(self, feature_channels: Mapping[int, int], channels: int) -> None:
        super().__init__()
        self.coarse_to_fine = sorted(feature_channels, reverse=True)
        generator = torch.Generator().manual_seed(MIXING_SEED)
        for stride in self.coarse_to_fine:
            # Unit-normalized features times unit noise, and unit features times noise / √fan-in: both unit.
            mix = _noise(generator, channels, feature_channels[stride])
            self.register_buffer(f"mix_{stride}", mix)
            self.register_buffer(f"carry_{stride}", _noise(generator, channels, channels) / channels**0.5)
        self.heads = nn.ModuleDict({str(stride): _head(channels) for stride in self.coarse_to_fine})

    def forward(self, features: Mapping[int, Tensor]) -> list[Tensor]:
        scores = []
        mixed: Tensor | None = None
        for stride in self.coarse_to_fine:
            x = F.conv2d(features[stride], self.get_buffer(f"mix_{stride}"))
            if mixed is not None:
                up = F.interpolate(mixed, x.shape[-2:], mode="bilinear", align_corners=False)
                x = (x + F.conv2d(up, self.get_buffer(f"carry_{stride}"))) / 2**0.5
            mixed = x
            scores.append(self.heads[str(stride)](x))
        return scores


def _noise(generator: torch.Generator, out_channels: int, in_channels: int) -> Tensor:
    return torch.randn(out_channels, in_channels, 1, 1, generator=generator, device=generator.device)


def _head(channels: int) -> nn.Sequential:
    return nn.Sequential(
        spectral_norm(nn.Conv2d(channels, channels, 3, stride=2, padding=1)),
        nn.LeakyReLU(0.2),
        spectral_norm(nn.Conv2d(channels, channels, 3, padding=1)),
        nn.LeakyReLU(0.2),
        spectral_norm(nn.Conv2d(channels, 1, 1)),
    )
