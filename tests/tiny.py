"""Tiny real networks and faces that all tests share: the classes of the product with few channels."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

from facemug_core.conditions import Conditions
from facemug_core.config import FULL, LIGHT, ModelConfig, ProjectedDiscriminatorConfig
from facemug_core.latents import Latent
from facemug_core.model import FaceMug
from facemug_core.networks.generator import Generator, PriorHeads
from facemug_core.networks.inverter import Inverter
from facemug_core.networks.mapping import MappingNetwork
from facemug_core.networks.mobile_stylegan import MobileStyleGAN
from facemug_core.networks.mobilenet_v2 import MobileNetV2Features
from facemug_core.networks.part_reader import PartHead, PartReader, PhotoParts
from facemug_core.networks.perceptual import PerceptualLoss
from facemug_core.networks.picture_head import PictureHead
from facemug_core.networks.style_encoder import StyleEncoder
from facemug_core.networks.stylegan2 import StyleGAN2
from facemug_core.pipeline.crop import edit_crop
from facemug_core.pipeline.style import StylePlan, styled

BANK_CHANNELS = {4: 16, 8: 16, 16: 16, 32: 16, 64: 16, 128: 8, 256: 8, 512: 4}


def tiny_config() -> ModelConfig:
    """The light size with a few channels everywhere."""
    return replace(
        LIGHT,
        encoder=replace(LIGHT.encoder, pyramid_channels=8, head_channels=8, base_channels=8),
        generator=replace(
            LIGHT.generator,
            aggregation_channels=8,
            branch_channels=8,
            score_channels=4,
            channels=MappingProxyType({4: 8, 8: 8, 16: 8, 32: 8, 64: 8, 128: 8}),
            global_dim=8,
            bank_channels=MappingProxyType({r: BANK_CHANNELS[r] for r in (8, 16, 32, 64, 128)}),
        ),
        discriminator=ProjectedDiscriminatorConfig(strides=(16, 32), channels=8),
        picture_head=replace(LIGHT.picture_head, bank_channels=BANK_CHANNELS[128], channels=8),
        search_head=replace(LIGHT.search_head, bank_channels=BANK_CHANNELS[64], channels=8),
        part_head=replace(
            LIGHT.part_head,
            bank_channels=MappingProxyType({r: BANK_CHANNELS[r] for r in (32, 64, 128)}),
            channels=8,
        ),
    )


def tiny_bank() -> MobileStyleGAN:
    return MobileStyleGAN(BANK_CHANNELS)


def tiny_model(seed: int = 0) -> FaceMug:
    """A model of random weights; the global random state is left as it was."""
    config = tiny_config()
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        networks = (
            MappingNetwork(layers=2), tiny_bank(), StyleEncoder(config.encoder), Generator(config.generator),
            PriorHeads(PictureHead(config.picture_head), PartHead(config.part_head)), tiny_photo_parts(),
        )  # fmt: skip
    return FaceMug(config, *(network.eval().requires_grad_(False) for network in networks))


def tiny_photo_parts() -> PhotoParts:
    """A reader of a photo's parts that has learned nothing."""
    return PhotoParts(PerceptualLoss(MobileNetV2Features()), PartReader(8))


def tiny_inverter(model: FaceMug) -> Inverter:
    """A model's inverter of random weights, which descends along few coordinates; the global random state is
    left as it was."""
    assert model.photo_parts is not None
    with torch.random.fork_rng():
        torch.manual_seed(0)
        head = PictureHead(model.config.search_head).requires_grad_(False)
    steps = 0.3 * torch.eye(512)[:, :32]
    return Inverter(head, model.photo_parts.perceptual, model.photo_parts.reader, steps)


def tiny_full_model(seed: int = 0) -> FaceMug:
    """The full size with a few channels everywhere but in the encoder's backbone, which has no table."""
    channels = MappingProxyType(dict.fromkeys((4, 8, 16, 32, 64, 128, 256), 4))
    config = replace(
        FULL,
        encoder=replace(FULL.encoder, pyramid_channels=8, head_channels=8, base_channels=8),
        generator=replace(
            FULL.generator,
            aggregation_channels=4,
            branch_channels=4,
            score_channels=4,
            channels=channels,
            global_dim=8,
            bank_channels=MappingProxyType({r: c for r, c in channels.items() if r > 4}),
        ),
        search_head=replace(FULL.search_head, bank_channels=4, channels=8),
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        networks = (
            MappingNetwork(layers=2), StyleGAN2({**channels, 512: 4, 1024: 4}), StyleEncoder(config.encoder),
            Generator(config.generator),
        )  # fmt: skip
        photo_parts = tiny_photo_parts()
    return FaceMug(
        config,
        *(network.eval().requires_grad_(False) for network in networks),
        photo_parts=photo_parts.eval().requires_grad_(False),
    )


def random_conditions(seed: int = 0, batch: int = 1) -> Conditions:
    """A noise photo with a center hole and all guides."""
    generator = torch.Generator().manual_seed(seed)

    def noise(channels: int) -> torch.Tensor:
        return torch.rand(batch, channels, 256, 256, generator=generator)

    mask = torch.zeros(batch, 1, 256, 256)
    mask[..., 64:192, 64:192] = 1
    labels = torch.randint(19, (batch, 256, 256), generator=generator)
    semantic = torch.nn.functional.one_hot(labels, 19).permute(0, 3, 1, 2).float()
    return Conditions.build(
        image=noise(3) * 2 - 1,
        mask=mask,
        sketch=(noise(1) > 0.95).float(),
        semantic=semantic,
        color=noise(3) * 2 - 1,
    )


def plan(codes: Tensor | None = None, **options: Any) -> StylePlan:
    """A plan without descent, if none is asked for."""
    latent = None if codes is None else Latent(codes)
    return StylePlan(**{"latent": latent, "inversion": 0, "fit": 0, **options})


def style_codes(
    model: FaceMug, conditions: Conditions, exemplar: Tensor | None = None, **options: Any
) -> Tensor:
    """Codes of a plan."""
    return styled(model, conditions, plan(**options), exemplar).latent.codes


def edited(
    model: FaceMug, conditions: Conditions, exemplar: Tensor | None = None, **options: Any
) -> tuple[Tensor, Tensor]:
    """Pictures of an edit, and the codes that they were drawn with."""
    edit = edit_crop(model, conditions, plan(**options), exemplar)
    return edit.pictures, edit.latent.codes


def assert_only_the_mask_changed(picture: torch.Tensor, conditions: Conditions) -> None:
    """Kept pixels have the photo's bits, and something else is new."""
    kept = (conditions.mask == 0).expand_as(picture)
    assert torch.equal(picture[kept], conditions.image[kept])
    assert not torch.equal(picture, conditions.image)
