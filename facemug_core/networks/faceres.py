"""FaceRes: MobileNet (Howard et al. 2017) trained on faces by A. Savchenko (HSE), for comparing people.

The published network goes on to age and gender; who a person is, is in the pooled features before that.
Batch norms are folded into the convolutions, as published.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from .same_conv import SameConv2d

STAGES: tuple[tuple[int, int], ...] = (
    (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *((512, 1),) * 5, (1024, 2), (1024, 1),
)  # fmt: skip
"""(channels, stride) of each pair of a depthwise and a pointwise convolution."""


class FaceRes(nn.Module):
    """Faces [B, 3, 224, 224], BGR in 0 to 255 less their mean → features [B, 1024], not negative."""

    def __init__(self) -> None:
        super().__init__()
        channels = 32
        layers = [SameConv2d(3, channels, 3, stride=2, bias=True)]
        for width, stride in STAGES:
            layers.append(SameConv2d(channels, channels, 3, stride=stride, groups=channels, bias=True))
            layers.append(SameConv2d(channels, width, 1, bias=True))
            channels = width
        self.layers = nn.ModuleList(layers)

    def forward(self, faces: Tensor) -> Tensor:
        x = faces
        for layer in self.layers:
            x = F.relu6(layer(x))
        return x.mean((2, 3))
