"""Multimodal aggregation: one feature map from any subset of the guides (PAPER section 8, Eq. 16-17)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..config import GeneratorConfig
from ..conventions import GUIDE_CHANNELS
from .layers import ResidualBlock


class Aggregation(nn.Module):
    """Residual features of each guide, summed with per-pixel softmax weights from one shared score block.

    The image branch also sees the mask as M − 0.5. With a stem of s every guide enters by pixel-unshuffle, so
    that the feature map has the side 256 / s.
    """

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        channels = config.aggregation_channels
        self.stem = config.stem
        self.score_stride = config.score_stride
        inputs = {**GUIDE_CHANNELS, "image": GUIDE_CHANNELS["image"] + 1}
        self.branches = nn.ModuleDict(
            {
                name: ResidualBlock(count * self.stem**2, channels, hidden=config.branch_channels)
                for name, count in inputs.items()
            }
        )
        self.score = ResidualBlock(channels, 1, hidden=config.score_channels, activate=False)

    def forward(self, image: Tensor, mask: Tensor, sketch: Tensor, semantic: Tensor, color: Tensor) -> Tensor:
        """image `[B, 3, H, W]` with a hole, mask `[B, 1, H, W]`, guides → F_a `[B, C, H/s, W/s]`."""
        features, weights = self.weighted_features(image, mask, sketch, semantic, color)
        total = features[0] * weights[:, 0]
        for k, feature in enumerate(features[1:], 1):
            total = torch.addcmul(total, feature, weights[:, k])
        return total

    def weighted_features(
        self, image: Tensor, mask: Tensor, sketch: Tensor, semantic: Tensor, color: Tensor
    ) -> tuple[list[Tensor], Tensor]:
        """Features of the four guides, each `[B, C, h, w]`, and their softmax weights `[B, 4, 1, h, w]`."""
        guides = {
            "image": torch.cat([image, mask - 0.5], 1),
            "sketch": sketch,
            "semantic": semantic,
            "color": color,
        }
        features = [
            branch(F.pixel_unshuffle(guides[name], self.stem)) for name, branch in self.branches.items()
        ]
        size = features[0].shape[-2:]
        scores = self.score(F.avg_pool2d(torch.cat(features), self.score_stride))
        scores = F.interpolate(scores, size, mode="bilinear", align_corners=False)
        scores = scores.unflatten(0, (len(features), len(image)))  # [4, B, 1, h, w]
        return features, scores.transpose(0, 1).softmax(1)
