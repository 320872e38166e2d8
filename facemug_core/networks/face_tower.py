"""The image side of the face text-image model: a linear read-out of MobileNetV2's maps.

Aligned faces have the same part in the same place, so each place has weights of its own.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, cat, nn

from .mobilenet_v2 import STRIDE_ENDS, MobileNetV2Features

GRIDS: dict[int, int] = {8: 8, 16: 4, 32: 4}
"""Side that the map of each stride is averaged to."""

NUM_FEATURES = sum(STRIDE_ENDS[stride][1] * side**2 for stride, side in GRIDS.items())


class FaceTower(nn.Module):
    """Faces [B, 3, 128, 128], ImageNet-normalised → [B, dim]."""

    image_size = 128

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.trunk = MobileNetV2Features()
        self.head = nn.Linear(NUM_FEATURES, dim)

    def look(self, faces: Tensor) -> Tensor:
        """The trunk's maps, averaged and laid out as features [B, NUM_FEATURES]."""
        maps = self.trunk(faces)
        return cat(
            [F.adaptive_avg_pool2d(maps[stride], side).flatten(1) for stride, side in GRIDS.items()], 1
        )

    def forward(self, faces: Tensor) -> Tensor:
        return self.head(self.look(faces))
