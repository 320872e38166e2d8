"""Pasting: what changes and, above all, what does not."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from facemug_core.errors import InputError
from facemug_core.faces.alignment import align, aligned_matrix, covered, inverse
from facemug_core.faces.pasting import beyond_crop, mask_to_crop, mask_to_photo, paste

from .allocations import Allocations
from .test_alignment import similarity, smooth_picture

DTYPES = st.sampled_from([torch.uint8, torch.int16, torch.float16, torch.float32, torch.float64])
SIDES = st.integers(1, 70)


def random_photo(generator: torch.Generator, height: int, width: int, dtype: torch.dtype) -> torch.Tensor:
    photo = torch.rand(1, 3, height, width, generator=generator)
    return photo.to(dtype) if dtype.is_floating_point else (photo * 255).to(dtype)


def random_blobs(generator: torch.Generator, height: int, width: int) -> torch.Tensor:
    coarse = torch.rand(1, 1, (height + 7) // 8, (width + 7) // 8, generator=generator) < 0.4
    return coarse.repeat_interleave(8, 2).repeat_interleave(8, 3)[..., :height, :width].float()


@given(
    seed=st.integers(0, 10**6), height=SIDES, width=SIDES, dtype=DTYPES,
    scale=st.floats(0.1, 4), degrees=st.floats(-180, 180),
    feather=st.integers(0, 9), opacity=st.floats(0, 1), edits=st.integers(1, 4),
)  # fmt: skip
@settings(max_examples=40, deadline=None)
def test_kept_pixels_keep_their_bits_over_a_chain_of_edits(
    seed, height, width, dtype, scale, degrees, feather, opacity, edits
):
    generator = torch.Generator().manual_seed(seed)
    photo = random_photo(generator, height, width, dtype)
    result, touched = photo, torch.zeros(1, 1, height, width)
    for _ in range(edits):
        matrix = similarity(scale, degrees, (width / 2, height / 2), 32)
        mask = random_blobs(generator, height, width)
        crop = 1 - align(result, matrix, 32)
        before = result.clone()
        edited = paste(result, crop, mask, matrix, feather, opacity)
        assert torch.equal(result, before)
        result, touched = edited, torch.maximum(touched, mask)
    kept = (touched == 0).expand_as(photo)
    assert result.dtype == dtype
    assert torch.equal(result[kept], photo[kept])


@given(seed=st.integers(0, 10**6), dtype=DTYPES, feather=st.integers(0, 5))
@settings(max_examples=20, deadline=None)
def test_no_opacity_returns_the_bits_of_the_photo(seed, dtype, feather):
    photo = random_photo(torch.Generator().manual_seed(seed), 40, 30, dtype)
    matrix = similarity(1.1, 30, (15, 20), 32)
    result = paste(photo, torch.zeros(1, 3, 32, 32), torch.ones(1, 1, 40, 30), matrix, feather, opacity=0.0)
    assert torch.equal(result, photo)
    assert result is not photo


@pytest.mark.parametrize("how", [{"opacity": 2.0}, {"opacity": float("nan")}, {"feather": -1}])
def test_values_out_of_range_are_refused_as_linked_inputs_can_be(how):
    ones = torch.ones(1, 1, 9, 9)
    with pytest.raises(InputError, match="between 0 and 1"):
        paste(ones, ones, ones, np.eye(3), **how)


def test_an_empty_mask_returns_the_bits_of_the_photo():
    photo = torch.rand(1, 3, 20, 20)
    assert torch.equal(paste(photo, torch.zeros(1, 3, 8, 8), torch.zeros(1, 1, 20, 20), np.eye(3)), photo)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_at_the_identity_the_crop_is_selected_without_resampling(dtype):
    generator = torch.Generator().manual_seed(0)
    photo, crop = (random_photo(generator, 256, 256, dtype) for _ in range(2))
    mask = random_blobs(generator, 256, 256)
    result = paste(photo, crop.float(), mask, aligned_matrix((256, 256)))
    assert torch.equal(result, torch.where(mask > 0, crop, photo))


@pytest.mark.parametrize("degrees", [0, 13, 45, 90])
@pytest.mark.parametrize("scale", [0.3, 1.0, 2.2, 4.0])
def test_an_unedited_crop_neither_shifts_nor_blurs_smooth_content(degrees, scale):
    side = round(256 * scale)
    photo = smooth_picture(side, side)
    matrix = similarity(scale, degrees, (side / 2, side / 2), 256)
    result = paste(photo, align(photo, matrix), torch.ones(1, 1, side, side), matrix)
    window = (..., slice(side // 8, -side // 8), slice(side // 8, -side // 8))
    error = (result - photo)[window]
    assert -10 * torch.log10(error.square().mean()) > 40

    grey = photo[window].mean((0, 1))
    spectrum = torch.fft.rfft2(result[window].mean((0, 1))) * torch.fft.rfft2(grey).conj()
    assert torch.fft.irfft2(spectrum, s=grey.shape).argmax() == 0


@pytest.mark.parametrize("value", [0, 1, 127, 254, 255])
def test_a_flat_picture_stays_as_bright_as_it_was(value):
    photo = torch.full((1, 3, 90, 120), value, dtype=torch.uint8)
    matrix = similarity(0.4, 13, (60, 45), 256)
    result = paste(photo, align(photo, matrix), torch.ones(1, 1, 90, 120), matrix, feather=7, opacity=0.6)
    assert torch.equal(result, photo)


def test_the_feather_goes_inwards_only_and_reaches_the_crop():
    photo, crop = torch.zeros(1, 1, 64, 64), torch.ones(1, 1, 64, 64)
    mask = torch.zeros(1, 1, 64, 64)
    mask[..., 10:50, 10:50] = 1
    profile = paste(photo, crop, mask, np.eye(3), feather=5)[0, 0, 30]
    assert (profile[:10] == 0).all()
    assert (profile[10:16].diff() > 0).all()
    assert profile[10] > 0
    assert (profile[15:45] == 1).all()


def test_a_wider_feather_takes_less_of_the_crop():
    mask = random_blobs(torch.Generator().manual_seed(1), 64, 64)
    results = [
        paste(torch.zeros(1, 1, 64, 64), torch.ones(1, 1, 64, 64), mask, np.eye(3), feather=feather)
        for feather in (0, 2, 6)
    ]
    assert torch.equal(results[0], mask)
    assert (results[1] <= results[0]).all()
    assert (results[2] <= results[1]).all()


def test_under_a_large_mask_only_what_a_small_crop_reaches_is_drawn():
    photo, crop = torch.zeros(1, 3, 400, 400, dtype=torch.uint8), torch.full((1, 3, 256, 256), 9.0)
    with Allocations() as memory:
        result = paste(
            photo, crop, torch.ones(1, 1, 400, 400, dtype=torch.bool), similarity(0.1, 0, (200, 200), 256)
        )
    assert result.sum() == 9 * 3 * 26 * 26
    assert max(memory.bytes.values()) < 4 * crop.nbytes


@pytest.mark.parametrize("feather", [0, 1, 7])
def test_the_bands_in_which_a_big_picture_is_pasted_leave_no_trace(feather, monkeypatch):
    generator = torch.Generator().manual_seed(2)
    photo, mask = random_photo(generator, 90, 70, torch.uint8), random_blobs(generator, 90, 70)
    # Two values only, so that every band is kept within the same limits.
    crop = (torch.rand(1, 3, 32, 32, generator=generator) > 0.5) * 255.0
    matrix = np.diag([2.0, 2.0, 1.0])
    whole, on_photo = paste(photo, crop, mask, matrix, feather), mask_to_photo(mask, matrix, (90, 70))
    monkeypatch.setattr("facemug_core.faces.pasting.BAND_PIXELS", 500)
    torch.testing.assert_close(paste(photo, crop, mask, matrix, feather), whole, rtol=0, atol=1)
    assert torch.equal(mask_to_photo(mask, matrix, (90, 70)), on_photo)


@pytest.mark.parametrize("inner", ["mask", "crop"])
def test_the_feather_rises_from_every_edge_of_the_mask_and_of_the_crop(inner):
    photo, mask = torch.zeros(1, 1, 20, 20), torch.ones(1, 1, 20, 20)
    matrix, side = np.eye(3), 20
    if inner == "mask":
        mask = torch.nn.functional.pad(mask[..., 5:15, 5:15], (5,) * 4)
    else:
        matrix[:2, 2], side = 5, 10
    result = paste(photo, torch.ones(1, 1, side, side), mask, matrix, feather=3)[0, 0]
    for turned in (result, result.flip(0), result.T, result.T.flip(0)):
        torch.testing.assert_close(turned[4:10, 10], torch.tensor([0, 0.15625, 0.5, 0.84375, 1, 1]))


def test_a_mask_beside_the_crop_leaves_the_photo_alone():
    photo, mask = torch.rand(1, 3, 20, 40), torch.zeros(1, 1, 20, 40)
    mask[..., 5:9, 30:36] = 1
    assert torch.equal(paste(photo, torch.zeros(1, 3, 12, 12), mask, np.eye(3)), photo)


def test_what_is_fully_replaced_is_not_read():
    photo = torch.full((1, 3, 12, 12), torch.nan)
    assert (paste(photo, torch.ones(1, 3, 12, 12), torch.ones(1, 1, 12, 12), np.eye(3)) == 1).all()


def test_a_soft_mask_keeps_the_bits_beside_it_in_double_precision():
    photo = torch.rand(1, 3, 12, 12, dtype=torch.float64)
    mask = torch.full((1, 1, 12, 12), 0.5)
    mask[..., 4:8, 4:8] = 0
    result = paste(photo, torch.ones(1, 3, 12, 12), mask, np.eye(3))
    assert torch.equal(result[..., 4:8, 4:8], photo[..., 4:8, 4:8])


def test_values_beyond_the_photos_type_are_limited():
    photo, crop = torch.full((1, 1, 8, 8), 100, dtype=torch.uint8), torch.full((1, 1, 8, 8), 300.0)
    crop[..., 4:] = -40
    result = paste(photo, crop, torch.ones(1, 1, 8, 8), np.eye(3))
    assert result[0, 0, 0].tolist() == [255] * 4 + [0] * 4


def test_a_half_mask_blends():
    photo, crop = torch.zeros(1, 3, 8, 8), torch.ones(1, 3, 8, 8)
    result = paste(photo, crop, torch.full((1, 1, 8, 8), 0.5), np.eye(3), opacity=0.5)
    torch.testing.assert_close(result, torch.full((1, 3, 8, 8), 0.25))


def test_what_lies_beyond_the_crop_is_told_and_left_alone():
    photo = torch.zeros(1, 3, 50, 60)
    matrix = np.eye(3)
    matrix[:2, 2] = (10, 20)
    mask = torch.ones(1, 1, 50, 60)
    beyond = beyond_crop(mask, matrix, size=20)
    result = paste(photo, torch.ones(1, 3, 20, 20), mask, matrix)
    assert beyond.sum() == 50 * 60 - 20 * 20
    assert torch.equal(result, (1 - beyond).expand_as(photo))


@given(
    seed=st.integers(0, 10**6), scale=st.floats(0.2, 16), degrees=st.floats(-180, 180),
    points=st.integers(1, 40), strength=st.sampled_from([1 / 255, 0.5, 1.0]),
)  # fmt: skip
@settings(max_examples=40, deadline=None)
def test_every_masked_photo_pixel_has_an_edited_crop_pixel(seed, scale, degrees, points, strength):
    height, width, size = 80, 90, 48
    matrix = similarity(scale, degrees, (45, 40), size)
    mask = torch.zeros(1, 1, height, width)
    generator = torch.Generator().manual_seed(seed)
    mask.view(-1)[torch.randint(0, height * width, (points,), generator=generator)] = strength
    edited = mask_to_crop(mask, matrix, size)
    reachable = mask.bool() & covered(inverse(matrix), (height, width), (size, size))
    y, x = reachable[0, 0].nonzero().numpy().T + 0.5
    u, v = (inverse(matrix) @ np.stack([x, y, np.ones_like(x)]))[:2].clip(0, size - 1e-6).astype(int)
    assert edited[0, 0, v, u].all()


def test_an_empty_mask_stays_empty():
    matrix = similarity(2.3, 17, (30, 40), 64)
    assert not mask_to_crop(torch.zeros(1, 1, 80, 60), matrix, 64).any()
    assert not mask_to_photo(torch.zeros(1, 1, 64, 64), matrix, (80, 60)).any()


def test_a_mask_survives_the_way_to_the_photo():
    matrix = similarity(3.0, 30, (200, 150), 64)
    y, x = torch.meshgrid(torch.arange(64) - 31.5, torch.arange(64) - 31.5, indexing="ij")
    disk = (x**2 + y**2 <= 20**2).float()[None, None]
    photo_mask = mask_to_photo(disk, matrix, (300, 400))
    y, x = torch.meshgrid(torch.arange(300) - 149.5, torch.arange(400) - 199.5, indexing="ij")
    expected = (x**2 + y**2 <= 60**2).float()
    assert (photo_mask[0, 0] - expected).abs().sum() < 0.03 * expected.sum()


def test_a_photo_pixel_that_a_mask_covers_by_half_is_in_it():
    matrix = np.eye(3)
    matrix[0, 2] = 4.5
    photo_mask = mask_to_photo(torch.ones(1, 1, 8, 8), matrix, (8, 20))
    assert photo_mask[0, 0, 0].nonzero().flatten().tolist() == list(range(4, 13))


def test_beyond_the_crop_a_mask_is_empty_in_the_photo():
    photo_mask = mask_to_photo(torch.ones(1, 1, 20, 20), similarity(1.0, 0, (30, 30), 20), (60, 60))
    assert photo_mask.sum() == 20 * 20
