"""A small trained "to RGB" head: the picture of the bank's features at a middle resolution.

It replaces the bank's fine levels, most of the bank's work, wherever a coarse picture is enough: losses
through the bank in training and text optimisation.
"""

from __future__ import annotations

from torch import Tensor, nn

from ..config import PictureHeadConfig
from ..conventions import CODE_DIM, WORKING_SIZE
from .layers import ModulatedConv2d, leaky_relu
from .refinement import ToRGB


class PictureHead(nn.Module):
    """Bank features [B, C, r, r] and codes [B, 18, 512] → picture [B, 3, 256, 256], about [-1, 1].

    Three modulated convolutions, each by the code that styles this resolution of the bank, then a pixel
    shuffle up to the working size.
    """

    def __init__(self, config: PictureHeadConfig) -> None:
        super().__init__()
        self.resolution = config.resolution
        self.scale = config.bank_scale
        # Block k of the bank draws 8·2^k pixels and takes codes 1 + 2k and 2 + 2k.
        self.code = 2 * (config.resolution.bit_length() - 3)
        channels = config.channels
        self.entry = ModulatedConv2d(config.bank_channels, channels, 1, CODE_DIM)
        self.conv1 = ModulatedConv2d(channels, channels, 3, CODE_DIM)
        self.conv2 = ModulatedConv2d(channels, channels, 3, CODE_DIM)
        self.to_rgb = ToRGB(channels, CODE_DIM, stem=WORKING_SIZE // config.resolution)

    def forward(self, features: Tensor, codes: Tensor) -> Tensor:
        x = features * self.scale
        for i, conv in enumerate((self.entry, self.conv1, self.conv2)):
            x = leaky_relu(conv(x, codes[:, self.code + i]))
        return self.to_rgb(x, codes[:, self.code + 2])
