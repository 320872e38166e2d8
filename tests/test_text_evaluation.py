"""Judging text edits: which texts a face follows, what counts as success, and retrieval."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from facemug_core.editing.clip import words_of
from facemug_core.evaluation.suites.text import PROMPTS, UNITS, Retrieval, Text
from facemug_core.evaluation.trials import Case
from facemug_core.training.captions import vocabulary
from facemug_core.training.stages.clip import JUDGED

ENDS = {"same_cosine": 1.0, "different_cosine": 0.5}


def test_every_text_has_a_measurement_and_is_made_of_words_that_the_model_knows() -> None:
    assert len(PROMPTS) == 20
    assert all(prompt.measured in UNITS for prompt in PROMPTS)
    assert {word for prompt in PROMPTS for word in words_of(prompt.text)} <= set(vocabulary())


def test_ten_faces_search_for_every_text_once_and_move_along_each_twice() -> None:
    asked = Counter((mode, prompt.text) for number in range(10) for mode, prompt in Text().asked(number))
    for prompt in PROMPTS:
        assert asked["optimize", prompt.text] == 1
        assert asked["direction", prompt.text] == 2


def test_success_is_told_by_way_and_identity_of_both_together() -> None:
    found = [
        Case("", "text", 0.0, ENDS | {"optimize.a": 1.0, "direction.a": 0.0, "cosine.optimize.a": 0.75}, {}),
        Case("", "text", 0.0, ENDS | {"optimize.b": 1.0, "direction.b": 1.0, "cosine.direction.b": 1.0}, {}),
    ]
    assert Text().summary(found) == {
        "text.success.optimize": 1.0,
        "text.success.direction": 0.5,
        "text.identity": pytest.approx(0.75),
    }


def test_retrieval_is_the_share_of_captions_whose_nearest_face_is_their_own() -> None:
    views = np.eye(JUDGED, dtype=np.float32)
    cases = []
    for i in range(JUDGED):
        told = views[i] if i < JUDGED / 2 else views[0]
        arrays = {
            "view": views[i], "texts": np.stack([told, -told]), "levels": np.array([i, 0]),
            "asserts": np.array([[i, 0], [-1, 0]]),
        }  # fmt: skip
        cases.append(Case("", "text", 0.0, {}, {}, arrays))
    assert Retrieval().summary(cases) == {"text.retrieval_at_1": 0.5}
    assert "needs 100" in str(Retrieval().summary(cases[:5])["text.retrieval_at_1"])
