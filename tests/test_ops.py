"""Filters and masks."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from facemug_core.ops.filters import box_mean, enlarged, gaussian_blur, separable_conv2d, wide_mean
from facemug_core.ops.masks import dilated, eroded, fill_holes


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def some_hole(seed: int, share: float, *shape: int) -> torch.Tensor:
    return (torch.rand(shape, generator=torch.Generator().manual_seed(seed)) < share).float()


@settings(max_examples=20, deadline=None)
@given(st.floats(-1, 1), st.sampled_from([3, 5]), st.floats(0.5, 12))
def test_blurring_keeps_a_picture_of_one_tone(tone: float, window: int, sigma: float) -> None:
    flat = torch.full((1, 3, 20, 24), tone)
    torch.testing.assert_close(box_mean(flat, window), flat)
    torch.testing.assert_close(gaussian_blur(flat, sigma), flat)


def test_a_gaussian_blur_spreads_a_point_by_its_standard_deviation() -> None:
    point = torch.zeros(1, 1, 65, 65)
    point[..., 32, 32] = 1
    spread = gaussian_blur(point, 4.0)[0, 0]
    torch.testing.assert_close(spread, spread.T)
    way = torch.arange(65.0) - 32
    deviation = (spread.sum(0) * way.square()).sum().sqrt()
    assert 3.8 < deviation < 4.1


def test_a_wide_mean_is_the_mean_over_a_window_twice() -> None:
    picture = noise(2, 3, 40, 48)
    window = torch.full((7,), 1 / 7)
    once = separable_conv2d(picture, window, padding=3)
    torch.testing.assert_close(wide_mean(picture, 7), separable_conv2d(once, window, padding=3))


def test_both_axes_can_have_kernels_of_their_own() -> None:
    picture = noise(1, 2, 9, 9)
    shifted = separable_conv2d(picture, torch.tensor([0.0, 1.0, 0.0]), torch.tensor([1.0, 0.0, 0.0]), 1)
    assert torch.equal(shifted[..., 1:], picture[..., :-1])


def test_a_gaussian_blur_repeats_the_border() -> None:
    picture = noise(1, 2, 20, 24)
    wider = torch.nn.functional.pad(picture, (9,) * 4, mode="replicate")
    torch.testing.assert_close(gaussian_blur(picture, 3.0), gaussian_blur(wider, 3.0)[..., 9:-9, 9:-9])


def test_enlarging_goes_smoothly_from_pixel_to_pixel() -> None:
    edge = torch.tensor([[[[0.0, 1.0]]]])
    grown = enlarged(edge, torch.zeros(1, 1, 1, 8))[0, 0, 0]
    torch.testing.assert_close(grown, torch.tensor([0, 0, 0.125, 0.375, 0.625, 0.875, 1, 1]))


def test_enlarging_gives_the_size_of_another_picture() -> None:
    assert enlarged(noise(2, 5, 8, 8), noise(2, 3, 32, 24)).shape == (2, 5, 32, 24)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31), st.floats(0, 1), st.integers(1, 3))
def test_a_mask_shrinks_where_its_complement_grows(seed: int, share: float, radius: int) -> None:
    mask = some_hole(seed, share, 2, 1, 17, 20)
    assert torch.equal(eroded(mask, radius), 1 - dilated(1 - mask, radius))
    assert (eroded(mask, radius) <= mask).all()
    assert (mask <= dilated(mask, radius)).all()


def test_the_edge_of_the_picture_does_not_shrink_a_mask() -> None:
    everything = torch.ones(1, 1, 12, 12)
    assert torch.equal(eroded(everything, 3), everything)


def test_a_pixel_grows_into_a_square() -> None:
    mask = torch.zeros(1, 1, 11, 11)
    mask[..., 5, 5] = 1
    grown = dilated(mask, 2)
    assert grown.sum() == 25
    assert grown[..., 3:8, 3:8].all()


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**31), height=st.integers(1, 40), width=st.integers(1, 40), share=st.floats(0, 1))
def test_filling_keeps_the_bits_of_kept_pixels_and_stays_in_their_range(
    seed: int, height: int, width: int, share: float
) -> None:
    image, mask = noise(2, 3, height, width, seed=seed), some_hole(seed, share, 2, 1, height, width)
    filled = fill_holes(image, mask)
    kept = (mask == 0).expand_as(image)
    assert torch.equal(filled.view(torch.int32)[kept], image.view(torch.int32)[kept])
    assert filled.abs().max() <= 1 + 1e-5


def test_filling_never_reads_under_the_mask() -> None:
    image, mask = noise(1, 3, 32, 32), some_hole(1, 0.5, 1, 1, 32, 32)
    assert torch.equal(fill_holes(image, mask), fill_holes(torch.where(mask > 0, torch.nan, image), mask))


def test_a_picture_that_is_all_hole_becomes_zeros() -> None:
    filled = fill_holes(torch.full((1, 3, 20, 20), -0.5), torch.ones(1, 1, 20, 20))
    assert not filled.view(torch.int32).any()


def test_pixels_that_a_soft_mask_touches_are_filled() -> None:
    image, mask = torch.zeros(1, 1, 8, 8), torch.zeros(1, 1, 8, 8)
    image[..., 3, 3], mask[..., 3, 3] = 1, 0.1
    assert not fill_holes(image, mask).any()


@pytest.mark.parametrize("shape", [(8, 8), (1, 9), (9, 1), (7, 16)])
def test_one_visible_pixel_fills_the_picture(shape: tuple[int, int]) -> None:
    mask = torch.ones(1, 1, *shape)
    mask[..., 0, 0] = 0
    torch.testing.assert_close(
        fill_holes(torch.full((1, 1, *shape), 0.7), mask), torch.full((1, 1, *shape), 0.7)
    )


def test_one_visible_pixel_of_four_is_enough_for_its_tone() -> None:
    image, mask = torch.zeros(1, 1, 8, 8), torch.zeros(1, 1, 8, 8)
    image[..., :2, :2], mask[..., :2, :2] = 1, 1
    mask[..., 1, 1] = 0
    assert fill_holes(image, mask)[..., 0, 0] == 1


def test_a_hole_has_no_steps() -> None:
    mask = torch.ones(1, 1, 1, 32)
    mask[..., 0], mask[..., -1] = 0, 0
    row = fill_holes(torch.linspace(0, 1, 32).expand(1, 1, 1, 32), mask).flatten()
    assert row.diff().max() < 0.1


def test_a_hole_in_one_tone_takes_that_tone() -> None:
    image = torch.full((1, 3, 32, 32), 0.4)
    mask = torch.zeros(1, 1, 32, 32)
    mask[..., 4:29, 3:30] = 1
    assert torch.allclose(fill_holes(torch.where(mask > 0, -1.0, image), mask), image, atol=1e-6)


def test_a_hole_between_two_tones_goes_from_one_to_the_other() -> None:
    image = torch.cat([torch.full((1, 3, 64, 32), -1.0), torch.full((1, 3, 64, 32), 1.0)], dim=-1)
    mask = torch.zeros(1, 1, 64, 64)
    mask[..., 16:48] = 1
    row = fill_holes(image, mask)[0, 0, 32]
    assert row[17] < -0.7
    assert row[46] > 0.7
    assert row.diff().min() > -1e-5


def test_filling_treats_pictures_of_a_batch_apart() -> None:
    image, mask = noise(3, 3, 32, 32), some_hole(1, 0.5, 3, 1, 32, 32)
    alone = [fill_holes(image[i : i + 1], mask[i : i + 1]) for i in range(3)]
    assert torch.allclose(fill_holes(image, mask), torch.cat(alone), atol=1e-6)
