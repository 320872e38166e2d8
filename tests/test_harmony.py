"""Harmonization of the bank's picture with the photo, material by material."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from facemug_core.compositing.harmony import (
    LEAST_GAIN,
    MOST_GAIN,
    SKIN,
    USUAL_GAINS,
    bands,
    energies,
    harmonized,
    sharpened,
    tone_shift,
)
from facemug_core.compositing.skin import SkinShift
from facemug_core.ops.masks import fill_holes

SIDE = 96
HAIR, REST = 1, 2
LIGHTER = st.tuples(*[st.floats(0, 0.5)] * 3)
LEFT = torch.zeros(1, 1, SIDE, SIDE)
LEFT[..., : SIDE // 2] = 1
NOTHING_PREDICTED = SkinShift(torch.zeros(1, 3, 1, 1), torch.zeros(1, 1, 1, 1))
TONES = st.tuples(*[st.floats(-0.5, 0.5)] * 3)


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)) - 0.5


def shares(skin: torch.Tensor) -> torch.Tensor:
    """Materials [1, 3, SIDE, SIDE]: skin where it is 1, the rest elsewhere, hair nowhere."""
    return torch.cat([skin, torch.zeros_like(skin), 1 - skin], 1)


def plain(tone: tuple[float, float, float]) -> torch.Tensor:
    return torch.tensor(tone)[None, :, None, None].expand(1, 3, SIDE, SIDE)


def edit_of(
    photo: torch.Tensor, mask: torch.Tensor, bank: torch.Tensor, seen: torch.Tensor, drawn: torch.Tensor
) -> torch.Tensor:
    return harmonized(photo, energies(fill_holes(photo, mask)), mask, bank, seen, drawn, NOTHING_PREDICTED)


def lower_half() -> torch.Tensor:
    mask = torch.zeros(1, 1, SIDE, SIDE)
    mask[..., SIDE // 2 :, :] = 1
    return mask


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31), TONES)
def test_a_material_without_evidence_gets_no_shift(seed: int, tone: tuple[float, float, float]) -> None:
    photo, bank = noise(1, 3, SIDE, SIDE, seed=seed) + plain(tone), noise(1, 3, SIDE, SIDE, seed=seed + 1)
    assert not tone_shift(photo, bank, shares(LEFT), NOTHING_PREDICTED)[:, HAIR].any()


@settings(max_examples=20, deadline=None)
@given(LIGHTER, TONES)
def test_the_shift_of_each_material_is_recovered_from_its_visible_pixels(
    skin: tuple[float, float, float], rest: tuple[float, float, float]
) -> None:
    bank = noise(1, 3, SIDE, SIDE) / 5
    photo = bank + torch.where(LEFT > 0, plain(skin), plain(rest))
    visible = shares(LEFT) * (1 - lower_half())
    shift = tone_shift(photo, bank, visible, NOTHING_PREDICTED)
    for material, tone in ((SKIN, skin), (REST, rest)):
        share = shift[0, material] / plain(tone)[0].where(plain(tone)[0].abs() > 1e-3, torch.nan)
        assert share.nan_to_num(1).min() > 0.75
        assert share.nan_to_num(1).max() < 1.01


def test_a_face_far_from_its_neck_gets_the_predicted_tone() -> None:
    """Only the lowest rows are visible, and darker than those of the bank by 0.3."""
    bank, visible = torch.zeros(1, 3, SIDE, SIDE), torch.zeros_like(LEFT)
    visible[..., SIDE - 24 :, :] = 1
    predicted = SkinShift(torch.full((1, 3, 1, 1), 0.2), torch.ones(1, 1, 1, 1))
    shift = tone_shift(bank - 0.3, bank, shares(visible) * visible, predicted)[:, SKIN]
    assert shift[..., -1, :].max() < -0.1
    assert shift[..., 0, :].min() > 0.15


def test_a_reflection_moves_a_materials_tone_little() -> None:
    bank = torch.zeros(1, 3, SIDE, SIDE)
    photo = bank + 0.1
    photo[..., 8:16, 8:16] = 1
    shift = tone_shift(photo, bank, shares(torch.ones_like(LEFT)), NOTHING_PREDICTED)[:, SKIN]
    assert (shift - 0.1).abs().max() < 0.05


@settings(max_examples=15, deadline=None)
@given(TONES, TONES)
def test_the_color_of_the_background_does_not_move_the_skin(
    one: tuple[float, float, float], other: tuple[float, float, float]
) -> None:
    bank, mask, materials = noise(1, 3, SIDE, SIDE), lower_half(), shares(LEFT)
    skin = bank + 0.2
    here, there = (
        edit_of(torch.where(LEFT > 0, skin, plain(tone)), mask, bank, materials, materials)
        for tone in (one, other)
    )
    inside = (..., slice(SIDE // 2 + 8, SIDE), slice(0, SIDE // 2 - 8))
    assert (here - there)[inside].mean((2, 3)).abs().max() < 0.01
    shifts = [
        tone_shift(torch.where(LEFT > 0, skin, plain(tone)), bank, materials * (1 - mask), NOTHING_PREDICTED)
        for tone in (one, other)
    ]
    assert torch.equal(shifts[0][:, SKIN], shifts[1][:, SKIN])


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**31), st.floats(0, 3))
def test_contrast_stays_within_limits_of_the_banks_however_flat_or_loud_the_photo_is(
    seed: int, loudness: float
) -> None:
    photo, bank = loudness * noise(1, 3, SIDE, SIDE, seed=seed), noise(1, 3, SIDE, SIDE, seed=seed + 1)
    everywhere = torch.ones_like(LEFT)
    result = sharpened(bank, energies(photo), everywhere, 1 - lower_half())
    low = bands(bank)[0]
    gain = (result - low).std() / (bank - low).std()
    assert 0.98 * LEAST_GAIN <= gain <= 1.02 * MOST_GAIN


def test_a_flat_photo_makes_no_haze() -> None:
    bank, mask, materials = noise(1, 3, SIDE, SIDE), lower_half(), shares(torch.ones_like(LEFT))
    edit = edit_of(torch.zeros_like(bank), mask, bank, materials, materials)
    for band, own in zip(bands(edit)[1:], bands(bank)[1:], strict=True):
        inside = (..., slice(SIDE // 2 + 4, SIDE), slice(None))
        assert band[inside].std() > 0.95 * LEAST_GAIN * own[inside].std()


def test_a_sharper_photo_makes_a_sharper_picture() -> None:
    bank, everywhere = noise(1, 3, SIDE, SIDE), torch.ones_like(LEFT)
    visible = 1 - lower_half()
    same, sharper = (sharpened(bank, energies(k * bank), everywhere, visible) for k in (1.0, 1.4))
    torch.testing.assert_close(same, bank, atol=0.01, rtol=0)
    assert bands(sharper)[2].std() > 1.1 * bands(same)[2].std()


def test_hair_that_is_not_seen_is_as_sharp_as_the_skin() -> None:
    bank, skin, nowhere = noise(1, 3, SIDE, SIDE), torch.ones_like(LEFT), torch.zeros_like(LEFT)
    drawn = torch.cat([nowhere, skin], 1)
    gains = [
        bands(sharpened(bank, energies(k * bank), drawn, torch.cat([visible, nowhere], 1)))[2].std()
        for k, visible in ((1.9, skin), (1.9, nowhere))
    ]
    assert gains[0] > 1.15 * gains[1]


def test_without_skin_and_hair_a_picture_is_as_much_sharper_as_portraits_usually_are() -> None:
    bank, everywhere = noise(1, 3, SIDE, SIDE), torch.ones_like(LEFT)
    result = sharpened(bank, energies(3 * bank), everywhere, torch.zeros_like(LEFT))
    low, mid, fine = bands(bank)
    expected = low + USUAL_GAINS[0] * mid + USUAL_GAINS[1] * fine
    torch.testing.assert_close(result, expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("hidden", [-1.0, 0.3, 1.0])
def test_what_is_under_the_mask_is_not_read(hidden: float) -> None:
    photo, bank, mask, materials = (
        noise(1, 3, SIDE, SIDE),
        noise(1, 3, SIDE, SIDE),
        lower_half(),
        shares(LEFT),
    )
    other = torch.where(mask > 0, hidden, photo)
    assert torch.equal(
        edit_of(other, mask, bank, materials, materials),
        edit_of(photo, mask, bank, materials, materials),
    )


def test_bands_add_up_to_the_picture() -> None:
    picture = noise(2, 3, SIDE, SIDE)
    torch.testing.assert_close(sum(bands(picture)), picture)
