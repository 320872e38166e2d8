"""Inversion: descent of codes towards a photo."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from facemug_core.batches import Interrupted
from facemug_core.conditions import Conditions
from facemug_core.editing.inversion import Goal
from facemug_core.errors import WeightsMissingError
from facemug_core.model import INVERSION_STEPS, FaceMug
from facemug_core.training.visibility import descent_steps

from .tiny import random_conditions, tiny_inverter, tiny_model


@pytest.fixture(scope="module")
def model() -> FaceMug:
    return replace(tiny_model(), inverter=tiny_inverter())


def test_codes_come_nearer_to_the_photo_with_every_few_steps(model: FaceMug) -> None:
    assert model.inverter is not None
    assert model.picture_head is not None
    start, there = model.random_codes([0]), model.random_codes([1])
    with torch.no_grad():
        photo = model.picture_head.picture(model.bank, there)
        goal = Goal(model.inverter.perceptual, photo, torch.ones(1, 1, 256, 256))
        found = [model.invert(start, photo, steps=steps) for steps in (0, 3, 6)]
        distances = [goal.distance(model.picture_head.picture(model.bank, codes)).item() for codes in found]
    assert distances[0] > distances[1] > distances[2]


def test_no_steps_give_the_codes_own_bits(model: FaceMug) -> None:
    codes = model.random_codes([0])
    assert torch.equal(model.invert(codes, torch.zeros(1, 3, 256, 256), steps=0), codes)


def test_the_same_inputs_give_the_same_bits_and_stay_as_they_are(model: FaceMug) -> None:
    codes, photo = model.random_codes([0]), random_conditions().image
    before = codes.clone(), photo.clone()
    first = model.invert(codes, photo, steps=2)
    assert torch.equal(first, model.invert(codes, photo, steps=2))
    assert torch.equal(codes, before[0])
    assert torch.equal(photo, before[1])


def test_what_is_not_visible_does_not_count(model: FaceMug) -> None:
    conditions = random_conditions()
    codes, visible = model.random_codes([0]), 1 - conditions.mask
    other = torch.where(conditions.mask > 0, 0.5, conditions.image)
    found = model.invert(codes, conditions.image, visible, steps=2)
    assert torch.equal(found, model.invert(codes, other, visible, steps=2))


def test_where_nothing_is_visible_the_codes_keep_their_bits(model: FaceMug) -> None:
    codes, photo = model.random_codes([0]), random_conditions().image
    assert torch.equal(model.invert(codes, photo, torch.zeros(1, 1, 256, 256)), codes)


@pytest.mark.parametrize("guide", ["sketch", "semantic"])
def test_guides_of_shape_are_not_talked_out_of_the_codes_by_default(model: FaceMug, guide: str) -> None:
    told = random_conditions()
    alone = Conditions.build(image=told.image, mask=told.mask)
    guided = Conditions.build(image=told.image, mask=told.mask, **{guide: getattr(told, guide)})
    assert model.likeness_steps("projected", alone) == INVERSION_STEPS
    assert model.likeness_steps("projected", guided) == 0
    assert model.likeness_steps("exemplar", guided) == INVERSION_STEPS
    assert model.likeness_steps("projected", guided, 3) == 3


def test_a_batch_gives_what_its_faces_give_alone(model: FaceMug) -> None:
    codes, photos = model.random_codes([0, 1]), random_conditions(batch=2).image
    together = model.invert(codes, photos, steps=2)
    alone = [model.invert(codes[i : i + 1], photos[i : i + 1], steps=2) for i in range(2)]
    assert torch.allclose(together, torch.cat(alone), atol=1e-4)


def test_inversion_works_in_inference_mode(model: FaceMug) -> None:
    photo = random_conditions().image
    expected = model.invert(model.random_codes([0]), photo, steps=1)
    with torch.inference_mode():
        assert torch.equal(model.invert(model.random_codes([0]), photo, steps=1), expected)


def test_an_interrupted_descent_keeps_the_codes_so_far(model: FaceMug) -> None:
    def stop_after_one(done: int, total: int) -> None:
        if done == 1:
            raise Interrupted

    codes, photo = model.random_codes([0]), random_conditions().image
    stopped = model.invert(codes, photo, steps=5, progress=stop_after_one)
    assert torch.equal(stopped, model.invert(codes, photo, steps=1))


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
        model.invert(model.random_codes([0]), torch.zeros(1, 3, 256, 256))


def test_steps_make_distance_and_likelihood_equally_steep_in_all_directions() -> None:
    generator = torch.Generator().manual_seed(0)
    a, b = (torch.randn(12, 12, generator=generator, dtype=torch.double) for _ in range(2))
    visibility, covariance = a @ a.T, b @ b.T + torch.eye(12)
    steps = descent_steps(visibility, covariance, rank=12, prior=0.5)
    curvature = steps.T @ (visibility + 0.5 * torch.linalg.inv(covariance)) @ steps
    assert torch.allclose(curvature, torch.eye(12, dtype=torch.double))
