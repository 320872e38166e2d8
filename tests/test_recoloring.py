"""The bank's picture in the colors of a color map."""

from __future__ import annotations

import torch
from facemug_core.networks.recoloring import PRIOR, WHOLE, color_shift
from hypothesis import given, settings
from hypothesis import strategies as st

from facemug_core.conditions import Conditions
from facemug_core.networks.generator import Generator, Prior

from .tiny import tiny_config

SIDE = 128


def _noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def _halves(left: tuple[float, float, float], right: tuple[float, float, float]) -> torch.Tensor:
    """A map of two colors, [1, 3, SIDE, SIDE]."""
    color = torch.tensor(left)[None, :, None, None].repeat(1, 1, SIDE, SIDE)
    color[..., SIDE // 2 :] = torch.tensor(right)[None, :, None, None]
    return color


EVERYWHERE = torch.ones(1, 1, SIDE, SIDE)


@settings(max_examples=30, deadline=None)
@given(st.tuples(*[st.floats(-1, 1)] * 3), st.floats(-1, 1))
def test_a_part_takes_its_color_on_average_and_keeps_its_texture(
    wanted: tuple[float, float, float], tone: float
) -> None:
    picture = tone + _noise(1, 3, SIDE, SIDE) / 10
    color = _halves(wanted, wanted)
    shift, weight = color_shift(picture, color, EVERYWHERE, PRIOR)
    torch.testing.assert_close(weight, EVERYWHERE)
    inside = (..., slice(40, 88), slice(40, 88))
    torch.testing.assert_close(
        (picture + shift)[inside].mean((2, 3)), color[inside].mean((2, 3)), atol=0.02, rtol=0
    )
    assert shift[inside].std((2, 3)).max() < 0.02


def test_two_parts_are_told_apart_up_to_their_border() -> None:
    color = _halves((0.6, 0.2, -0.4), (-0.7, -0.8, -0.8))
    shift, _ = color_shift(torch.zeros_like(color), color, EVERYWHERE, PRIOR)
    assert (shift - color)[..., 20:108, SIDE // 2 - 3 : SIDE // 2 + 3].abs().max() < 0.05


def test_colors_count_where_they_are_asked_for_and_fade_beside() -> None:
    asked = torch.zeros_like(EVERYWHERE)
    asked[..., :64] = 1
    _, weight = color_shift(_noise(1, 3, SIDE, SIDE), _noise(1, 3, SIDE, SIDE, seed=1) * asked, asked, PRIOR)
    row = weight[0, 0, 64]
    assert (row[:63] > 0.9999).all()
    assert (row.diff() <= 1e-6).all()
    assert (row[74:] == 0).all()


def test_half_the_strength_counts_half() -> None:
    picture, color = _noise(1, 3, SIDE, SIDE), _noise(1, 3, SIDE, SIDE, seed=1)
    shift, weight = color_shift(picture, color, EVERYWHERE, PRIOR)
    other, half = color_shift(picture, color, EVERYWHERE / 2, PRIOR)
    assert torch.equal(shift, other)
    torch.testing.assert_close(half, weight / 2)


def _painted(strength: float) -> tuple[Generator, Conditions]:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        generator = Generator(tiny_config().generator).eval().requires_grad_(False)
    mask = torch.zeros(1, 1, 256, 256)
    mask[..., 64:192, 64:192] = 1
    color = torch.tensor([0.5, -0.5, -0.5])[None, :, None, None].expand(1, 3, 256, 256)
    photo = _noise(1, 3, 256, 256)
    return generator, Conditions.build(image=photo, mask=mask, color=color, color_strength=strength)


def test_a_weak_color_is_the_same_color() -> None:
    generator, conditions = _painted(0.25)
    features = generator.aggregate(conditions)
    asked = features.color_weight > 0
    assert (features.color_weight[asked] == 0.25).all()
    torch.testing.assert_close(
        features.color[asked.expand(-1, 3, -1, -1)].view(3, -1).mean(1), torch.tensor([0.5, -0.5, -0.5])
    )


def test_the_banks_picture_takes_the_color_by_its_strength() -> None:
    """What the last fusion adds lies between what it adds without a color and with it."""
    prior = Prior({}, torch.full((1, 3, 256, 256), -0.5))

    def detail(strength: float) -> torch.Tensor:
        generator, conditions = _painted(strength)
        features = generator.aggregate(conditions)
        return (features.base + generator._detail(features, prior))[..., 120:136, 120:136].mean((0, 2, 3))

    without, half, whole = (detail(strength) for strength in (0.0, 0.5, 1.0))
    torch.testing.assert_close(whole, torch.tensor([0.5, -0.5, -0.5]), atol=0.02, rtol=0)
    torch.testing.assert_close(half, (without + whole) / 2, atol=0.02, rtol=0)


def test_parts_of_an_edit_have_the_colors_asked_whatever_the_network_drew() -> None:
    generator, conditions = _painted(1.0)
    features = generator.aggregate(conditions)
    green = torch.tensor([-0.6, 0.2, -0.6])[None, :, None, None] + _noise(1, 3, 256, 256, seed=3) / 10
    colored = generator._in_the_colors_asked(features, green)[..., 80:176, 80:176]
    torch.testing.assert_close(colored.mean((0, 2, 3)), torch.tensor([0.5, -0.5, -0.5]), atol=0.02, rtol=0)


def test_wide_windows_leave_light_and_shade() -> None:
    slope = torch.linspace(-0.3, 0.3, 256).expand(1, 3, 256, 256)
    color, everywhere = torch.full((1, 3, 256, 256), 0.5), torch.ones(1, 1, 256, 256)
    shift, _ = color_shift(slope, color, everywhere, WHOLE)
    kept = (slope + shift)[0, 0, 128]
    assert kept[224] - kept[32] > 0.4 * (slope[0, 0, 0, 224] - slope[0, 0, 0, 32])


def test_without_a_color_an_edit_keeps_its_bits() -> None:
    generator, conditions = _painted(0.0)
    edited = _noise(1, 3, 256, 256, seed=3)
    assert generator._in_the_colors_asked(generator.aggregate(conditions), edited) is edited


def test_thin_strokes_of_paint_are_laid_on_thinly() -> None:
    stroke = torch.zeros_like(EVERYWHERE)
    stroke[..., 60:64] = 1
    _, weight = color_shift(_noise(1, 3, SIDE, SIDE), stroke.expand(-1, 3, -1, -1), stroke, WHOLE)
    assert weight.max() < 0.7
