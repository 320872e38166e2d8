"""Seams between an edit and its photo."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from facemug_core.compositing.seams import without_seam


def _square(low: int, high: int) -> torch.Tensor:
    mask = torch.zeros(1, 1, 64, 64)
    mask[..., low:high, low:high] = 1
    return mask


@given(st.floats(-1, 1), st.floats(-1, 1))
def test_an_edit_off_by_one_tone_meets_the_photo_at_the_rim(tone: float, off: float) -> None:
    photo, mask = torch.full((1, 3, 64, 64), tone), _square(10, 54)
    joined = without_seam(photo + off, photo, mask)
    assert (joined - photo)[..., 10:54, 10].abs().max() <= 0.12 * abs(off) + 1e-5


def test_far_inside_the_edit_stays_as_it_is() -> None:
    photo, edit = torch.rand(1, 3, 64, 64), torch.rand(1, 3, 64, 64)
    joined = without_seam(edit, photo, _square(10, 54))
    assert torch.equal(joined[..., 24:40, 24:40], edit[..., 24:40, 24:40])


def test_an_edge_that_runs_across_the_rim_stays_sharp() -> None:
    """Rows of black and white that go on under the mask leave no step, and nothing is taken back."""
    photo = torch.ones(1, 3, 64, 64)
    photo[..., 1::2, :] = -1
    mask = torch.zeros(1, 1, 64, 64)
    mask[..., 32:] = 1
    joined = without_seam(photo, photo, mask)
    steps = joined[..., 10:54, 32:40].diff(dim=2).abs()
    assert steps.min() > 1.2


def test_an_edit_without_a_photo_stays_as_it_is() -> None:
    edit, mask = torch.rand(2, 3, 64, 64), torch.ones(2, 1, 64, 64)
    assert torch.equal(without_seam(edit, torch.rand_like(edit), mask), edit)


def test_what_lies_under_the_mask_is_not_read() -> None:
    photo, edit, mask = torch.rand(1, 3, 64, 64), torch.rand(1, 3, 64, 64), _square(20, 44)
    hidden = torch.where(mask > 0, torch.nan, photo)
    assert torch.equal(without_seam(edit, hidden, mask), without_seam(edit, photo, mask))
