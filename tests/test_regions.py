"""Regions by name, and growing, shrinking and measuring masks."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from facemug_core.conventions import LABELS, REGIONS
from facemug_core.errors import InputError
from facemug_core.faces.regions import distance_to, grow_mask, region_mask, smooth_mask, without_holes


def all_labels() -> torch.Tensor:
    """A row with every class once."""
    return torch.arange(len(LABELS)).view(1, 1, -1)


def random_mask(seed: int, height: int, width: int, share: float = 0.3) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return (torch.rand(1, 1, height, width, generator=generator) < share).float()


@pytest.mark.parametrize("name", REGIONS)
def test_each_name_marks_its_classes(name):
    labels = all_labels()
    marked = labels[region_mask(labels, name)[:, 0] > 0].unique().tolist()
    assert marked == sorted(REGIONS[name])


@pytest.mark.parametrize(
    "names", ["hair + brows", "hair,brows", "Hair brows", " hair, brows,", "hair+brows+"]
)
def test_names_joined_by_plus_commas_or_spaces_are_united(names):
    labels = all_labels()
    united = region_mask(labels, names)
    assert torch.equal(united, torch.maximum(region_mask(labels, "hair"), region_mask(labels, "brows")))


@pytest.mark.parametrize("names", ["beard", "", " + ", "hair+beard", "left eye"])
def test_an_unknown_name_is_refused_with_the_list_of_names(names):
    with pytest.raises(InputError, match=r"Unknown region .* Join names by \+.*left_brow"):
        region_mask(all_labels(), names)


def test_specks_go_where_nobody_wants_them_and_small_regions_stay():
    labels = torch.zeros(1, 64, 64, dtype=torch.int64)
    hair, brow = LABELS.index("hair"), LABELS.index("l_brow")
    labels[0, :20] = hair
    labels[0, 50:52, 3:6] = hair  # six pixels of 1,286
    labels[0, 30, 10:12] = brow
    clean = region_mask(labels, "hair+brows", specks=False)[0, 0]
    assert clean[:20].all()
    assert clean[30, 10:12].all()
    assert not clean[40:].any()
    assert region_mask(labels, "hair+brows")[0, 0, 50:52, 3:6].all()


def test_a_region_of_nothing_but_specks_keeps_the_largest():
    labels = torch.zeros(1, 64, 64, dtype=torch.int64)
    labels[0, ::4, ::4] = LABELS.index("hair")
    labels[0, 0, 1] = LABELS.index("hair")
    clean = region_mask(labels, "hair", specks=False)
    assert clean[0, 0, 0, :2].all()
    assert clean.sum() == 2


def test_specks_of_one_face_are_told_by_its_own_region():
    labels = torch.zeros(2, 32, 32, dtype=torch.int64)
    labels[0, :16] = labels[0, 30, 0] = labels[1, 30, 0] = LABELS.index("hair")
    clean = region_mask(labels, "hair", specks=False)
    assert clean[:, 0, 30, 0].tolist() == [0, 1]


def test_an_absent_region_gives_an_empty_mask_even_when_grown():
    mask = region_mask(torch.zeros(2, 8, 8, dtype=torch.int64), "hat", grow=3)
    assert mask.shape == (2, 1, 8, 8)
    assert not mask.any()


def slow_distance(target: torch.Tensor, limit: int) -> torch.Tensor:
    height, width = target.shape[-2:]
    points = target[0, 0].nonzero().double()
    grid = torch.stack(torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij"), -1).double()
    if len(points) == 0:
        return torch.full((height, width), limit + 1.0)
    return torch.cdist(grid.view(-1, 2), points).amin(1).view(height, width).clamp(max=limit + 1).float()


@given(st.integers(0, 10**6), st.integers(1, 20), st.integers(1, 20), st.integers(0, 30))
@settings(max_examples=60, deadline=None)
def test_distance_agrees_with_the_distance_to_every_point(seed, height, width, limit):
    target = random_mask(seed, height, width, share=0.05) > 0
    torch.testing.assert_close(distance_to(target, limit)[0, 0], slow_distance(target, limit))


@given(st.integers(0, 10**6), st.integers(1, 30), st.integers(1, 30), st.integers(0, 6))
@settings(max_examples=40, deadline=None)
def test_growing_only_adds_and_shrinking_only_removes(seed, height, width, pixels):
    mask = random_mask(seed, height, width)
    assert (grow_mask(mask, pixels) >= mask).all()
    assert (grow_mask(mask, -pixels) <= mask).all()
    assert torch.equal(grow_mask(1 - mask, pixels), 1 - grow_mask(mask, -pixels))


def test_growing_by_nothing_changes_nothing():
    mask = random_mask(3, 17, 9)
    assert torch.equal(grow_mask(mask, 0), mask)


def test_a_point_grows_to_a_disk():
    mask = torch.zeros(1, 1, 11, 11)
    mask[..., 5, 5] = 1
    disk = grow_mask(mask, 4)[0, 0]
    y, x = torch.meshgrid(torch.arange(11) - 5, torch.arange(11) - 5, indexing="ij")
    assert torch.equal(disk, (x**2 + y**2 <= 16).float())


def test_shrinking_does_not_eat_from_the_border_of_the_picture():
    assert grow_mask(torch.ones(1, 1, 9, 9), -3).all()


def test_smoothing_takes_bumps_and_fills_dents():
    mask = torch.zeros(1, 1, 60, 60)
    mask[..., 20:40, 20:40] = 1
    ragged = mask.clone()
    ragged[..., 18:20, 30] = 1
    ragged[..., 38:40, 25] = 0
    smooth = smooth_mask(ragged, 3)
    assert not smooth[..., 18, 30].any()
    assert smooth[..., 38, 25].all()
    assert (smooth != mask).sum() < 40


def test_smoothing_by_less_than_nothing_is_refused():
    with pytest.raises(InputError, match="got -1"):
        smooth_mask(torch.ones(1, 1, 30, 30), -1)


def test_smoothing_by_nothing_returns_the_bits_and_whole_masks_stay_whole():
    mask = (torch.rand(1, 1, 30, 30, generator=torch.Generator().manual_seed(0)) > 0.5).float()
    assert smooth_mask(mask, 0) is mask
    assert smooth_mask(torch.ones(1, 1, 30, 30), 5).all()


def ring(side: int = 12) -> torch.Tensor:
    """A square ring of white pixels."""
    mask = torch.zeros(1, 1, side, side)
    mask[..., 2:-2, 2:-2] = 1
    mask[..., 4:-4, 4:-4] = 0
    return mask


def test_a_hole_is_filled_and_all_around_it_stays():
    mask = ring()
    filled = without_holes(mask)
    assert filled[..., 2:-2, 2:-2].all()
    assert torch.equal(filled.sum(), torch.tensor(64.0))


def test_a_soft_hole_is_filled_and_a_soft_outline_stays():
    mask = ring()
    mask[..., 4, 4:-4], mask[..., 1, :] = 0.5, 0.5
    filled = without_holes(mask)
    assert filled[..., 4, 4:-4].all()
    assert torch.equal(filled[..., 1, :], mask[..., 1, :])


def test_what_is_open_to_the_border_is_no_hole():
    mask = ring()
    mask[..., 5, 8:] = 0
    assert torch.equal(without_holes(mask), mask)


def test_a_passage_with_many_turns_leads_out():
    mask = torch.ones(1, 1, 9, 9)
    mask[..., 1::2, 1:-1] = 0
    for row in range(2, 8, 2):
        mask[..., row, 1 if row % 4 else 7] = 0
    mask[..., 8, 7] = 0
    assert torch.equal(without_holes(mask), mask)


def test_holes_of_a_batch_are_filled_each_in_its_own_mask():
    masks = torch.cat([ring(), torch.zeros(1, 1, 12, 12)])
    assert torch.equal(without_holes(masks), torch.cat([without_holes(ring()), masks[1:]]))
