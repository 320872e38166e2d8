"""The last fusion of an edit: the bank's picture, joined to the photo without a seam."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from facemug_core.networks.seams import carried_on

from facemug_core.conditions import Conditions
from facemug_core.networks.generator import MOST_TONE, Generator, Prior
from tests.tiny import BANK_CHANNELS, tiny_config

OPEN, SHUT = 50.0, -50.0


def smooth_picture() -> torch.Tensor:
    torch.manual_seed(1)
    return F.interpolate(torch.rand(1, 3, 9, 9) - 0.5, size=256, mode="bicubic")


def hole() -> torch.Tensor:
    mask = torch.zeros(1, 1, 256, 256)
    mask[..., 80:180, 60:200] = 1
    return mask


def edited(
    photo: torch.Tensor, mask: torch.Tensor, picture: torch.Tensor, gate: float, blend_seam: bool = False
) -> torch.Tensor:
    """The edit of a generator that draws nothing itself and whose last gate has these logits everywhere."""
    torch.manual_seed(2)
    config = replace(tiny_config().generator, blend_seam=blend_seam)
    generator = Generator(config).eval().requires_grad_(False)
    for name, parameter in generator.decoder.named_parameters():
        if "rgb" in name:
            parameter.zero_()
    generator.decoder.first_rgb.bias[-(generator.decoder.first_rgb.stem**2) :] = gate
    maps = {side: torch.zeros(1, channels, side, side) for side, channels in BANK_CHANNELS.items()}
    conditions = Conditions.build(image=photo, mask=mask)
    return generator(conditions, Prior(maps, picture), torch.zeros(1, 18, 512))


@pytest.mark.parametrize("brighter", [0.0, 0.02])
def test_a_hole_in_the_banks_own_picture_is_closed_by_it_a_little_brighter_too(brighter: float) -> None:
    picture = smooth_picture()
    photo = picture + brighter
    torch.testing.assert_close(edited(photo, hole(), picture, OPEN), photo, rtol=0, atol=1e-4)


def test_a_photo_of_quite_another_tone_brightens_the_banks_picture_little_far_from_the_rim() -> None:
    picture = smooth_picture()
    brighter = edited(picture + 0.8, hole(), picture, OPEN) - picture
    torch.testing.assert_close(brighter[..., 80:84, 60:200], torch.full((1, 3, 4, 140), 0.8))
    middle = brighter[..., 120:140, 120:140]
    assert middle.min() > 0.9 * MOST_TONE
    assert middle.max() <= MOST_TONE + 1e-6


def test_a_shut_gate_leaves_the_banks_picture_out() -> None:
    photo = smooth_picture()
    ones, others = (edited(photo, hole(), picture, SHUT) for picture in (photo, photo.flip(-1)))
    torch.testing.assert_close(ones, others)


def test_without_a_photo_the_banks_picture_is_taken_as_it_is() -> None:
    picture = smooth_picture()
    everything = torch.ones(1, 1, 256, 256)
    torch.testing.assert_close(edited(torch.zeros(1, 3, 256, 256), everything, picture, OPEN), picture)


def test_the_photo_goes_on_across_the_rim_and_no_further() -> None:
    photo, mask = smooth_picture(), hole()
    drawn, joined = (edited(photo, mask, photo, SHUT, blend_seam=blend) for blend in (False, True))
    carried, _ = carried_on(photo, mask)
    torch.testing.assert_close(joined[..., 80, 60:200], carried[..., 80, 60:200])
    assert torch.equal(joined[..., 100:160, 90:170], drawn[..., 100:160, 90:170])


def test_where_a_color_is_asked_for_the_photo_does_not_go_on_across_the_rim() -> None:
    generator = Generator(replace(tiny_config().generator, blend_seam=True)).eval()
    color = torch.zeros(1, 3, 256, 256)
    color[..., :128] = 0.3
    conditions = Conditions.build(image=smooth_picture(), mask=hole(), color=color)
    worth = generator.aggregate(conditions).worth
    assert not (worth * hole())[..., :128].any()
    assert worth[..., 80, 128:200].eq(1).all()
