"""Judging sliders: what is seen of one face, and the keys, from faces whose measurements are known."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pytest
import torch

pytest.importorskip("scipy")

from facemug_core.checkpoints.faceres import faceres_heads_state
from facemug_core.editing.directions import Linear
from facemug_core.evaluation.attributes import DEVIATIONS, Observation, judge_face, meets_bars, observe_along
from facemug_core.evaluation.suites import SUITES
from facemug_core.evaluation.trials import Case
from facemug_core.networks.faceres import FaceResHeads

FACE = torch.zeros(1, 18, 512)
UP = Linear(torch.ones(512))
SAME = torch.tensor([1.0, 0.0])


def world(**slopes: float):
    """Faces whose measurements grow along `UP` by so many deviations."""

    def observe(codes: torch.Tensor, sources: Collection[str] = ()) -> Observation:
        at = float(codes.mean())
        reading = {
            source: slopes.get(source.partition(".")[0], 0.0) * at * deviation
            for source, deviation in DEVIATIONS.items()
        }
        return Observation(torch.zeros(1, 3, 256, 256), reading, SAME)

    return observe


def seen(name: str, observe, codes: torch.Tensor = FACE) -> dict[str, float]:
    observations = observe_along(name, UP, codes, observe(codes), observe)
    return {} if observations is None else judge_face(name, observations)


def keys(name: str, *faces: dict[str, float]) -> dict[str, float]:
    """What the report says about an attribute."""
    ends = {"same_cosine": 1.0, "different_cosine": 0.0}
    cases = [Case("", "", 0.0, ends | {f"{name}.{k}": v for k, v in face.items()}, {}) for face in faces]
    summary = SUITES["attributes"].summary(cases)
    prefix = f"attributes.{name}."
    return {key.removeprefix(prefix): value for key, value in summary.items() if key.startswith(prefix)}


def test_effect_is_the_change_from_end_to_end_in_deviations() -> None:
    found = keys("smile", seen("smile", world(smile=1.5)))
    assert found["effect"] == pytest.approx(3.0)
    assert found["monotone"] == pytest.approx(1.0)
    assert found["identity"] == pytest.approx(1.0)
    assert found["leak"] == 0
    assert meets_bars("smile", found)


def test_two_neighbors_in_the_wrong_order_just_meet_the_bar() -> None:
    turned = {-1.0: -1.0, -0.5: -0.5, 0.0: 0.0, 0.5: 1.0, 1.0: 0.9}
    straight = world(smile=1.5)

    def observe(codes: torch.Tensor, sources: Collection[str] = ()) -> Observation:
        return straight(torch.full_like(codes, turned[float(codes.mean())]), sources)

    found = keys("smile", seen("smile", observe))
    assert found["monotone"] == 0.9
    assert meets_bars("smile", found)


def test_leak_is_the_mean_size_of_mean_changes_next_to_the_effect() -> None:
    ages = seen("smile", world(smile=1.5, age=-1.5)), seen("smile", world(smile=1.5, age=1.5))
    assert keys("smile", ages[0])["leak"] == pytest.approx(1 / 20)
    assert keys("smile", *ages)["leak"] == pytest.approx(0)


def test_halfway_only_the_judge_looks() -> None:
    asked = []

    def observe(codes: torch.Tensor, sources: Collection[str] = ()) -> Observation:
        asked.append((float(codes.mean()), tuple(sources)))
        return world(smile=1.0)(codes)

    observe_along("smile", UP, FACE, observe(FACE), observe)
    assert (0.5, ("mesh",)) in asked


def test_second_source_makes_a_judge_independent() -> None:
    assert keys("smile", seen("smile", world(smile=1.5)))["independent"] == 1
    assert keys("fringe", seen("fringe", world(fringe=1.5)))["independent"] == 0


def test_wrong_way_round_misses_the_bars() -> None:
    found = keys("smile", seen("smile", world(smile=-1.5)))
    assert found["effect"] == pytest.approx(-3.0)
    assert not meets_bars("smile", found)


def test_faces_that_are_lost_on_the_way_are_left_out() -> None:
    def observe(codes: torch.Tensor, sources: Collection[str] = ()) -> Observation | None:
        return world(smile=1.5)(codes) if float(codes.mean()) < 1.5 else None

    lost = seen("smile", observe, FACE + 1)
    assert lost == {}
    assert keys("smile", seen("smile", observe), lost)["effect"] == pytest.approx(3.0)


def test_attributes_without_a_slider_say_so() -> None:
    assert keys("glasses", {})["effect"] == "no slider of this name ships"


def test_published_heads_fit_ours() -> None:
    generator = torch.Generator().manual_seed(0)
    tensors = {}
    for name, (inputs, outputs) in {
        "feats": (1024, 256),
        "age_pred": (256, 100),
        "gender_pred": (256, 1),
    }.items():
        tensors[f"{name}/kernel"] = torch.randn(inputs, outputs, generator=generator)
        tensors[f"{name}/bias"] = torch.randn(outputs, generator=generator)
    heads = FaceResHeads()
    heads.load_state_dict(faceres_heads_state(tensors))
    features = torch.rand(3, 1024, generator=generator)
    age, gender = heads(features)
    hidden = np.maximum(features.numpy() @ tensors["feats/kernel"].numpy() + tensors["feats/bias"].numpy(), 0)
    logit = hidden @ tensors["gender_pred/kernel"].numpy() + tensors["gender_pred/bias"].numpy()
    np.testing.assert_allclose(gender.numpy(force=True), logit[:, 0], rtol=1e-4)
    assert ((age >= 0) & (age <= 99)).all()
