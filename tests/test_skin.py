"""Tone of a hidden face, predicted from neck and ears."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from facemug_core.compositing.skin import (
    FEWEST,
    USUAL_FACE,
    USUAL_SHADED,
    SkinTone,
    predicted_tone,
    shift_to,
)
from facemug_core.conventions import LABELS

SIDE = 96
HIDDEN = torch.zeros(1, 1, SIDE, SIDE)
HIDDEN[..., : SIDE // 2, :] = 1


def portrait(upper: str = "skin", lower: str = "neck") -> torch.Tensor:
    """Shares of the classes: one above, another below."""
    parts = torch.zeros(1, 19, SIDE, SIDE)
    parts[:, LABELS.index(upper), : SIDE // 2] = 1
    parts[:, LABELS.index(lower), SIDE // 2 :] = 1
    return parts


def plain(color: tuple[float, ...]) -> torch.Tensor:
    return torch.tensor(color)[None, :, None, None].expand(1, 3, SIDE, SIDE)


def test_a_usual_neck_asks_for_a_usual_face() -> None:
    found = predicted_tone(plain(USUAL_SHADED), HIDDEN, portrait())
    torch.testing.assert_close(found.tone.flatten(), torch.tensor(USUAL_FACE))
    assert found.weight > 0.9


def test_a_darker_neck_asks_for_a_darker_face() -> None:
    darker = plain(USUAL_SHADED) - 0.4
    found = predicted_tone(darker, HIDDEN, portrait())
    torch.testing.assert_close(found.tone.flatten(), torch.tensor(USUAL_FACE) - 0.2)


def test_a_face_that_is_visible_is_not_predicted() -> None:
    found = predicted_tone(plain(USUAL_SHADED), 1 - HIDDEN, portrait("skin", "neck"))
    assert found.weight < 0.15


def test_without_visible_neck_and_ears_nothing_is_predicted() -> None:
    assert predicted_tone(plain(USUAL_SHADED), HIDDEN, portrait("skin", "hair")).weight == 0


@settings(max_examples=10, deadline=None)
@given(st.tuples(*[st.floats(-1, 1)] * 3))
def test_hidden_pixels_do_not_count(color: tuple[float, float, float]) -> None:
    photo = plain(USUAL_SHADED)
    other = torch.where(HIDDEN > 0, plain(color), photo)
    one, two = (predicted_tone(x, HIDDEN, portrait()) for x in (photo, other))
    assert torch.equal(one.tone, two.tone)
    assert torch.equal(one.weight, two.weight)


def test_the_shift_leads_from_the_banks_face_to_the_goal() -> None:
    goal = SkinTone(torch.full((1, 3, 1, 1), 0.3), torch.ones(1, 1, 1, 1))
    found = shift_to(goal, plain((0.1, 0.2, 0.4)), portrait(), HIDDEN)
    torch.testing.assert_close(found.shift.flatten(), torch.tensor([0.2, 0.1, -0.1]))
    assert found.weight == 1


def test_a_face_of_few_pixels_is_not_shifted() -> None:
    goal = SkinTone(torch.full((1, 3, 1, 1), 0.3), torch.ones(1, 1, 1, 1))
    few = torch.zeros_like(HIDDEN)
    few.flatten()[: FEWEST - 1] = 1
    assert shift_to(goal, plain((0.0, 0.0, 0.0)), portrait(), few).weight == 0
