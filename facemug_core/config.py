"""The two sizes of one model, as tables. Size is data: no code asks which size it runs."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal


@dataclass(frozen=True)
class GeneratorConfig:
    """Aggregation, refinement encoder and refinement decoder (PAPER sections 8, 10, 11)."""

    stem: int
    """Pixel-unshuffle factor at the entry, pixel-shuffle factor at the exit; 1 works at full resolution."""
    aggregation_channels: int
    """C: channels of each modality's features and of their weighted sum F_a."""
    branch_channels: int
    """Inner channels of each modality's residual block."""
    score_channels: int
    """Inner channels of the shared score block."""
    score_stride: int
    """Scores are computed at 1 / this of F_a's resolution and interpolated; 1 in the paper."""
    channels: MappingProxyType[int, int]
    """Channels at each resolution from `256 // stem` down to 4."""
    global_dim: int
    """Length of the global vector g."""
    bank_channels: MappingProxyType[int, int]
    """Channels of the feature bank's map at each resolution at which it is fused (8 and up)."""
    bank_scales: MappingProxyType[int, float]
    """Constants that bring the bank's maps to unit standard deviation; 1 where none is given."""
    fill_holes: bool
    """Start from the hole filled from the visible pixels (pull-push pyramid) instead of zeros."""
    bank_picture: bool
    """Compose the edit of the bank's own picture and what is drawn, instead of the latter alone."""
    fusion: Literal["style", "addition", "gated"] = "style"
    """Fusion block: the paper's, or a variant of its Table VI."""

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
    """Channels of the strided convolutions in the heads of codes 1 to 17 (512 in e4e)."""
    base_channels: int
    """The same for code 0, which the other heads only correct; bounds the rank of its codes (512 in e4e)."""
    equalized: bool
    """Laterals and heads store unit-variance weights, so that one learning rate suits all layers. Published
    e4e and pSp weights are for plain convolutions."""
    relative: bool = True
    """Heads 1 to 17 give offsets from code 0 (e4e) instead of whole codes (pSp)."""


@dataclass(frozen=True)
class DiscriminatorConfig:
    """Discriminator (PAPER section 12)."""

    stem: int
    """Pixel-unshuffle factor at the entry; 1 works at full resolution."""
    channels: MappingProxyType[int, int]
    """Channels at each resolution from `256 // stem` down to 4."""


@dataclass(frozen=True)
class ProjectedDiscriminatorConfig:
    """Discriminator on the features of the perceptual loss (Projected GANs)."""

    strides: tuple[int, ...]
    """Levels of the feature network that are looked at."""
    channels: int


@dataclass(frozen=True)
class PictureHeadConfig:
    """A head that reads a coarse picture off the bank's features."""

    resolution: int
    """Side of the bank's map that it reads."""
    bank_channels: int
    bank_scale: float
    """Constant that brings the map to unit standard deviation."""
    channels: int


@dataclass(frozen=True)
class PartHeadConfig:
    """A head that reads the parts of a face off the bank's features."""

    bank_channels: MappingProxyType[int, int]
    """Channels of the bank's maps that it reads, by their side."""
    bank_scales: MappingProxyType[int, float]
    """Constants that bring these maps to unit standard deviation."""
    channels: int


@dataclass(frozen=True)
class ModelConfig:
    """One size of the model."""

    name: str
    bank: Literal["mobile_stylegan", "stylegan2"]
    encoder: EncoderConfig
    warp_rank: int
    """Inner width of the latent warping network's projections (512: the paper's)."""
    generator: GeneratorConfig
    discriminator: DiscriminatorConfig | ProjectedDiscriminatorConfig
    picture_head: PictureHeadConfig
    """The bank's picture as edits fuse it and losses see it."""
    search_head: PictureHeadConfig
    """The same off coarser features, for the descent of codes, which looks at small pictures many times."""
    part_head: PartHeadConfig
    """The parts of a face that the bank's picture shows."""


LIGHT = ModelConfig(
    name="light",
    bank="mobile_stylegan",
    encoder=EncoderConfig(
        "mobilenet_v2", pyramid_channels=128, head_channels=32, base_channels=256, equalized=True
    ),
    warp_rank=128,
    generator=GeneratorConfig(
        stem=2,
        aggregation_channels=32,
        branch_channels=16,
        score_channels=8,
        score_stride=2,
        channels=MappingProxyType({4: 96, 8: 96, 16: 128, 32: 128, 64: 64, 128: 32}),
        global_dim=128,
        bank_channels=MappingProxyType({8: 512, 16: 512, 32: 512, 64: 512, 128: 256}),
        bank_scales=MappingProxyType({8: 1 / 0.5, 16: 1 / 0.4, 32: 1 / 0.7, 64: 1 / 0.9, 128: 1 / 1.4}),
        fill_holes=True,
        bank_picture=True,
    ),
    discriminator=ProjectedDiscriminatorConfig(strides=(4, 8, 16, 32), channels=64),
    picture_head=PictureHeadConfig(128, bank_channels=256, bank_scale=1 / 1.4, channels=48),
    search_head=PictureHeadConfig(64, bank_channels=512, bank_scale=1 / 0.9, channels=64),
    part_head=PartHeadConfig(
        MappingProxyType({32: 512, 64: 512, 128: 256}),
        MappingProxyType({32: 1 / 0.7, 64: 1 / 0.9, 128: 1 / 1.4}),
        channels=64,
    ),
)

FULL = ModelConfig(
    name="full",
    bank="stylegan2",
    encoder=EncoderConfig(
        "ir_se50", pyramid_channels=512, head_channels=512, base_channels=512, equalized=False
    ),
    warp_rank=512,
    generator=GeneratorConfig(
        stem=1,
        aggregation_channels=64,
        branch_channels=64,
        score_channels=64,
        score_stride=1,
        channels=MappingProxyType({4: 512, 8: 512, 16: 512, 32: 512, 64: 512, 128: 256, 256: 128}),
        global_dim=1024,
        bank_channels=MappingProxyType({8: 512, 16: 512, 32: 512, 64: 512, 128: 256, 256: 128}),
        bank_scales=MappingProxyType({}),
        fill_holes=False,
        bank_picture=False,
    ),
    discriminator=DiscriminatorConfig(
        stem=1,
        channels=MappingProxyType({4: 512, 8: 512, 16: 512, 32: 512, 64: 512, 128: 256, 256: 128}),
    ),
    picture_head=PictureHeadConfig(128, bank_channels=256, bank_scale=1.0, channels=128),
    search_head=PictureHeadConfig(64, bank_channels=512, bank_scale=1.0, channels=128),
    part_head=PartHeadConfig(
        MappingProxyType({32: 512, 64: 512, 128: 256}),
        MappingProxyType({32: 1.0, 64: 1.0, 128: 1.0}),
        channels=128,
    ),
)

SIZES: MappingProxyType[str, ModelConfig] = MappingProxyType({c.name: c for c in (LIGHT, FULL)})
