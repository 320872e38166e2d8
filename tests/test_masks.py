"""Random training masks."""

import numpy as np
import pytest
import torch

from facemug_core.training.masks import cmod_mask, mat_mask, rectangle_mask, stroke_mask

GENERATORS = (cmod_mask, mat_mask, stroke_mask, rectangle_mask)


def ratios(draw, count=250):
    generator = torch.Generator().manual_seed(3)
    return np.array([draw(generator).mean().item() for _ in range(count)])


def test_cmod_masks_have_the_measured_hole_ratios_of_the_paper():
    holes = ratios(cmod_mask)
    assert holes.mean() == pytest.approx(0.72, abs=0.04)
    assert np.quantile(holes, [0.1, 0.5, 0.9]) == pytest.approx([0.49, 0.76, 0.93], abs=0.06)


def test_mat_masks_have_the_measured_hole_ratios():
    holes = ratios(mat_mask)
    assert holes.mean() == pytest.approx(0.41, abs=0.04)
    assert np.quantile(holes, [0.1, 0.5, 0.9]) == pytest.approx([0.15, 0.41, 0.65], abs=0.06)


@pytest.mark.parametrize("draw", [stroke_mask, rectangle_mask])
def test_strokes_and_rectangles_leave_most_of_the_picture(draw):
    assert 0.1 < ratios(draw, 100).mean() < 0.35


@pytest.mark.parametrize("draw", GENERATORS)
@pytest.mark.parametrize("size", [16, 64, 256])
def test_masks_are_binary_and_never_empty_or_full(draw, size):
    generator = torch.Generator().manual_seed(0)
    for _ in range(20):
        mask = draw(generator, size)
        assert mask.shape == (1, size, size)
        assert mask.dtype == torch.float32
        assert set(mask.unique().tolist()) == {0.0, 1.0}


@pytest.mark.parametrize("draw", GENERATORS)
def test_the_same_seed_draws_the_same_mask_and_leaves_global_state_alone(draw):
    torch_state, numpy_state = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    first = draw(torch.Generator().manual_seed(5))
    second = draw(torch.Generator().manual_seed(5))
    assert torch.equal(first, second)
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert np.array_equal(np.random.get_state()[1], numpy_state)  # noqa: NPY002


def test_successive_draws_differ():
    generator = torch.Generator().manual_seed(0)
    assert not torch.equal(cmod_mask(generator), cmod_mask(generator))
