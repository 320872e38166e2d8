"""One-hot labels, display colors and the two numberings of classes."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from facemug_core.conditions import from_celebamask, labels_to_palette, one_hot, palette_to_labels
from facemug_core.conditions.semantic import check_labels
from facemug_core.conventions import CELEBAMASK_TO_LABELS, LABELS, NUM_LABELS, PALETTE
from facemug_core.errors import InputError

CELEBAMASK = (
    "background", "skin", "nose", "eye_g", "l_eye", "r_eye", "l_brow", "r_brow", "l_ear", "r_ear", "mouth",
    "u_lip", "l_lip", "hair", "hat", "ear_r", "neck_l", "neck", "cloth",
)  # fmt: skip
"""Class names in CelebAMask-HQ's order."""

label_maps = st.lists(st.integers(-1, NUM_LABELS - 1), min_size=12, max_size=12).map(
    lambda ids: torch.tensor(ids).view(1, 3, 4)
)


@given(label_maps)
def test_one_hot_is_undone_by_its_largest_channel_and_empty_where_unknown(labels):
    hot = one_hot(labels)
    assert hot.shape == (1, NUM_LABELS, 3, 4)
    assert hot.dtype == torch.float32
    assert torch.equal(hot.sum(1), (labels >= 0).float())
    assert torch.equal(torch.where(hot.any(1), hot.argmax(1), -1), labels)


@given(label_maps)
def test_display_colors_lead_back_to_the_labels(labels):
    colors = labels_to_palette(labels)
    assert colors.shape == (1, 3, 4, 3)
    assert colors.dtype == torch.uint8
    assert torch.equal(palette_to_labels(colors), labels)


def test_any_id_below_zero_is_unknown():
    labels = torch.tensor([[[-7, -1]]])
    assert not one_hot(labels).any()
    assert not labels_to_palette(labels).any()
    assert (from_celebamask(labels) == -1).all()


def test_display_colors_differ_from_each_other_and_from_unknown():
    assert len({(0, 0, 0), *PALETTE}) == NUM_LABELS + 1


def test_unknown_colors_are_named_most_frequent_first():
    colors = torch.zeros(1, 2, 4, 3, dtype=torch.uint8)
    colors[0, 0, :3] = torch.tensor([1, 2, 3], dtype=torch.uint8)
    colors[0, 1, 0] = torch.tensor([9, 9, 9], dtype=torch.uint8)
    with pytest.raises(InputError, match=r"RGB\(1, 2, 3\) \(3 pixels\), RGB\(9, 9, 9\) \(1 pixels\)\."):
        palette_to_labels(colors)


def test_many_unknown_colors_are_counted():
    colors = torch.arange(1, 31, dtype=torch.uint8).view(1, 2, 5, 3)
    with pytest.raises(InputError, match="and 7 more"):
        palette_to_labels(colors)


def test_the_numbering_of_celebamask_is_a_permutation():
    assert sorted(CELEBAMASK_TO_LABELS) == list(range(NUM_LABELS))


def test_each_class_of_celebamask_becomes_the_class_of_the_same_name():
    ours = from_celebamask(torch.arange(NUM_LABELS).view(1, 1, -1)).flatten()
    assert tuple(LABELS[label] for label in ours) == CELEBAMASK


def test_an_id_without_a_class_is_refused_with_its_number():
    check_labels(torch.tensor([[[-1, 18]]]))
    with pytest.raises(InputError, match="label 19"):
        check_labels(torch.tensor([[[3, 19]]]))
