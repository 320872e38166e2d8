"""Face-parsing network: BiSeNet with a ResNet-18 context path (PAPER 14.1).

Layout and parameter names are those of the widely used 19-class face-parsing checkpoint. The two auxiliary
heads exist for loading only and are never run.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, cat, nn

from ..conventions import NUM_LABELS


class BiSeNet(nn.Module):
    """Class logits at the size of the input.

    `forward` takes ImageNet-normalized RGB `[B, 3, H, W]` of any size from 32 up and returns logits
    `[B, num_labels, H, W]`. The weights expect an aligned face about 512 pixels wide.
    """

    def __init__(self, num_labels: int = NUM_LABELS) -> None:
        super().__init__()
        self.cp = ContextPath()
        self.ffm = FeatureFusion(256, 256)
        self.conv_out = OutputHead(256, 256, num_labels)
        self.conv_out16 = OutputHead(128, 64, num_labels)
        self.conv_out32 = OutputHead(128, 64, num_labels)

    def forward(self, x: Tensor) -> Tensor:
        detail, context = self.cp(x)  # [B, 128, H/8, W/8] each
        logits = self.conv_out(self.ffm(detail, context))  # [B, num_labels, H/8, W/8]
        return F.interpolate(logits, x.shape[-2:], mode="bilinear", align_corners=True)


class ContextPath(nn.Module):
    """ResNet-18 features at 1/8, and the attention-refined context of 1/16, 1/32 and the whole picture."""

    def __init__(self) -> None:
        super().__init__()
        self.resnet = ResNet18()
        self.arm16 = AttentionRefinement(256, 128)
        self.arm32 = AttentionRefinement(512, 128)
        self.conv_head32 = ConvNormReLU(128, 128, 3)
        self.conv_head16 = ConvNormReLU(128, 128, 3)
        self.conv_avg = ConvNormReLU(512, 128, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        feat8, feat16, feat32 = self.resnet(x)
        whole = self.conv_avg(F.adaptive_avg_pool2d(feat32, 1))  # [B, 128, 1, 1]
        context = F.interpolate(self.arm32(feat32) + whole, feat16.shape[-2:])
        context = self.conv_head32(context)
        context = F.interpolate(self.arm16(feat16) + context, feat8.shape[-2:])
        return feat8, self.conv_head16(context)


class ResNet18(nn.Module):
    """The convolutional part of ResNet-18: features at 1/8 (128 channels), 1/16 (256) and 1/32 (512)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.layer1 = _stage(64, 64, stride=1)
        self.layer2 = _stage(64, 128, stride=2)
        self.layer3 = _stage(128, 256, stride=2)
        self.layer4 = _stage(256, 512, stride=2)

    def forward(self, x: Tensor) -> Sequence[Tensor]:
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 3, stride=2, padding=1)  # [B, 64, H/4, W/4]
        feat8 = self.layer2(self.layer1(x))
        feat16 = self.layer3(feat8)
        return feat8, feat16, self.layer4(feat16)


def _stage(in_channels: int, channels: int, stride: int) -> nn.Sequential:
    return nn.Sequential(BasicBlock(in_channels, channels, stride), BasicBlock(channels, channels, 1))


class BasicBlock(nn.Module):
    """Two 3×3 convolutions around a shortcut, which is a 1×1 convolution where the shape changes."""

    def __init__(self, in_channels: int, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, channels, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.downsample: nn.Module = nn.Identity()
        if stride != 1 or in_channels != channels:
            self.downsample = nn.Sequential(
                nn.Conv2d(in_channels, channels, 1, stride=stride, bias=False), nn.BatchNorm2d(channels)
            )

    def forward(self, x: Tensor) -> Tensor:
        residual = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(self.downsample(x) + residual)


class ConvNormReLU(nn.Module):
    """Convolution (odd kernel, same size), batch norm, ReLU."""

    def __init__(self, in_channels: int, channels: int, kernel: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, channels, kernel, padding=kernel // 2, bias=False)
        self.bn = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(x)))


class AttentionRefinement(nn.Module):
    """A convolution whose channels are weighted by global attention."""

    def __init__(self, in_channels: int, channels: int) -> None:
        super().__init__()
        self.conv = ConvNormReLU(in_channels, channels, 3)
        self.conv_atten = nn.Conv2d(channels, channels, 1, bias=False)
        self.bn_atten = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        features = self.conv(x)
        weights = self.bn_atten(self.conv_atten(F.adaptive_avg_pool2d(features, 1)))  # [B, C, 1, 1]
        return features * weights.sigmoid()


class FeatureFusion(nn.Module):
    """Joins detail and context with channel attention."""

    def __init__(self, in_channels: int, channels: int) -> None:
        super().__init__()
        self.convblk = ConvNormReLU(in_channels, channels, 1)
        self.conv1 = nn.Conv2d(channels, channels // 4, 1, bias=False)
        self.conv2 = nn.Conv2d(channels // 4, channels, 1, bias=False)

    def forward(self, detail: Tensor, context: Tensor) -> Tensor:
        features = self.convblk(cat([detail, context], dim=1))
        weights = self.conv2(F.relu(self.conv1(F.adaptive_avg_pool2d(features, 1))))  # [B, C, 1, 1]
        return features * weights.sigmoid() + features


class OutputHead(nn.Module):
    """A convolution and a 1×1 projection to the classes."""

    def __init__(self, in_channels: int, channels: int, num_labels: int) -> None:
        super().__init__()
        self.conv = ConvNormReLU(in_channels, channels, 3)
        self.conv_out = nn.Conv2d(channels, num_labels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv_out(self.conv(x))
