"""Convolution with TensorFlow's "SAME" padding, for networks from TensorFlow."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


class SameConv2d(nn.Conv2d):
    """Convolution with output size ⌈input / stride⌉; odd padding has more at the bottom right."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int,
        *,
        stride: int = 1,
        groups: int = 1,
        bias: bool = False,
    ) -> None:
        super().__init__(in_channels, out_channels, kernel, stride=stride, groups=groups, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        (kernel, _), (stride, _) = self.kernel_size, self.stride
        vertical, horizontal = (max((-(-n // stride) - 1) * stride + kernel - n, 0) for n in x.shape[-2:])
        if vertical == horizontal and vertical % 2 == 0:
            return F.conv2d(x, self.weight, self.bias, stride, vertical // 2, 1, self.groups)
        left, top = horizontal // 2, vertical // 2
        x = F.pad(x, (left, horizontal - left, top, vertical - top))
        return F.conv2d(x, self.weight, self.bias, stride, 0, 1, self.groups)
