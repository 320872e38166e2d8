"""How well a picture follows its guides, and Fréchet distances, against slow and plain references."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import linalg
from scipy.spatial.distance import cdist

from facemug_core.conventions import LABELS
from facemug_core.evaluation.adherence import (
    MOST_STROKES,
    SEAM_BAND,
    TOLERANCE,
    class_means,
    color_errors,
    overlaps,
    painted,
    rotated_hue,
    seam_color_shift,
    seam_gradients,
    sparse_strokes,
    stroke_agreement,
    through_jpeg,
)
from facemug_core.evaluation.frechet import above_floor, frechet_distance, principal_components


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def random_strokes(share: float, seed: int) -> torch.Tensor:
    return (torch.rand(1, 1, 40, 32, generator=seeded(seed)) < share).float()


def box(height: int = 40, width: int = 32) -> torch.Tensor:
    mask = torch.zeros(1, 1, height, width)
    mask[..., 5:30, 4:25] = 1
    return mask


# Classes


def test_overlaps_count_pixels_of_each_class_inside_the_mask():
    labels, wanted = (torch.randint(-1, 19, (2, 40, 32), generator=seeded(s)) for s in (0, 1))
    mask = box().expand(2, -1, -1, -1)
    shared, either = overlaps(labels, wanted, mask)
    for b in range(2):
        pairs = [
            (found, asked)
            for found, asked, hole in zip(
                labels[b].flatten().tolist(),
                wanted[b].flatten().tolist(),
                mask[b].flatten().tolist(),
                strict=True,
            )
            if hole and asked >= 0
        ]
        for label in range(len(LABELS)):
            assert shared[b, label] == sum(found == asked == label for found, asked in pairs)
            assert either[b, label] == sum(label in pair for pair in pairs)


# Strokes


@settings(max_examples=25, deadline=None)
@given(st.floats(0, 0.2), st.floats(0, 0.2), st.integers(0, 1000))
def test_stroke_agreement_is_the_f1_of_matched_points(found_share, given_share, seed):
    found, wanted = random_strokes(found_share, seed), random_strokes(given_share, seed + 1)
    a, b = (np.argwhere((strokes * box())[0, 0].numpy() > 0) for strokes in (found, wanted))
    if not len(a) or not len(b):
        expected = float(len(a) == len(b))
    else:
        near = cdist(a, b) <= TOLERANCE
        precision, recall = near.any(1).mean(), near.any(0).mean()
        expected = 2 * precision * recall / max(precision + recall, 1e-12)
    assert stroke_agreement(found, wanted, box()).item() == pytest.approx(expected, abs=1e-6)


def test_strokes_a_tolerance_apart_agree_and_farther_ones_do_not():
    line = torch.zeros(1, 1, 40, 32)
    line[..., 15, 6:20] = 1
    assert stroke_agreement(line.roll(TOLERANCE, 2), line, box()).item() == 1
    assert stroke_agreement(line.roll(TOLERANCE + 1, 2), line, box()).item() == 0


def test_only_the_longest_strokes_that_fit_are_given():
    strokes = torch.zeros(1, 1, 40, 32)
    strokes[..., 8, 6:20], strokes[..., 12, 6:16], strokes[..., 16:24, 6:20] = 1, 1, 1
    kept = sparse_strokes(strokes, box())
    assert kept.sum() <= MOST_STROKES * box().sum()
    assert not kept[..., 16:24, :].any()  # too long by itself


def test_few_strokes_are_given_whole_but_only_inside_the_mask():
    strokes = torch.zeros(1, 1, 40, 32)
    strokes[..., 8, :] = 1
    assert torch.equal(sparse_strokes(strokes, box()), strokes * box())


# Colors


def test_color_errors_are_ciede2000_of_region_means():
    from skimage.color import deltaE_ciede2000, rgb2lab

    picture, colors = torch.full((3, 40, 32), 119 / 127.5 - 1), torch.full((3, 40, 32), 128 / 127.5 - 1)
    labels = torch.zeros(40, 32, dtype=torch.long)
    expected = deltaE_ciede2000(rgb2lab(np.full(3, 119 / 255)), rgb2lab(np.full(3, 128 / 255)))
    assert color_errors(picture, colors, labels, box()[0]) == {0: pytest.approx(float(expected), abs=1e-4)}


def test_regions_too_small_have_no_color():
    labels = torch.zeros(40, 32, dtype=torch.long)
    labels[10:13, 10:13] = 17
    picture = torch.zeros(3, 40, 32)
    assert set(color_errors(picture, picture, labels, box()[0])) == {0}


def test_painting_class_means_gives_flat_regions():
    labels = torch.randint(3, (40, 32), generator=seeded())
    picture = torch.rand(3, 40, 32, generator=seeded(1)) * 2 - 1
    colors = painted(labels, class_means(picture, labels))
    for label in range(3):
        region = colors[:, labels == label]
        torch.testing.assert_close(
            region, picture[:, labels == label].mean(1, keepdim=True).expand_as(region)
        )


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(-1, 1), min_size=3, max_size=3), st.floats(0, 360))
def test_rotating_hue_keeps_the_extremes_of_a_color(values, degrees):
    color = torch.tensor(values)
    turned = rotated_hue(color, degrees)
    assert turned.min().item() == pytest.approx(color.min().item(), abs=1e-5)
    assert turned.max().item() == pytest.approx(color.max().item(), abs=1e-5)


def test_a_third_of_a_turn_makes_red_green():
    assert rotated_hue(torch.tensor([1.0, -1.0, -1.0]), 120).tolist() == pytest.approx([-1, 1, -1], abs=1e-6)


# Seams


def test_seam_gradients_tell_a_step_at_the_border_from_steps_inside():
    picture = torch.zeros(1, 3, 40, 32)
    picture[..., 5:30, 4:25] = 1
    across, within = seam_gradients(picture, box())
    assert (across.item(), within.item()) == (1, 0)


def test_seam_gradients_of_a_ramp_are_even():
    picture = torch.arange(32.0).expand(1, 3, 40, 32) + torch.arange(40.0)[:, None]
    across, within = seam_gradients(picture, box())
    assert (across.item(), within.item()) == (1, 1)


def test_a_match_and_what_lies_deep_inside_are_no_color_shift():
    truth = torch.rand(1, 3, 128, 128, generator=seeded()) * 2 - 1
    mask = torch.zeros(1, 1, 128, 128)
    mask[..., 10:90, 20:110] = 1
    edit = truth.clone()
    edit[..., 10 + SEAM_BAND : 90 - SEAM_BAND, 20 + SEAM_BAND : 110 - SEAM_BAND] = 0
    assert seam_color_shift(edit, truth, mask).item() == 0


def test_shifts_of_two_sides_do_not_cancel():
    truth = torch.zeros(1, 3, 128, 128)
    mask = torch.zeros(1, 1, 128, 128)
    mask[..., 10:118, 10:118] = 1
    edit = truth + torch.tensor([-0.2, 0.2]).repeat_interleave(64)
    everywhere = seam_color_shift(truth + 0.2, truth, mask)
    assert everywhere > 5
    assert seam_color_shift(edit, truth, mask) == pytest.approx(everywhere, rel=0.2)


def test_a_mask_without_a_border_has_no_color_shift():
    picture = torch.zeros(1, 3, 128, 128)
    assert seam_color_shift(picture, picture, torch.ones(1, 1, 128, 128)).isnan().all()


def test_jpeg_changes_little_and_keeps_the_shape():
    pictures = torch.linspace(-1, 1, 32).expand(2, 3, 40, 32)
    compressed = through_jpeg(pictures)
    assert compressed.shape == pictures.shape
    assert 0 < (compressed - pictures).abs().max() < 0.15


# Fréchet distances


def test_frechet_distance_agrees_with_the_matrix_square_root():
    rng = np.random.default_rng(0)
    first = rng.normal(size=(200, 6)) @ rng.normal(size=(6, 6))
    second = rng.normal(size=(300, 6)) @ rng.normal(size=(6, 6)) + 1
    a, b = (np.cov(features, rowvar=False, bias=True) for features in (first, second))
    apart = ((first.mean(0) - second.mean(0)) ** 2).sum()
    expected = apart + np.trace(a + b - 2 * linalg.sqrtm(a @ b).real)
    assert frechet_distance(first, second) == pytest.approx(expected, rel=1e-6)


def test_frechet_distance_of_equal_sets_is_zero_and_symmetric():
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(100, 4)), rng.normal(size=(80, 4)) + 2
    assert frechet_distance(first, first) == pytest.approx(0, abs=1e-8)
    assert frechet_distance(first, second) == pytest.approx(frechet_distance(second, first))


def test_principal_components_are_orthonormal_and_hold_the_most_variance():
    features = np.random.default_rng(0).normal(size=(200, 5)) * [1, 9, 2, 8, 3]
    basis = principal_components(features, 2)
    np.testing.assert_allclose(basis.T @ basis, np.eye(2), atol=1e-9)
    assert np.linalg.norm(basis[[1, 3]], axis=0).min() > 0.99


def test_edits_like_their_photos_lie_on_the_floor_and_others_above_it():
    rng = np.random.default_rng(0)
    truth = rng.normal(size=(400, 8))
    assert above_floor(truth[:, None], truth) == pytest.approx(0, abs=1e-9)
    assert above_floor(truth[:, None] + 1, truth) == pytest.approx(8, rel=0.2)
