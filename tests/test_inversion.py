"""Inversion: descent of codes towards a photo."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest
import torch

from facemug_core.batches import Interrupted
from facemug_core.conditions import Conditions, one_hot, whole_photo
from facemug_core.conventions import LABELS
from facemug_core.editing.inversion import Goal
from facemug_core.errors import WeightsMissingError
from facemug_core.model import FaceMug
from facemug_core.networks.inverter import Inverter
from facemug_core.training.visibility import descent_steps

from .tiny import random_conditions, tiny_inverter, tiny_model

NO_BACKGROUND = torch.zeros(1, 1, 64, 64)


@pytest.fixture(scope="module")
def model() -> FaceMug:
    model = tiny_model()
    return replace(model, inverter=tiny_inverter(model))


def test_codes_come_nearer_to_the_photo_with_every_few_steps(model: FaceMug) -> None:
    assert model.inverter is not None
    head, start, there = model.inverter.head, model.random_codes([0]), model.random_codes([1])
    with torch.no_grad():
        photo = head.picture(model.bank, there)
        goal = Goal(model.inverter, whole_photo(photo), NO_BACKGROUND)
        found = [model.invert(start, whole_photo(photo), steps) for steps in (0, 3, 6)]
        distances = [goal.distances(head.picture(model.bank, codes)).item() for codes in found]
    assert distances[0] > distances[1] > distances[2]


def test_the_search_does_not_need_the_head_that_edits_draw_with(model: FaceMug) -> None:
    codes, conditions = model.random_codes([0]), random_conditions()
    without = replace(model, heads=None)
    assert torch.equal(without.invert(codes, conditions, steps=1), model.invert(codes, conditions, steps=1))


def test_no_steps_give_the_codes_own_bits(model: FaceMug) -> None:
    codes = model.random_codes([0])
    assert torch.equal(model.invert(codes, random_conditions(), steps=0), codes)


def test_the_same_inputs_give_the_same_bits_and_stay_as_they_are(model: FaceMug) -> None:
    codes, conditions = model.random_codes([0]), random_conditions()
    before = codes.clone(), conditions.cloned()
    first = model.invert(codes, conditions, steps=2)
    assert torch.equal(first, model.invert(codes, conditions, steps=2))
    assert torch.equal(codes, before[0])
    for field in fields(Conditions):
        assert torch.equal(getattr(conditions, field.name), getattr(before[1], field.name))


def test_what_is_not_visible_does_not_count(model: FaceMug) -> None:
    codes, conditions = model.random_codes([0]), random_conditions()
    other = replace(conditions, image=torch.where(conditions.mask > 0, 0.5, conditions.image))
    found = model.invert(codes, conditions, steps=2)
    assert torch.equal(found, model.invert(codes, other, steps=2))


def test_where_nothing_is_told_the_codes_keep_their_bits(model: FaceMug) -> None:
    codes, conditions = model.random_codes([0]), random_conditions()
    hidden = Conditions.build(image=conditions.image, mask=torch.ones(1, 1, 256, 256))
    assert torch.equal(model.invert(codes, hidden, steps=2), codes)


def test_hidden_parts_come_nearer_to_the_map_with_every_few_steps(model: FaceMug) -> None:
    assert model.inverter is not None
    hair = torch.full((1, 256, 256), LABELS.index("hair"))
    conditions = Conditions.build(
        image=torch.zeros(1, 3, 256, 256), mask=torch.ones(1, 1, 256, 256), semantic=one_hot(hair)
    )
    # Untrained networks hardly tell one face from another: it takes long steps.
    able = model.inverter
    inverter = Inverter(able.head, able.perceptual, able.part_reader, 500 * able.steps)
    bold, start = replace(model, inverter=inverter), model.random_codes([0])
    goal = Goal(inverter, conditions, NO_BACKGROUND)
    with torch.no_grad():
        found = [bold.invert(start, conditions, steps) for steps in (0, 2, 4)]
        distances = [goal.distances(able.head.picture(model.bank, codes)).item() for codes in found]
    assert distances[0] > distances[1] > distances[2]


def test_the_map_outside_the_mask_does_not_count(model: FaceMug) -> None:
    codes, conditions = model.random_codes([0]), random_conditions()
    inside = replace(conditions, semantic=conditions.semantic * conditions.mask)
    found = model.invert(codes, conditions, steps=2)
    assert torch.equal(found, model.invert(codes, inside, steps=2))
    unmapped = replace(conditions, semantic=torch.zeros_like(conditions.semantic))
    assert not torch.equal(found, model.invert(codes, unmapped, steps=2))


def test_a_batch_gives_what_its_faces_give_alone(model: FaceMug) -> None:
    codes, conditions = model.random_codes([0, 1]), random_conditions(batch=2)
    together = model.invert(codes, conditions, steps=2)
    alone = [model.invert(codes[i : i + 1], conditions[i : i + 1], steps=2) for i in range(2)]
    assert torch.allclose(together, torch.cat(alone), atol=1e-4)


def test_inversion_works_in_inference_mode(model: FaceMug) -> None:
    expected = model.invert(model.random_codes([0]), random_conditions(), steps=1)
    with torch.inference_mode():
        assert torch.equal(model.invert(model.random_codes([0]), random_conditions(), steps=1), expected)


def test_an_interrupted_descent_keeps_the_codes_so_far(model: FaceMug) -> None:
    def stop_after_one(done: int, total: int) -> None:
        if done == 1:
            raise Interrupted

    codes, conditions = model.random_codes([0]), random_conditions()
    stopped = model.invert(codes, conditions, steps=5, progress=stop_after_one)
    assert torch.equal(stopped, model.invert(codes, conditions, steps=1))


def test_an_edit_with_inversion_keeps_the_photos_pixels(model: FaceMug) -> None:
    conditions = random_conditions()
    plain, _ = model.edit(conditions)
    edited, _ = model.edit(conditions, inversion=1)
    kept = conditions.mask.expand_as(edited) == 0
    assert torch.equal(edited[kept], conditions.image[kept])
    assert not torch.equal(edited, plain)


def test_a_size_without_weights_for_it_says_so() -> None:
    model = tiny_model()
    with pytest.raises(WeightsMissingError, match="light_inverter"):
        model.invert(model.random_codes([0]), random_conditions())


def test_steps_make_distance_and_likelihood_equally_steep_in_all_directions() -> None:
    generator = torch.Generator().manual_seed(0)
    a, b = (torch.randn(12, 12, generator=generator, dtype=torch.double) for _ in range(2))
    visibility, covariance = a @ a.T, b @ b.T + torch.eye(12)
    steps = descent_steps(visibility, covariance, rank=12, prior=0.5)
    curvature = steps.T @ (visibility + 0.5 * torch.linalg.inv(covariance)) @ steps
    assert torch.allclose(curvature, torch.eye(12, dtype=torch.double))
