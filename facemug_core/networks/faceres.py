"""FaceRes: MobileNet (Howard et al. 2017) trained on faces by A. Savchenko (HSE), for comparing people.

The pooled features identify a person; the published network adds age and gender. Batch norms are folded into
the convolutions, as published.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .same_conv import SameConv2d

STAGES: tuple[tuple[int, int], ...] = (
    (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *((512, 1),) * 5, (1024, 2), (1024, 1),
)  # fmt: skip
"""(channels, stride) of each pair of a depthwise and a pointwise convolution."""


class FaceRes(nn.Module):
    """Faces `[B, 3, 224, 224]`, BGR in 0 to 255 less their mean → features `[B, 1024]`, not negative."""

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


class FaceResHeads(nn.Module):
    """Features `[B, 1024]` of `FaceRes` → age in years `[B]`, and a logit `[B]` of male against female."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden = nn.Linear(1024, 256)
        self.age = nn.Linear(256, 100)
        self.gender = nn.Linear(256, 1)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        x = F.relu(self.hidden(features))
        shares = self.age(x).softmax(1)
        return shares @ torch.arange(100, dtype=x.dtype, device=x.device), self.gender(x)[:, 0]
