"""Batches: what fits together, and items whose results do not depend on the others."""

from __future__ import annotations

import pytest
import torch

from facemug_core.batches import common_batch, one_by_one
from facemug_core.conditions import Conditions
from facemug_core.errors import ShapeError
from facemug_core.networks.generator import Features

from .tiny import edited, random_conditions, tiny_model


@pytest.mark.parametrize(
    ("counts", "batch"), [({}, 1), ({"a": 1}, 1), ({"a": 1, "b": 3}, 3), ({"a": 3, "b": 3}, 3)]
)
def test_ones_are_repeated_to_the_common_batch(counts: dict[str, int], batch: int) -> None:
    assert common_batch(counts) == batch


def test_batches_that_do_not_fit_are_named_with_both_numbers() -> None:
    with pytest.raises(ShapeError, match=r"photos is 2 and that of the masks is 3"):
        common_batch({"photos": 2, "masks": 3, "styles": 1})


def test_each_item_meets_its_partner_and_single_ones_meet_all() -> None:
    numbers, one = torch.arange(3), torch.tensor([10])
    assert [int(x) for x in one_by_one(torch.add, {"numbers": numbers, "one": one})] == [10, 11, 12]


def test_progress_is_told_before_every_item_and_at_the_end() -> None:
    told: list[tuple[int, int]] = []
    one_by_one(torch.neg, {"numbers": torch.arange(2)}, lambda done, total: told.append((done, total)))
    assert told == [(0, 2), (1, 2), (2, 2)]


def test_conditions_and_features_cut_and_join_to_the_same_bits() -> None:
    conditions = random_conditions(batch=2)
    parts = [conditions[:1], conditions[1:]]
    assert torch.equal(Conditions.cat(parts).semantic, conditions.semantic)
    features = tiny_model().aggregate(conditions)
    joined = Features.cat([features[:1], features[1:]])
    assert torch.equal(joined.g, features.g)
    assert all(torch.equal(joined.encoded[r], features.encoded[r]) for r in features.encoded)


def test_one_style_serves_several_edits() -> None:
    model = tiny_model()
    features = model.aggregate(random_conditions(batch=2))
    assert model.generate(features, model.random_codes([1])).shape == (2, 3, 256, 256)


def test_lower_precision_keeps_the_kept_pixels_and_gives_float32() -> None:
    model, conditions = tiny_model(), random_conditions()
    exact = edited(model, conditions, style="random")[0]
    model.precision = torch.bfloat16
    rough = edited(model, conditions, style="random")[0]
    kept = (conditions.mask == 0).expand_as(rough)
    assert torch.equal(rough[kept], conditions.image[kept])
    assert rough.dtype == torch.float32
    assert not torch.equal(rough, exact)
    assert (rough - exact).abs().mean() < 0.05
