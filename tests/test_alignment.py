"""Alignment and resampling: where things land, and what is kept."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from facemug_core.errors import InputError
from facemug_core.faces.alignment import (
    LEFT_EYE,
    MESH_POINTS,
    MOUTH_CORNERS,
    RIGHT_EYE,
    align,
    aligned_matrix,
    alignment_matrix,
    covered,
    inverse,
    matrix_from_points,
    resample,
    translation,
)


def similarity(scale: float, degrees: float, center: tuple[float, float], size: int) -> np.ndarray:
    """Crop of this size → photo, around a photo point."""
    angle = np.radians(degrees)
    matrix = np.eye(3)
    matrix[:2, :2] = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix[:2, 2] = np.array(center) - matrix[:2, :2] @ (size / 2, size / 2)
    return matrix


def smooth_picture(height: int, width: int) -> torch.Tensor:
    """Waves of about 60 pixels, in 0…1."""
    y, x = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
    waves = [torch.sin(x / 9 + y / 14), torch.cos(x / 13 - y / 10), torch.sin(x / 11) * torch.cos(y / 12)]
    return torch.stack(waves)[None] / 2 + 0.5


def rgb_photo(height: int, width: int) -> torch.Tensor:
    return torch.randint(0, 256, (1, 3, height, width), generator=torch.Generator().manual_seed(0)).byte()


# The points that the FFHQ template puts at the upright crop: found by hand from its three formulas.
EYES = np.array([[96.0, 112.0], [160.0, 112.0]])
MOUTH = np.array([[108.0, 172.0], [148.0, 172.0]])


def test_template_faces_need_no_movement_but_the_shift_to_the_center():
    matrix = matrix_from_points(EYES, MOUTH, 256)
    np.testing.assert_allclose(matrix[:2, :2], np.eye(2), atol=1e-12)
    np.testing.assert_allclose(matrix @ (128, 128, 1), (128, 112 + 0.1 * 60, 1))


@given(
    st.floats(0.3, 8),
    st.floats(-180, 180),
    st.tuples(st.floats(-500, 4000), st.floats(-500, 4000)),
)
@settings(max_examples=50, deadline=None)
def test_the_matrix_follows_the_face_wherever_it_moves(scale, degrees, center):
    move = similarity(scale, degrees, center, 256)
    eyes, mouth = (points @ move[:2, :2].T + move[:2, 2] for points in (EYES, MOUTH))
    expected = move @ matrix_from_points(EYES, MOUTH, 256)
    np.testing.assert_allclose(matrix_from_points(eyes, mouth, 256), expected, atol=1e-6)


def test_the_mesh_gives_the_same_frame_as_its_points():
    mesh = np.zeros((MESH_POINTS + 10, 2))
    mesh[list(LEFT_EYE)] = EYES[0]
    mesh[list(RIGHT_EYE)] = EYES[1]
    mesh[list(MOUTH_CORNERS)] = MOUTH
    np.testing.assert_allclose(
        alignment_matrix(mesh) @ (128, 128, 1), matrix_from_points(EYES, MOUTH) @ (128, 128, 1)
    )


@pytest.mark.parametrize("landmarks", [[], np.zeros((6, 2)), np.zeros((468, 3)), np.zeros(468)])
def test_incomplete_landmarks_are_refused_with_their_shape(landmarks):
    with pytest.raises(InputError, match=r"Expected 468 face landmarks .* shape \("):
        alignment_matrix(landmarks)


@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize("count", [4, 5, 68])
def test_fewer_landmarks_give_the_same_frame_whichever_eye_is_first(count, swapped):
    eyes = EYES[::-1] if swapped else EYES
    points = {
        4: np.concatenate([eyes, MOUTH]),
        5: np.concatenate([eyes, [[128, 140]], MOUTH]),
        68: np.zeros((68, 2)),
    }[count]
    if count == 68:
        points[36:42], points[42:48], points[[48, 54]] = eyes[0], eyes[1], MOUTH
    np.testing.assert_allclose(alignment_matrix(points), matrix_from_points(EYES, MOUTH))


@pytest.mark.parametrize("value", [0.0, np.nan])
def test_landmarks_that_are_nowhere_are_refused(value):
    with pytest.raises(InputError, match="coincide or are missing"):
        alignment_matrix(np.full((468, 2), value))


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32, torch.float64])
def test_the_identity_copies_exactly(dtype):
    photo = rgb_photo(256, 256).to(dtype)
    crop = align(photo, aligned_matrix((256, 256)))
    assert crop.dtype == torch.float32
    assert torch.equal(crop, photo.float())


def test_a_shift_by_whole_pixels_copies_exactly_and_reflects_at_the_border():
    photo = rgb_photo(40, 50)
    matrix = np.eye(3)
    matrix[:2, 2] = (-3, 10)
    crop = resample(photo, matrix, (20, 30))
    assert torch.equal(crop[..., 3:], photo[..., 10:30, :27].float())
    assert torch.equal(crop[..., :3], photo[..., 10:30, :3].flip(-1).float())


@pytest.mark.parametrize("scale", [0.3, 0.9, 1.5, 2.7, 6.2])
@pytest.mark.parametrize("degrees", [0, 13, 45, 90])
def test_every_pixel_shows_the_place_that_the_matrix_names(scale, degrees):
    y, x = torch.meshgrid(torch.arange(400) + 0.5, torch.arange(500) + 0.5, indexing="ij")
    places = torch.stack([x, y])[None]
    size = int(200 / max(scale, 1))
    matrix = similarity(scale, degrees, (250, 200), size)
    drawn = resample(places, matrix, (size, size))[0]
    row, column = size // 3, size // 4
    expected = matrix @ (column + 0.5, row + 0.5, 1)
    np.testing.assert_allclose(drawn[:, row, column], expected[:2], atol=max(scale, 1) * 0.06)
    center = drawn.mean((1, 2))
    np.testing.assert_allclose(center, (250, 200), atol=0.02)


def test_fine_stripes_become_grey_when_the_picture_shrinks():
    stripes = (torch.arange(1000) % 2).float().expand(1, 1, 1000, 1000)
    drawn = resample(stripes, similarity(3.7, 8, (500, 500), 200), (200, 200))
    assert (drawn - 0.5).abs().max() < 0.05


@given(st.integers(1, 40), st.integers(1, 40), st.floats(0.2, 9), st.floats(-180, 180), st.integers(0, 99))
@settings(max_examples=30, deadline=None)
def test_values_stay_within_those_of_the_picture(height, width, scale, degrees, seed):
    picture = torch.rand(1, 1, height, width, generator=torch.Generator().manual_seed(seed)) * 0.5 + 0.25
    drawn = resample(picture, similarity(scale, degrees, (width / 2, height / 2), 16), (16, 16))
    assert drawn.min() >= picture.min()
    assert drawn.max() <= picture.max()


@pytest.mark.parametrize("mode", ["bicubic", "bilinear"])
@pytest.mark.parametrize("scale", [2.3, 7.1])
def test_the_bands_in_which_a_big_picture_shrinks_leave_no_trace(mode, scale, monkeypatch):
    picture, matrix = rgb_photo(500, 400), similarity(scale, 20, (200, 260), 64)
    whole = resample(picture, matrix, (64, 64), mode=mode)
    covers = covered(matrix, (64, 64), (500, 400))
    monkeypatch.setattr("facemug_core.faces.alignment.SHRUNK_BAND_PIXELS", 3000)
    monkeypatch.setattr("facemug_core.faces.alignment.BAND_PIXELS", 300)
    assert torch.equal(resample(picture, matrix, (64, 64), mode=mode), whole)
    assert torch.equal(covered(matrix, (64, 64), (500, 400)), covers)


def test_views_and_other_layouts_are_read_like_plain_tensors():
    photo = rgb_photo(60, 70)
    matrix = similarity(1.3, 20, (35, 30), 32)
    expected = resample(photo, matrix, (32, 32))
    view = photo.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)
    assert torch.equal(resample(view, matrix, (32, 32)), expected)
    grey = photo[:, :1].expand(2, 3, 60, 70)
    assert torch.equal(resample(grey, matrix, (32, 32))[1, 2], expected[0, 0])


def test_covered_tells_which_crop_pixels_lie_in_the_photo():
    matrix = np.eye(3)
    matrix[:2, 2] = (-2, 3)
    inside = covered(matrix, (8, 8), (10, 20))
    expected = torch.zeros(1, 1, 8, 8, dtype=torch.bool)
    expected[..., :7, 2:] = True
    assert torch.equal(inside, expected)


def leaving_the_frame():
    """A noisy photo, its crop of 100 pixels that reaches 60 beyond it, and the crop with reflection alone."""
    photo = torch.rand(1, 3, 100, 100, generator=torch.Generator().manual_seed(0))
    matrix = translation(-60, 0)
    return align(photo, matrix, 100), resample(photo, matrix, (100, 100))


def test_what_lies_in_the_photo_keeps_its_bits_beside_what_lies_beyond():
    crop, reflected = leaving_the_frame()
    assert torch.equal(crop[..., 60:], reflected[..., 60:])


def test_beyond_the_photo_its_reflection_fades_with_the_distance():
    crop, _ = leaving_the_frame()
    roughness = crop.diff(dim=2).abs().mean((0, 1, 2))
    near, half, far = roughness[58], roughness[45], roughness[:30].max()
    assert near > 3 * half > 0
    assert far < 1e-6


def test_far_beyond_the_photo_is_the_median_color_of_its_crop():
    crop, reflected = leaving_the_frame()
    torch.testing.assert_close(crop[0, :, 50, 10], reflected[0].flatten(1).median(1).values)


def test_an_aligned_photo_of_another_size_is_taken_whole():
    matrix = aligned_matrix((1024, 1024), 256)
    np.testing.assert_array_equal(matrix @ (256, 256, 1), (1024, 1024, 1))
    matrix = aligned_matrix((100, 200), 256)
    np.testing.assert_array_equal(matrix @ (0, 64, 1), (0, 0, 1))


def test_the_inverse_of_the_identity_is_exact():
    assert np.array_equal(inverse(np.eye(3)), np.eye(3))


@pytest.mark.parametrize("scale", [0.3, 0.5, 1.0])
@pytest.mark.parametrize("degrees", [0, 13, 45, 90])
def test_there_and_back_keeps_smooth_content(scale, degrees):
    photo = smooth_picture(150, 170)
    matrix = similarity(scale, degrees, (85.3, 75.6), 256)
    back = resample(align(photo, matrix), inverse(matrix), (150, 170))
    inside = covered(inverse(matrix), (150, 170), (256, 256))
    inside[..., :4, :] = inside[..., -4:, :] = inside[..., :4] = inside[..., -4:] = False
    error = (back - photo)[inside.expand_as(photo)].square().mean()
    assert -10 * torch.log10(error) > 40
