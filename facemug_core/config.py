"""The two sizes of one model, as tables. Size is data: no code asks which size it runs."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal


@dataclass(frozen=True)
class GeneratorConfig:
    """Aggregation, refinement encoder and refinement decoder (PAPER sections 8, 10, 11)."""

    stem: int
    """Pixel-unshuffle factor at the entry and pixel-shuffle factor at the exit; 1 works at full resolution."""
    aggregation_channels: int
    """C: channels of each modality's features and of their weighted sum F_a."""
    channels: MappingProxyType[int, int]
    """Channels at each resolution from `256 // stem` down to 4."""
    global_dim: int
    """Length of the global vector g."""
    bank_channels: MappingProxyType[int, int]
    """Channels of the feature bank's map at each resolution at which it is fused (8 and up)."""
    fill_holes: bool
    """Feed the hole filled from the visible pixels (pull-push pyramid) instead of zeros."""

    @property
    def resolutions(self) -> tuple[int, ...]:
        """All resolutions, coarse to fine."""
        return tuple(sorted(self.channels))


@dataclass(frozen=True)
class EncoderConfig:
    """Style encoder (PAPER section 2)."""

    backbone: Literal["ir_se50", "mobilenet_v2"]
    pyramid_channels: int
    """Channels of the feature pyramid that the heads read (512 in e4e)."""
    head_channels: int
    """Channels of the strided convolutions in each head (512 in e4e)."""
    shared_trunk: int
    """Number of first strided convolutions that all heads of one pyramid level share (0 in e4e)."""


@dataclass(frozen=True)
class ModelConfig:
    """One size of the model."""

    name: str
    bank: Literal["mobile_stylegan", "stylegan2"]
    encoder: EncoderConfig
    warp_rank: int
    """Inner width of the latent warping network's projections (512: the paper's)."""
    generator: GeneratorConfig


LIGHT = ModelConfig(
    name="light",
    bank="mobile_stylegan",
    encoder=EncoderConfig("mobilenet_v2", pyramid_channels=64, head_channels=64, shared_trunk=0),
    warp_rank=128,
    generator=GeneratorConfig(
        stem=2,
        aggregation_channels=32,
        channels=MappingProxyType({4: 256, 8: 256, 16: 256, 32: 128, 64: 64, 128: 32}),
        global_dim=256,
        bank_channels=MappingProxyType({8: 512, 16: 512, 32: 512, 64: 512}),
        fill_holes=True,
    ),
)

FULL = ModelConfig(
    name="full",
    bank="stylegan2",
    encoder=EncoderConfig("ir_se50", pyramid_channels=512, head_channels=512, shared_trunk=0),
    warp_rank=512,
    generator=GeneratorConfig(
        stem=1,
        aggregation_channels=64,
        channels=MappingProxyType({4: 512, 8: 512, 16: 512, 32: 512, 64: 512, 128: 256, 256: 128}),
        global_dim=1024,
        bank_channels=MappingProxyType({8: 512, 16: 512, 32: 512, 64: 512, 128: 256, 256: 128}),
        fill_holes=False,
    ),
)

SIZES: MappingProxyType[str, ModelConfig] = MappingProxyType({c.name: c for c in (LIGHT, FULL)})
