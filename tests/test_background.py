"""Background that is continued under a mask."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from facemug_core.compositing.background import continued
from facemug_core.compositing.harmony import bands
from facemug_core.ops.masks import fill_holes

SIDE = 64


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)) - 0.5


NOBODY = torch.zeros(1, 1, SIDE, SIDE)


def hole(low: int = 20, high: int = 44) -> torch.Tensor:
    hidden = torch.zeros(1, 1, SIDE, SIDE)
    hidden[..., low:high, low:high] = 1
    return hidden


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**31), st.integers(0, 30), st.integers(1, 34))
def test_visible_pixels_keep_their_bits_and_hidden_ones_are_never_read(
    seed: int, low: int, side: int
) -> None:
    photo, hidden = noise(1, 3, SIDE, SIDE, seed=seed), hole(low, low + side)
    result, _ = continued(photo, hidden, NOBODY)
    kept = (hidden == 0).expand_as(photo)
    assert torch.equal(result[kept], photo[kept])
    assert torch.equal(continued(torch.where(hidden > 0, torch.nan, photo), hidden, NOBODY)[0], result)


def test_the_texture_goes_on() -> None:
    photo, hidden = noise(1, 3, SIDE, SIDE), hole()
    inside = (..., slice(24, 40), slice(24, 40))
    fine, smooth = (
        bands(x)[2][inside].std() for x in (continued(photo, hidden, NOBODY)[0], fill_holes(photo, hidden))
    )
    assert fine > 0.5 * bands(photo)[2].std()
    assert smooth < 0.25 * fine


def test_stripes_go_on_as_in_a_mirror() -> None:
    photo = torch.where(torch.arange(SIDE) % 8 < 4, 0.4, -0.4).expand(1, 3, SIDE, SIDE)
    hidden = torch.zeros(1, 1, SIDE, SIDE)
    hidden[..., 16:32] = 1
    result, _ = continued(photo, hidden, NOBODY)
    inner = (..., slice(12, 52), slice(16, 20))
    mirrored = photo[..., [15, 14, 13, 12]][..., 12:52, :]
    assert ((result[inner] - mirrored).abs() < 0.25).float().mean() > 0.7


def texture(photo: torch.Tensor, hidden: torch.Tensor) -> torch.Tensor:
    """What is mirrored onto the smoothly filled picture, [3, H, W]."""
    return (continued(photo, hidden, torch.zeros_like(hidden))[0] - fill_holes(photo, hidden))[0]


def test_texture_fades_towards_the_inside() -> None:
    photo, hidden = noise(1, 3, SIDE, 256), torch.zeros(1, 1, SIDE, 256)
    hidden[..., 96:160] = 1
    mirrored = texture(photo, hidden)
    assert mirrored[..., 124:132].std() < 0.5 * mirrored[..., 97:100].std()


@pytest.mark.parametrize("turns", range(4))
def test_texture_ends_where_its_mirror_leaves_the_picture(turns: int) -> None:
    hidden = NOBODY.clone()
    hidden[..., 3:61, :] = 1
    mirrored = texture(noise(1, 3, SIDE, SIDE), hidden.rot90(turns, (2, 3))).rot90(-turns, (1, 2))
    assert mirrored[:, 3].std() > 0.1
    assert not mirrored[:, 6:58].any()


def test_texture_is_weaker_beside_places_without_a_source() -> None:
    stripes, hidden = torch.where(torch.arange(SIDE) % 4 < 2, 0.4, -0.4), NOBODY.clone()
    hidden[..., 4:60, :] = 1
    mirrored = texture(stripes.expand(1, 3, SIDE, SIDE), hidden)
    assert mirrored[:, 6].std() < 0.9 * mirrored[:, 4].std()


def test_a_mirrored_ramp_has_no_kinks() -> None:
    ramp = torch.linspace(-1, 1, SIDE).expand(1, 3, SIDE, SIDE)
    down = continued(ramp, hole(16, 48), NOBODY)[0][..., 16:48, 16:48].diff(dim=2)
    assert down.abs().max() < 0.45


def test_what_is_deep_inside_is_smooth() -> None:
    photo, hidden = noise(1, 3, 192, 192), torch.zeros(1, 1, 192, 192)
    hidden[..., 16:176, 16:176] = 1
    result, _ = continued(photo, hidden, torch.zeros_like(hidden))
    deep = (..., slice(84, 108), slice(84, 108))
    torch.testing.assert_close(result[deep], fill_holes(photo, hidden)[deep], atol=0.02, rtol=0)


def test_a_hole_between_two_backgrounds_shows_each_beside_itself() -> None:
    photo = torch.full((1, 3, SIDE, SIDE), -0.6)
    photo[..., SIDE // 2 :] = 0.6
    result, _ = continued(photo, hole(), NOBODY)
    assert (result[..., 22:42, 20:23] < -0.4).all()
    assert (result[..., 22:42, 41:44] > 0.4).all()


def test_a_person_beside_the_hole_is_not_copied() -> None:
    """Only the person is red."""
    photo, person = torch.zeros(1, 3, SIDE, SIDE) - 0.3, NOBODY.clone()
    person[..., 44:, 10:54] = 1
    photo[:, 0, 44:, 10:54] = 1
    result, _ = continued(photo, hole(), person)
    torch.testing.assert_close(result, photo)


def test_a_person_behind_a_strip_of_background_is_not_mirrored() -> None:
    """Only the person is red."""
    photo, person, hidden = torch.zeros(1, 3, SIDE, SIDE) - 0.3, NOBODY.clone(), NOBODY.clone()
    person[..., 47:, :], photo[:, 0, 47:], hidden[..., 20:44, :] = 1, 1, 1
    torch.testing.assert_close(continued(photo, hidden, person)[0], photo)


def test_a_picture_that_is_all_hidden_is_finite_and_unknown() -> None:
    result, known = continued(torch.full((1, 3, SIDE, SIDE), torch.nan), torch.ones(1, 1, SIDE, SIDE), NOBODY)
    assert known.item() == 0
    assert not result.any()


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1)])
def test_pictures_of_a_batch_do_not_mix(order: tuple[int, ...]) -> None:
    photos = noise(3, 3, SIDE, SIDE)
    hidden = torch.cat([hole(), hole(0, SIDE), hole(8, 30)])
    result, known = continued(photos[list(order)], hidden[list(order)], NOBODY.expand(3, -1, -1, -1))
    for place, i in enumerate(order):
        alone, known_alone = continued(photos[i : i + 1], hidden[i : i + 1], NOBODY)
        torch.testing.assert_close(result[place : place + 1], alone, atol=1e-5, rtol=0)
        assert torch.equal(known[place : place + 1], known_alone)
    assert known.flatten().tolist() == [0.0 if i == 1 else 1.0 for i in order]
