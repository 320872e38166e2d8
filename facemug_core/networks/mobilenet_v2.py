"""MobileNetV2 (Sandler et al. 2018) without its classifier: a small backbone, and perceptual features.

Parameter names are torchvision's `features.0` … `features.17`. The last 1×1 convolution (`features.18`) and
the classifier only serve ImageNet labels and do not exist here: a reader drops them.
"""

from __future__ import annotations

from torch import Tensor, nn

STAGES: tuple[tuple[int, int, int, int], ...] = (
    (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1),
)  # fmt: skip
"""(expansion, channels, blocks, stride of the first block), Table 2 of the paper."""

STRIDE_ENDS: dict[int, tuple[int, int]] = {2: (1, 16), 4: (3, 24), 8: (6, 32), 16: (13, 96), 32: (17, 320)}
"""For each stride, the index in `features` of the last layer with that stride, and its channels."""


class ConvNormReLU(nn.Sequential):
    """Convolution (odd kernel, padded), batch norm, ReLU6."""

    def __init__(
        self, in_channels: int, channels: int, kernel: int, stride: int = 1, groups: int = 1
    ) -> None:
        super().__init__(
            nn.Conv2d(in_channels, channels, kernel, stride, kernel // 2, groups=groups, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU6(inplace=True),
        )


class InvertedResidual(nn.Module):
    """Widen by a 1×1 convolution, filter depthwise, narrow linearly; a skip where the shape stays."""

    def __init__(self, in_channels: int, channels: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = in_channels * expansion
        widen = [ConvNormReLU(in_channels, wide, 1)] if expansion > 1 else []
        self.conv = nn.Sequential(
            *widen,
            ConvNormReLU(wide, wide, 3, stride, groups=wide),
            nn.Conv2d(wide, channels, 1, bias=False),
            nn.BatchNorm2d(channels),
        )
        self.skip = stride == 1 and in_channels == channels

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv(x) if self.skip else self.conv(x)


class MobileNetV2Features(nn.Module):
    """Feature maps by stride. Published weights expect ImageNet-normalized RGB.

    Args:
        in_channels: channels of the input; 3 in the published network.
    """

    def __init__(self, in_channels: int = 3) -> None:
        super().__init__()
        channels = 32
        layers: list[nn.Module] = [ConvNormReLU(in_channels, channels, 3, stride=2)]
        for expansion, width, blocks, stride in STAGES:
            for block in range(blocks):
                layers.append(InvertedResidual(channels, width, stride if block == 0 else 1, expansion))
                channels = width
        self.features = nn.Sequential(*layers)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out")

    def forward(self, x: Tensor, up_to: int = 32) -> dict[int, Tensor]:
        """x `[B, in_channels, H, W]` → {stride: `[B, C, H/stride, W/stride]`} for strides 2, 4, … `up_to`.

        The map of a stride is the output of the last layer with that stride, before any further activation:
        16, 24, 32, 96 and 320 channels. Layers beyond `up_to` are not run.
        """
        maps: dict[int, Tensor] = {}
        start = 0
        for stride, (end, _) in STRIDE_ENDS.items():
            if stride > up_to:
                break
            x = self.features[start : end + 1](x)
            maps[stride] = x
            start = end + 1
        return maps
