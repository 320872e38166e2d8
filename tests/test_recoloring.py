"""A picture in the colors of a color map."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from facemug_core.compositing.recoloring import color_shift, recolored

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
    shift, weight = color_shift(picture, color, EVERYWHERE)
    torch.testing.assert_close(weight, EVERYWHERE)
    inside = (..., slice(40, 88), slice(40, 88))
    torch.testing.assert_close(
        (picture + shift)[inside].mean((2, 3)), color[inside].mean((2, 3)), atol=0.02, rtol=0
    )
    assert shift[inside].std((2, 3)).max() < 0.02


def test_two_parts_are_told_apart_up_to_their_border() -> None:
    color = _halves((0.6, 0.2, -0.4), (-0.7, -0.8, -0.8))
    shift, _ = color_shift(torch.zeros_like(color), color, EVERYWHERE)
    assert (shift - color)[..., 20:108, SIDE // 2 - 3 : SIDE // 2 + 3].abs().max() < 0.05


def test_colors_count_where_they_are_asked_for_and_fade_beside() -> None:
    asked = torch.zeros_like(EVERYWHERE)
    asked[..., :64] = 1
    _, weight = color_shift(_noise(1, 3, SIDE, SIDE), _noise(1, 3, SIDE, SIDE, seed=1) * asked, asked)
    row = weight[0, 0, 64]
    assert (row[:63] > 0.9999).all()
    assert (row.diff() <= 1e-6).all()
    assert (row[74:] == 0).all()


def test_half_the_strength_counts_half() -> None:
    picture, color = _noise(1, 3, SIDE, SIDE), _noise(1, 3, SIDE, SIDE, seed=1)
    shift, weight = color_shift(picture, color, EVERYWHERE)
    other, half = color_shift(picture, color, EVERYWHERE / 2)
    assert torch.equal(shift, other)
    torch.testing.assert_close(half, weight / 2)


def test_a_picture_takes_a_color_by_its_strength() -> None:
    picture, color = torch.full((1, 3, SIDE, SIDE), -0.5), _halves((0.5, -0.5, -0.5), (0.5, -0.5, -0.5))
    half, whole = (
        recolored(picture, picture, color, strength * EVERYWHERE, EVERYWHERE) for strength in (0.5, 1.0)
    )
    torch.testing.assert_close(whole, color, atol=0.02, rtol=0)
    torch.testing.assert_close(half, (picture + whole) / 2)


def test_without_a_color_a_picture_keeps_its_bits() -> None:
    picture = _noise(1, 3, SIDE, SIDE)
    assert torch.equal(
        recolored(picture, picture, torch.zeros_like(picture), 0 * EVERYWHERE, EVERYWHERE), picture
    )


def test_a_picture_without_a_color_keeps_its_bits_beside_one_with_a_color() -> None:
    pictures, color = _noise(2, 3, SIDE, SIDE), _noise(1, 3, SIDE, SIDE, seed=1)
    colors, weights = torch.cat([color, 0 * color]), torch.cat([EVERYWHERE, 0 * EVERYWHERE])
    first, second = recolored(pictures, pictures, colors, weights, torch.ones_like(weights))
    assert torch.equal(second, pictures[1])
    assert not torch.equal(first, pictures[0])
