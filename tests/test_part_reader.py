"""Parts of a face, read off a photo or off the bank's features."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace

import torch

from facemug_core.conventions import LABELS
from facemug_core.model import FaceMug
from facemug_core.networks.generator import draw_prior
from facemug_core.networks.part_reader import PART_CELLS, PartHead, PhotoParts

from .tiny import random_conditions, tiny_config


@torch.no_grad()
def test_a_photos_parts_are_shares_of_the_classes_in_each_cell(model: FaceMug) -> None:
    assert model.photo_parts is not None
    shares = model.photo_parts(random_conditions(batch=2).masked_image)
    assert shares.shape == (2, len(LABELS), PART_CELLS, PART_CELLS)
    torch.testing.assert_close(shares.sum(1), torch.ones(2, PART_CELLS, PART_CELLS))
    assert shares.min() >= 0


@torch.no_grad()
def test_the_parts_of_the_banks_picture_are_read_off_its_finest_fused_map(model: FaceMug) -> None:
    prior = draw_prior(model.bank, model.heads, model.random_codes([0, 1]), 128)
    assert prior.picture is not None
    assert prior.parts is not None
    assert prior.picture.shape == (2, 3, 256, 256)
    assert prior.parts.shape == (2, len(LABELS), 128, 128)
    torch.testing.assert_close(prior.parts.sum(1), torch.ones(2, 128, 128))


@torch.no_grad()
def test_without_heads_there_are_the_banks_maps_alone(model: FaceMug) -> None:
    prior = draw_prior(model.bank, None, model.random_codes([0]), 128)
    assert prior.picture is None
    assert prior.parts is None
    assert max(prior.maps) == 128


@torch.no_grad()
def test_a_part_head_brings_each_map_to_its_own_scale() -> None:
    config = tiny_config().part_head
    torch.manual_seed(0)
    head = PartHead(config)
    plain = PartHead(replace(config, bank_scales=dict.fromkeys(config.bank_scales, 1.0)))
    plain.load_state_dict(head.state_dict())
    maps = {r: torch.randn(1, c, r, r) for r, c in config.bank_channels.items()}
    scaled = {r: x * config.bank_scales[r] for r, x in maps.items()}
    torch.testing.assert_close(head(maps), plain(scaled))


def test_the_background_is_hidden_from_the_encoder(model: FaceMug) -> None:
    """Whatever is behind the person, the projected codes have the same bits."""
    conditions, encoder = random_conditions(), deepcopy(model.encoder)
    for parameter in encoder.parameters():
        if not parameter.any():  # an encoder that has learned nothing gives the mean code
            parameter.normal_(generator=torch.Generator().manual_seed(1))
    blind = replace(model, encoder=encoder)
    seeing = replace(blind, photo_parts=UpperBackground())
    other = replace(conditions, image=conditions.image.clone())
    other.image[..., :60, :] = -0.7
    assert torch.equal(seeing.project(conditions), seeing.project(other))
    assert not torch.equal(blind.project(conditions), blind.project(other))


class UpperBackground(PhotoParts):
    """Sees background in the upper half of every photo, and skin below."""

    def __init__(self) -> None:
        torch.nn.Module.__init__(self)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        shares = torch.zeros(len(image), len(LABELS), PART_CELLS, PART_CELLS)
        shares[:, LABELS.index("background"), : PART_CELLS // 2] = 1
        shares[:, LABELS.index("skin"), PART_CELLS // 2 :] = 1
        return shares
