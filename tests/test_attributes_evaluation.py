"""Judging a direction: the keys, from faces whose measurements are known."""

from __future__ import annotations

import numpy as np
import pytest
import torch

pytest.importorskip("scipy")

from facemug_core.editing.directions import Linear
from facemug_core.editing.measuring import ATTRIBUTES
from facemug_core.evaluation.attributes import IdentityScale, Look, judge_direction, meets_bars

SCALE = IdentityScale(same=1.0, different=0.0)
SOURCES = {f"{name}.{source}" for name, a in ATTRIBUTES.items() for source in (a.finder, a.judge) if source}
DEVIATIONS = dict.fromkeys(SOURCES, 2.0)
FACES = [torch.zeros(1, 18, 512)] * 3
UP = Linear(torch.ones(512))


def world(**slopes: float):
    """Faces whose measurements grow by these slopes along `UP`; all others stay."""

    def look(codes: torch.Tensor) -> Look:
        at = float(codes.mean())
        reading = {source: slopes.get(source.partition(".")[0], 0.0) * at for source in SOURCES}
        return Look(reading, np.array([1.0, 0.0], np.float32))

    return look


def test_effect_is_the_change_from_end_to_end_in_deviations() -> None:
    keys = judge_direction("smile", UP, FACES, world(smile=3.0), DEVIATIONS, SCALE)
    assert keys["effect"] == pytest.approx(3.0)
    assert keys["monotone"] == pytest.approx(1.0)
    assert keys["leak"] == 0


def test_leak_is_the_mean_of_all_others_next_to_the_effect() -> None:
    keys = judge_direction("smile", UP, FACES, world(smile=3.0, age=-3.0), DEVIATIONS, SCALE)
    assert keys["leak"] == pytest.approx(1 / (len(ATTRIBUTES) - 1))
    assert keys["side.age"] == pytest.approx(-3.0)


def test_second_source_makes_a_judge_independent() -> None:
    independent = judge_direction("smile", UP, FACES, world(smile=3.0), DEVIATIONS, SCALE)
    alone = judge_direction("fringe", UP, FACES, world(fringe=3.0), DEVIATIONS, SCALE)
    assert (independent["independent"], alone["independent"]) == (1, 0)


def test_wrong_way_round_misses_the_bars() -> None:
    keys = judge_direction("smile", UP, FACES, world(smile=-3.0), DEVIATIONS, SCALE)
    assert keys["effect"] == pytest.approx(-3.0)
    assert not meets_bars("smile", keys)


def test_faces_that_are_lost_on_the_way_are_left_out() -> None:
    def look(codes: torch.Tensor) -> Look | None:
        return world(smile=3.0)(codes) if float(codes.mean()) < 0.9 else None

    keys = judge_direction("smile", UP, [*FACES, FACES[0] - 1], look, DEVIATIONS, SCALE)
    assert keys["effect"] == pytest.approx(3.0)


def test_identity_is_one_for_the_same_face_and_zero_for_strangers() -> None:
    scale = IdentityScale(same=0.9, different=0.4)
    first = np.array([1.0, 0.0], np.float32)
    assert scale.score(first, np.array([0.9, np.sqrt(1 - 0.81)], np.float32)) == pytest.approx(1, abs=1e-5)
    assert scale.score(first, np.array([0.4, np.sqrt(1 - 0.16)], np.float32)) == pytest.approx(0, abs=1e-5)
