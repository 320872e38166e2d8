"""Style encoder: one picture with its pixel-wise guides to W+ codes (PAPER section 2).

A backbone makes features at three strides, a top-down pyramid brings them to one width, and a head per code
reduces them to a vector. With the IR-SE50 backbone, names and shapes are those of the published e4e and pSp
encoders. The light encoder has a smaller backbone and narrower heads.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn, stack

from ..config import EncoderConfig
from ..conventions import CODE_DIM, ENCODER_CHANNELS, NUM_CODES, WORKING_SIZE
from ..errors import ShapeError
from .layers import EqualConv2d, EqualLinear
from .mobilenet_v2 import STRIDE_ENDS, MobileNetV2Features

FIRST_MIDDLE_CODE, FIRST_FINE_CODE = 3, 7
"""Codes below the first read the coarse map, codes from the second on the fine one."""


class SqueezeExcite(nn.Module):
    """Channel attention from the mean of the map."""

    def __init__(self, channels: int, reduction: int = 16) -> None:
        super().__init__()
        self.fc1 = nn.Conv2d(channels, channels // reduction, 1, bias=False)
        self.fc2 = nn.Conv2d(channels // reduction, channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        weights = self.fc2(F.relu(self.fc1(F.adaptive_avg_pool2d(x, 1))))  # [B, C, 1, 1]
        return x * weights.sigmoid()


class IRSEUnit(nn.Module):
    """Improved residual unit with squeeze-and-excitation (ArcFace's IR-SE networks)."""

    def __init__(self, in_channels: int, channels: int, stride: int) -> None:
        super().__init__()
        self.shortcut_layer: nn.Module = nn.MaxPool2d(1, stride)
        if in_channels != channels:
            self.shortcut_layer = nn.Sequential(
                nn.Conv2d(in_channels, channels, 1, stride, bias=False), nn.BatchNorm2d(channels)
            )
        self.res_layer = nn.Sequential(
            nn.BatchNorm2d(in_channels),
            nn.Conv2d(in_channels, channels, 3, 1, 1, bias=False),
            nn.PReLU(channels),
            nn.Conv2d(channels, channels, 3, stride, 1, bias=False),
            nn.BatchNorm2d(channels),
            SqueezeExcite(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.res_layer(x) + self.shortcut_layer(x)


@dataclass(frozen=True)
class Backbone:
    """Named sequences of layers in order, and the pyramid's inputs."""

    parts: dict[str, nn.Sequential]
    taps: tuple[int, int, int]
    """Indices, counted over all parts, of the layers of the fine, middle and coarse map."""
    channels: tuple[int, int, int]
    strides: tuple[int, int, int]


def ir_se50(in_channels: int) -> Backbone:
    """The face-recognition network of e4e and pSp: groups of 3, 4, 14 and 3 units, each halving the side."""
    units: list[nn.Module] = []
    channels = 64
    for width, count in ((64, 3), (128, 4), (256, 14), (512, 3)):
        for i in range(count):
            units.append(IRSEUnit(channels, width, stride=2 if i == 0 else 1))
            channels = width
    entry = nn.Sequential(nn.Conv2d(in_channels, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), nn.PReLU(64))
    parts = {"input_layer": entry, "body": nn.Sequential(*units)}
    taps = (len(entry) + 6, len(entry) + 20, len(entry) + 23)
    return Backbone(parts, taps, channels=(128, 256, 512), strides=(4, 8, 16))


def mobilenet_v2(in_channels: int) -> Backbone:
    """MobileNetV2 with torchvision's names."""
    strides = (8, 16, 32)
    ends = [STRIDE_ENDS[stride] for stride in strides]
    fine, middle, coarse = ends
    return Backbone(
        {"features": MobileNetV2Features(in_channels).features},
        taps=(fine[0], middle[0], coarse[0]),
        channels=(fine[1], middle[1], coarse[1]),
        strides=strides,
    )


BACKBONES: dict[str, Callable[[int], Backbone]] = {"ir_se50": ir_se50, "mobilenet_v2": mobilenet_v2}
"""Backbones by the name used in `EncoderConfig.backbone`."""


def _conv(
    in_channels: int, channels: int, kernel: int, *, stride: int = 1, gain: float = 1.0, equalized: bool
) -> nn.Module:
    """Convolution that keeps the variance of its input when `gain` makes up for the activation after it."""
    if equalized:
        equal = EqualConv2d(in_channels, channels, kernel, stride=stride)
        nn.init.normal_(equal.weight, std=gain)
        return equal
    plain = nn.Conv2d(in_channels, channels, kernel, stride, kernel // 2)
    nn.init.normal_(plain.weight, std=gain / math.sqrt(in_channels * kernel**2))
    return plain


class StyleHead(nn.Module):
    """Strided convolutions to one pixel, then a linear layer, zero at first: `[B, C, S, S]` → `[B, 512]`."""

    def __init__(self, in_channels: int, channels: int, side: int, *, equalized: bool) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for _ in range(side.bit_length() - 1):
            layers.append(_conv(in_channels, channels, 3, stride=2, gain=math.sqrt(2), equalized=equalized))
            layers.append(nn.LeakyReLU(0.01))
            in_channels = channels
        self.convs = nn.Sequential(*layers)
        self.linear = EqualLinear(channels, CODE_DIM)
        nn.init.zeros_(self.linear.weight)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(self.convs(x).flatten(1))


def add_upsampled(coarse: Tensor, fine: Tensor) -> Tensor:
    """The coarse map, bilinearly at the fine one's size (corners aligned, as in e4e), plus the fine map."""
    return F.interpolate(coarse, fine.shape[-2:], mode="bilinear", align_corners=True) + fine


class StyleEncoder(nn.Module):
    """Code offsets from a stack of image, sketch, semantic and color channels; the caller adds the mean code.

    Missing guides and holes of the image are zeros. Untrained heads return zeros, hence the mean face.
    """

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        backbone = BACKBONES[config.backbone](ENCODER_CHANNELS)
        for name, part in backbone.parts.items():
            self.add_module(name, part)
        self._parts = tuple(backbone.parts)
        self._taps = backbone.taps

        width, equalized = config.pyramid_channels, config.equalized
        fine, middle, coarse = backbone.channels
        # e4e has no projection of the coarse map: its backbone ends at the pyramid's width.
        self.latlayer0 = _conv(coarse, width, 1, equalized=equalized) if coarse != width else nn.Identity()
        self.latlayer1 = _conv(middle, width, 1, equalized=equalized)
        self.latlayer2 = _conv(fine, width, 1, equalized=equalized)

        fine_side, middle_side, coarse_side = (WORKING_SIZE // stride for stride in backbone.strides)
        sides = (
            [coarse_side] * FIRST_MIDDLE_CODE
            + [middle_side] * (FIRST_FINE_CODE - FIRST_MIDDLE_CODE)
            + [fine_side] * (NUM_CODES - FIRST_FINE_CODE)
        )
        widths = [config.base_channels] + [config.head_channels] * (NUM_CODES - 1)
        self.styles = nn.ModuleList(
            StyleHead(width, channels, side, equalized=equalized)
            for channels, side in zip(widths, sides, strict=True)
        )
        self.relative = config.relative

    def forward(self, x: Tensor, deltas: int = NUM_CODES - 1) -> Tensor:
        """x `[B, 26, 256, 256]` in the order of `GUIDE_CHANNELS` → offsets `[B, 18, 512]` from the mean code.

        Args:
            deltas: number of codes after the first that may differ from it; the others repeat it without
                running their heads. Training increases it step by step (e4e's progressive schedule).

        Raises:
            ShapeError: x has another shape.
        """
        expected = (len(x), ENCODER_CHANNELS, WORKING_SIZE, WORKING_SIZE)
        if x.shape != expected:
            raise ShapeError(
                f"Expected a stack of guides of shape {expected}, but got {tuple(x.shape)}. "
                "Align the photo to the working size first."
            )
        coarse, middle, fine = self._pyramid(x)
        base = self.styles[0](coarse)
        codes = [base] * NUM_CODES
        for i in range(1, deltas + 1):
            level = coarse if i < FIRST_MIDDLE_CODE else middle if i < FIRST_FINE_CODE else fine
            code = self.styles[i](level)
            codes[i] = base + code if self.relative else code
        return stack(codes, 1)

    def _pyramid(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Coarse, middle and fine maps of `pyramid_channels`."""
        taps = []
        layers = [layer for name in self._parts for layer in self.get_submodule(name).children()]
        for index, layer in enumerate(layers):
            x = layer(x)
            if index in self._taps:
                taps.append(x)
        fine, middle, coarse = taps
        coarse = self.latlayer0(coarse)
        middle = add_upsampled(coarse, self.latlayer1(middle))
        return coarse, middle, add_upsampled(middle, self.latlayer2(fine))


def widen_stem(weight: Tensor, in_channels: int = ENCODER_CHANNELS) -> Tensor:
    """Give the first convolution of a picture network, `[O, 3, k, k]`, more input channels.

    The new ones are zero, so that guides do not change the output at first (PAPER 2.5).
    """
    return F.pad(weight, (0, 0, 0, 0, 0, in_channels - weight.shape[1]))


def recentered(state: dict[str, Tensor], change: Tensor, relative: bool) -> dict[str, Tensor]:
    """An encoder's state dict with all codes moved by `change` `[18, 512]`, which the heads' biases take up.

    Encoders come with mean codes of their own, the model adds its mapping network's.
    """
    steps = torch.cat([change[:1], change[1:] - change[:1]]) if relative else change
    moved = {f"styles.{code}.linear.bias": step for code, step in enumerate(steps)}
    return state | {name: state[name] + step for name, step in moved.items()}
