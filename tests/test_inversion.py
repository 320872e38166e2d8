"""Inversion: descent of codes towards a photo."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from facemug_core.batches import Interrupted
from facemug_core.conditions import Conditions, one_hot, whole_photo
from facemug_core.conventions import LABELS
from facemug_core.editing.inversion import BOUND, Goal, descend
from facemug_core.errors import WeightsMissingError
from facemug_core.model import FaceMug
from facemug_core.networks.inverter import Inverter
from facemug_core.training.visibility import descent_steps

from .tiny import edited, random_conditions, style_codes, tiny_inverter, tiny_model

NO_BACKGROUND = torch.zeros(1, 1, 64, 64)
UPPER_BACKGROUND = NO_BACKGROUND.clone()
UPPER_BACKGROUND[..., :32, :] = 1


@pytest.fixture(scope="module")
def model() -> FaceMug:
    # Not seed 0: the library draws random faces from it, and they would be the weights' own numbers.
    model = tiny_model(seed=1)
    return replace(model, inverter=tiny_inverter(model))


def bold(model: FaceMug, factor: float) -> FaceMug:
    """The model with longer steps of descent: untrained networks hardly tell one face from another."""
    able = model.inverter
    assert able is not None
    return replace(
        model, inverter=Inverter(able.head, able.perceptual, able.part_reader, factor * able.steps)
    )


@torch.no_grad()
def distances(model: FaceMug, goal: Goal, codes: torch.Tensor) -> torch.Tensor:
    assert model.inverter is not None
    return goal.distances(model.inverter.head.picture(model.bank, codes))


def goal_of(model: FaceMug, conditions: Conditions, background: torch.Tensor | None = None) -> Goal:
    """Without a background of its own, that which the model reads off the photo."""
    assert model.inverter is not None
    assert model.photo_parts is not None
    read = model.photo_parts(conditions.masked_image)[:, :1]
    return Goal(model.inverter, conditions, read if background is None else background)


def contradicting() -> Conditions:
    """Dark hair by the map, red by the colors, strokes of noise, beside a photo of noise."""
    conditions = random_conditions()
    red = torch.tensor([1.0, -1.0, -1.0])[None, :, None, None].expand(1, 3, 256, 256)
    return Conditions.build(
        image=conditions.image,
        mask=conditions.mask,
        sketch=conditions.sketch,
        semantic=one_hot(torch.full((1, 256, 256), LABELS.index("hair"))),
        color=red,
    )


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


@pytest.mark.parametrize("guide", ["semantic", "sketch", "color"])
def test_hidden_parts_come_nearer_to_each_guide(model: FaceMug, guide: str) -> None:
    hair = one_hot(torch.full((1, 256, 256), LABELS.index("hair")))
    red = torch.tensor([1.0, -1.0, -1.0])[None, :, None, None].expand(1, 3, 256, 256)
    guides = {"semantic": hair, "sketch": random_conditions().sketch, "color": red}
    conditions = Conditions.build(
        image=torch.zeros(1, 3, 256, 256), mask=torch.ones(1, 1, 256, 256), **{guide: guides[guide]}
    )
    able, start = bold(model, 100), model.random_codes([0])
    goal = goal_of(model, conditions)
    found = [distances(model, goal, able.invert(start, conditions, steps)).item() for steps in (0, 2, 4)]
    assert found[0] > found[1] >= found[2]


@pytest.mark.parametrize("guide", ["sketch", "color"])
def test_each_guide_steers_the_codes_beside_a_photo(model: FaceMug, guide: str) -> None:
    codes, conditions = model.random_codes([0]), random_conditions()
    without = replace(conditions, **{guide: torch.zeros_like(getattr(conditions, guide))})
    if guide == "color":
        without = replace(without, color_weight=torch.zeros_like(conditions.color_weight))
    found = model.invert(codes, conditions, steps=2)
    assert not torch.equal(found, model.invert(codes, without, steps=2))


@settings(max_examples=8, deadline=None)
@given(st.floats(0, 6), st.integers(0, 100))
def test_codes_are_never_farther_from_the_goal_than_at_the_start(
    model: FaceMug, exponent: float, seed: int
) -> None:
    """However long the steps are: those that lead away are taken back."""
    conditions, start = contradicting(), model.random_codes([seed])
    found = bold(model, 10**exponent).invert(start, conditions, steps=2)
    goal = goal_of(model, conditions)
    assert distances(model, goal, found) <= distances(model, goal, start)


def test_a_step_that_leads_away_is_taken_back_and_the_next_one_is_shorter(model: FaceMug) -> None:
    assert model.inverter is not None
    drawn = []

    def draw(codes: torch.Tensor) -> torch.Tensor:
        drawn.append(codes.detach())
        return model.inverter.head.picture(model.bank, codes)

    start, conditions = model.random_codes([0]), whole_photo(random_conditions().image)
    goal = goal_of(model, conditions, NO_BACKGROUND)
    descend(draw, start, 3000 * model.inverter.steps, goal, 3, lambda codes: codes)
    first, second = ((codes - start).norm() for codes in drawn[1:3])
    assert distances(model, goal, drawn[1]) > distances(model, goal, start)
    torch.testing.assert_close(second, first / 2)
    alone = descend(draw, start, 3000 * model.inverter.steps, goal, 1, lambda codes: codes)
    assert torch.equal(alone, start)


def test_codes_of_guides_that_contradict_each_other_stay_among_faces(model: FaceMug) -> None:
    conditions, start, able = contradicting(), model.random_codes([0]), bold(model, 3000)
    assert able.inverter is not None
    to_coordinates = torch.linalg.pinv(able.inverter.steps).T
    z = torch.randn(1024, 512, generator=torch.Generator().manual_seed(7))
    spread = (model.mapping(z) @ to_coordinates).std(0)

    def far(codes: torch.Tensor) -> float:
        apart = (codes - model.mapping.mean_code) @ to_coordinates / spread
        return apart.norm(dim=-1).max().item()

    drawn = []
    goal = goal_of(model, conditions)

    def draw(codes: torch.Tensor) -> torch.Tensor:
        drawn.append(far(codes.detach()))
        return able.inverter.head.picture(able.bank, codes)

    descend(draw, start, able.inverter.steps, goal, 3, lambda codes: codes)
    assert max(drawn) > 2 * BOUND
    drawn.clear()
    descend(draw, start, able.inverter.steps, goal, 3, able._bounded)
    assert max(drawn) < 1.1 * BOUND
    assert far(able.invert(start, conditions, steps=3)) < 1.1 * BOUND


def test_codes_within_the_bound_keep_their_bits(model: FaceMug) -> None:
    codes = model.random_codes([0, 1], psi=0.5)
    assert torch.equal(model._bounded(codes), model.mapping.mean_code + (codes - model.mapping.mean_code))


def test_the_colors_of_the_background_do_not_count(model: FaceMug) -> None:
    conditions, codes = whole_photo(random_conditions().image), model.random_codes([0])
    other = replace(conditions, image=conditions.image.clone())
    other.image[..., :124, :] = 0.7
    here, there = (distances(model, goal_of(model, x, UPPER_BACKGROUND), codes) for x in (conditions, other))
    assert torch.equal(here, there)


def test_the_place_of_the_background_counts(model: FaceMug) -> None:
    conditions, codes = whole_photo(torch.zeros(1, 3, 256, 256)), model.random_codes([0])
    upper, lower = UPPER_BACKGROUND, UPPER_BACKGROUND.flip(2)
    both = [goal_of(model, conditions, background) for background in (upper, lower)]
    assert distances(model, both[0], codes) != distances(model, both[1], codes)


def test_a_fit_of_no_steps_returns_the_codes_bits(model: FaceMug) -> None:
    codes = model.random_codes([0])
    assert torch.equal(style_codes(model, random_conditions(), codes=codes, fit=0), codes)


def test_codes_of_another_source_come_nearer_to_the_photo_by_a_fit(model: FaceMug) -> None:
    conditions, codes = random_conditions(), model.random_codes([0])
    fitted = style_codes(model, conditions, codes=codes, fit=2)
    goal = goal_of(model, conditions)
    assert distances(model, goal, fitted) < distances(model, goal, codes)


def test_codes_of_the_photo_are_not_fitted_again(model: FaceMug) -> None:
    plain, fitted = (style_codes(model, random_conditions(), style="projected", fit=n) for n in (0, 2))
    assert torch.equal(plain, fitted)


def test_each_of_many_random_styles_is_fitted_as_if_it_were_alone(model: FaceMug) -> None:
    conditions = random_conditions()
    codes = style_codes(model, conditions, style="random", seeds=(3, 4), fit=0)
    fitted = style_codes(model, conditions, style="random", seeds=(3, 4), fit=2)
    for i in range(2):
        assert torch.equal(fitted[i : i + 1], model.invert(codes[i : i + 1], conditions, steps=2))
    torch.testing.assert_close(fitted[1:], style_codes(model, conditions, style="random", seeds=(4,), fit=2))


def test_the_order_of_a_batch_does_not_matter(model: FaceMug) -> None:
    codes, conditions = model.random_codes([0, 1]), random_conditions(batch=2)
    swapped = Conditions.cat([conditions[1:], conditions[:1]])
    there = model.invert(codes.flip(0), swapped, steps=2)
    torch.testing.assert_close(there.flip(0), model.invert(codes, conditions, steps=2), atol=1e-4, rtol=0)


def test_without_weights_for_it_no_fit_is_made_by_default() -> None:
    model, conditions = tiny_model(), random_conditions()
    codes = model.random_codes([0])
    assert torch.equal(style_codes(model, conditions, codes=codes, fit=None), codes)


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
    plain, _ = edited(model, conditions)
    inverted, _ = edited(model, conditions, inversion=1)
    kept = conditions.mask.expand_as(inverted) == 0
    assert torch.equal(inverted[kept], conditions.image[kept])
    assert not torch.equal(inverted, plain)


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
