"""Picture head: the bank's picture at the working size, from features of a middle resolution.

It replaces the bank's slow fine levels in compositions of edits, and in losses through the bank.
"""

from __future__ import annotations

from torch import Tensor, nn

from ..config import PictureHeadConfig
from ..conventions import CODE_DIM, WORKING_SIZE
from .banks import FeatureBank
from .layers import ModulatedConv2d, leaky_relu
from .refinement import ToRGB


class PictureHead(nn.Module):
    """Bank features `[B, C, r, r]` and codes `[B, 18, 512]` → picture `[B, 3, 256, 256]`, about [-1, 1].

    A modulated linear 1×1 convolution, like the bank's "to RGB", plus three convolutions that predict the
    finer levels' contribution. All use the code of this resolution of the bank.
    """

    def __init__(self, config: PictureHeadConfig) -> None:
        super().__init__()
        self.resolution = config.resolution
        self.scale = config.bank_scale
        self.code = 2 * config.resolution.bit_length() - 7  # of the bank's block that draws this resolution
        channels, stem = config.channels, WORKING_SIZE // config.resolution
        self.linear = ToRGB(config.bank_channels, CODE_DIM, stem)
        self.entry = ModulatedConv2d(config.bank_channels, channels, 1, CODE_DIM)
        self.conv1 = ModulatedConv2d(channels, channels, 3, CODE_DIM)
        self.conv2 = ModulatedConv2d(channels, channels, 3, CODE_DIM)
        self.to_rgb = ToRGB(channels, CODE_DIM, stem)

    def picture(self, bank: FeatureBank, codes: Tensor) -> Tensor:
        """The bank's picture of codes `[B, 18, 512]`, without its fine levels."""
        return self(bank.features(codes, up_to=self.resolution)[self.resolution], codes)

    def forward(self, features: Tensor, codes: Tensor) -> Tensor:
        features = features * self.scale
        x = features
        for i, conv in enumerate((self.entry, self.conv1, self.conv2)):
            x = leaky_relu(conv(x, codes[:, self.code + i]))
        to_picture = codes[:, self.code + 2]
        return self.linear(features, to_picture) + self.to_rgb(x, to_picture)
