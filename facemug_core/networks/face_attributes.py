"""Small networks for expression, age and gender of a face (face-api, V. Mühler 2018).

Both take faces `[B, 3, 112, 112]`, RGB in [0, 255]. Modules are named as the published weights are.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from .same_conv import SameConv2d

MEAN = (122.782, 117.001, 104.298)
"""RGB mean that the weights were trained with."""

EXPRESSIONS = ("neutral", "happy", "sad", "angry", "fearful", "disgusted", "surprised")


class ExpressionNet(nn.Module):
    """Faces → logits `[B, 7]` of `EXPRESSIONS`."""

    def __init__(self) -> None:
        super().__init__()
        self.dense0 = _DenseBlock(3, 32, separable_entry=False)
        self.dense1 = _DenseBlock(32, 64)
        self.dense2 = _DenseBlock(64, 128)
        self.dense3 = _DenseBlock(128, 256)
        self.fc = nn.Linear(256, len(EXPRESSIONS))

    def forward(self, faces: Tensor) -> Tensor:
        x = _normalized(faces)
        for block in (self.dense0, self.dense1, self.dense2, self.dense3):
            x = block(x)
        return self.fc(x.mean((2, 3)))


class AgeGenderNet(nn.Module):
    """Faces → age in years `[B]` and logits `[B, 2]` of male and female (a tiny Xception)."""

    def __init__(self) -> None:
        super().__init__()
        self.entry_flow = nn.ModuleDict(
            {
                "conv_in": SameConv2d(3, 32, 3, stride=2, bias=True),
                "reduction_block_0": _Reduction(32, 64, first=True),
                "reduction_block_1": _Reduction(64, 128),
            }
        )
        self.middle_flow = nn.ModuleDict({f"main_block_{i}": _Main(128) for i in range(2)})
        self.exit_flow = nn.ModuleDict(
            {"reduction_block": _Reduction(128, 256), "separable_conv": _Separable(256, 512)}
        )
        self.fc = nn.ModuleDict({"age": nn.Linear(512, 1), "gender": nn.Linear(512, 2)})

    def forward(self, faces: Tensor) -> tuple[Tensor, Tensor]:
        x = F.relu(self.entry_flow["conv_in"](_normalized(faces)))
        for name in ("reduction_block_0", "reduction_block_1"):
            x = self.entry_flow[name](x)
        for block in self.middle_flow.values():
            x = block(x)
        x = F.relu(self.exit_flow["separable_conv"](self.exit_flow["reduction_block"](x)))
        x = x.mean((2, 3))
        return self.fc["age"](x)[:, 0], self.fc["gender"](x)


class _Separable(nn.Module):
    def __init__(self, in_channels: int, out_channels: int, stride: int = 1) -> None:
        super().__init__()
        self.depthwise = SameConv2d(in_channels, in_channels, 3, stride=stride, groups=in_channels)
        self.pointwise = nn.Conv2d(in_channels, out_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.pointwise(self.depthwise(x))


class _DenseBlock(nn.Module):
    """Halve the resolution, then three convolutions, each of the sum of all before."""

    def __init__(self, in_channels: int, channels: int, separable_entry: bool = True) -> None:
        super().__init__()
        self.conv0 = (
            _Separable(in_channels, channels, stride=2)
            if separable_entry
            else SameConv2d(in_channels, channels, 3, stride=2, bias=True)
        )
        self.conv1 = _Separable(channels, channels)
        self.conv2 = _Separable(channels, channels)
        self.conv3 = _Separable(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        total = F.relu(self.conv0(x))
        for conv in (self.conv1, self.conv2, self.conv3):
            total = total + conv(F.relu(total))
        return F.relu(total)


class _Reduction(nn.Module):
    """Two separable convolutions and a pooling that halves the resolution, beside a strided convolution."""

    def __init__(self, in_channels: int, channels: int, first: bool = False) -> None:
        super().__init__()
        self.first = first
        self.separable_conv0 = _Separable(in_channels, channels)
        self.separable_conv1 = _Separable(channels, channels)
        self.expansion_conv = SameConv2d(in_channels, channels, 1, stride=2, bias=True)

    def forward(self, x: Tensor) -> Tensor:
        y = self.separable_conv0(x if self.first else F.relu(x))
        y = self.separable_conv1(F.relu(y))
        # TensorFlow's "SAME" pooling of an even size puts the odd pixel at the bottom right.
        y = F.max_pool2d(F.pad(y, (0, 1, 0, 1), value=float("-inf")), 3, 2)
        return y + self.expansion_conv(x)


class _Main(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        for i in range(3):
            self.add_module(f"separable_conv{i}", _Separable(channels, channels))

    def forward(self, x: Tensor) -> Tensor:
        y = x
        for conv in self.children():
            y = conv(F.relu(y))
        return x + y


def _normalized(faces: Tensor) -> Tensor:
    return (faces - faces.new_tensor(MEAN).view(1, 3, 1, 1)) / 255
