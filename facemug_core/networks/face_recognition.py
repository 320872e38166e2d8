"""Face recognition: dlib's residual network (D. King 2017), for identity losses.

Modules are named as face-api publishes the weights; scales and offsets of channels are folded into the
convolutions before them.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from .face_attributes import MEAN

INPUT_SIZE = 150
"""Side in pixels of the faces that the weights were trained with."""

BLOCKS = (
    ("conv32_1", 32, 1), ("conv32_2", 32, 1), ("conv32_3", 32, 1),
    ("conv64_down", 64, 2), ("conv64_1", 64, 1), ("conv64_2", 64, 1), ("conv64_3", 64, 1),
    ("conv128_down", 128, 2), ("conv128_1", 128, 1), ("conv128_2", 128, 1),
    ("conv256_down", 256, 2), ("conv256_1", 256, 1), ("conv256_2", 256, 1), ("conv256_down_out", 256, 2),
)  # fmt: skip
"""(name, channels, stride) of the residual blocks."""


class FaceRecognition(nn.Module):
    """Faces `[B, 3, 150, 150]`, RGB in [0, 255] → vectors `[B, 128]`, within about 0.6 for one person."""

    def __init__(self) -> None:
        super().__init__()
        channels = 32
        self.conv32_down = nn.Conv2d(3, channels, 7, stride=2)
        self.blocks = nn.ModuleDict()
        for name, width, stride in BLOCKS:
            self.blocks[name] = _Residual(channels, width, stride)
            channels = width
        self.fc = nn.Linear(channels, 128, bias=False)

    def forward(self, faces: Tensor) -> Tensor:
        x = (faces - faces.new_tensor(MEAN).view(1, 3, 1, 1)) / 256
        x = F.max_pool2d(F.relu(self.conv32_down(x)), 3, 2)
        for block in self.blocks.values():
            x = block(x)
        return self.fc(x.mean((2, 3)))


class _Residual(nn.Module):
    """Two convolutions and a shortcut, which is averaged if they halve the resolution."""

    def __init__(self, in_channels: int, channels: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        # Halving convolutions have no padding: pictures lose a row and a column.
        self.conv1 = nn.Conv2d(in_channels, channels, 3, stride=stride, padding=0 if stride == 2 else 1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv2(F.relu(self.conv1(x)))
        if self.stride == 2:
            x = F.avg_pool2d(x, 2)
            x, y = _padded(x, y), _padded(y, x)
        return F.relu(x + y)


def _padded(x: Tensor, other: Tensor) -> Tensor:
    """x `[B, C, H, W]` padded with zeros at the ends to the channels, rows and columns of `other`."""
    channels, rows, columns = (max(b - a, 0) for a, b in zip(x.shape[1:], other.shape[1:], strict=True))
    return F.pad(x, (0, columns, 0, rows, 0, channels))
