"""Seams between an edit and its photo."""

import torch
from facemug_core.networks.seams import carried_on, meeting, without_seam
from hypothesis import given
from hypothesis import strategies as st


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


@given(st.floats(-0.4, 0.4), st.floats(-0.008, 0.008), st.floats(-0.008, 0.008))
def test_a_photo_is_carried_on_with_the_slope_that_it_has(tone: float, across: float, down: float) -> None:
    place = torch.arange(64.0) - 32
    photo = (tone + across * place + down * place[:, None]).expand(1, 3, 64, 64)
    carried, _ = carried_on(photo, _square(20, 44))
    rim = (..., slice(28, 36), slice(20, 23))
    assert (carried - photo)[rim].abs().max() <= 1.2 * abs(across) + 1e-4


def test_a_photo_that_is_carried_on_counts_at_the_rim_alone() -> None:
    _, worth = carried_on(torch.rand(1, 3, 64, 64), _square(20, 44))
    row = worth[0, 0, 32, 20:32]
    assert (row[:2] == 1).all()
    assert (row.diff() <= 0).all()
    assert row[6:].max() < 0.1


def test_a_photo_that_is_carried_on_was_not_read_under_the_mask() -> None:
    photo, mask = torch.rand(1, 3, 64, 64), _square(20, 44)
    hidden = torch.where(mask > 0, torch.nan, photo)
    for there, here in zip(carried_on(hidden, mask), carried_on(photo, mask), strict=True):
        assert torch.equal(there, here)


def test_nothing_is_carried_on_into_a_picture_without_a_photo() -> None:
    carried, worth = carried_on(torch.rand(1, 3, 64, 64), torch.ones(1, 1, 64, 64))
    assert carried.isfinite().all()
    assert not worth.any()


@given(st.floats(-1, 1), st.floats(-1, 1))
def test_near_the_rim_an_edit_takes_the_tone_of_the_photo_that_is_carried_on(tone: float, off: float) -> None:
    mask = _square(20, 44)
    carried, worth = carried_on(torch.full((1, 3, 64, 64), tone), mask)
    joined = meeting(carried + off, carried, worth, mask)
    apart = (joined - carried).abs()[0, 0, 32, 20:26]
    assert apart[:2].max() <= 1e-5
    assert apart.max() <= abs(off) + 1e-5


def test_at_the_rim_itself_an_edit_has_the_colors_of_the_photo_that_is_carried_on() -> None:
    photo, edit, mask = torch.rand(1, 3, 64, 64), torch.rand(1, 3, 64, 64), _square(20, 44)
    carried, worth = carried_on(photo, mask)
    joined = meeting(edit, carried, worth, mask)
    torch.testing.assert_close(joined[..., 20:44, 20], carried[..., 20:44, 20])


def test_what_an_edit_draws_beside_the_rim_keeps_its_detail() -> None:
    """Rows one pixel wide have no tone of their own."""
    photo, mask = torch.zeros(1, 3, 64, 64), _square(20, 44)
    edit = torch.ones(1, 3, 64, 64)
    edit[..., 1::2, :] = -1
    carried, worth = carried_on(photo, mask)
    joined = meeting(edit, carried, worth, mask)
    assert (joined - edit)[..., 28:36, 22:42].abs().max() < 0.1


def test_where_nothing_is_carried_on_an_edit_stays_as_it_is() -> None:
    edit, mask = torch.rand(1, 3, 64, 64), _square(20, 44)
    assert torch.equal(meeting(edit, torch.rand_like(edit), torch.zeros_like(mask), mask), edit)
