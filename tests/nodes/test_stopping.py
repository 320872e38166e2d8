"""Nodes that work through several things show how far they are, and stop when the person stops the run."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch

from facemug_core.editing.pose import STEPS
from facemug_core.editing.pose import Pose as HeadPose
from facemug_core.posing import Poser

from ..text_models import tiny_clip
from ..tiny import random_conditions, tiny_inverter, tiny_model
from .running import aligned, center_mask, features_of, latent_of, loading, photo, run, text_nodes

management = sys.modules["comfy.model_management"]
progress_bar = sys.modules["comfy.utils"].ProgressBar


@pytest.fixture(scope="module")
def model() -> Any:
    model = tiny_model()
    return loading.HostedEditor(replace(model, inverter=tiny_inverter(model)))


@pytest.fixture(autouse=True)
def _no_request_to_stop_is_left() -> Iterator[None]:
    yield
    management.interrupt_current_processing(False)


LARGE = 600
"""Side of a photo whose face is larger than the crops."""

ITEMS: dict[str, Callable[[Any], dict[str, Any]]] = {
    "Edit": lambda model: {"model": model, "image": photo(), "mask": center_mask(), "aligned": True},
    "DetectFaces": lambda model: {"model": model, "image": photo(), "aligned": True},
    "SemanticMap": lambda model: {"image": torch.zeros(2, 8, 8, 3)},
    "Sketch": lambda model: {"source": "photo", "image": photo(2)},
    "ColorMap": lambda model: {"source": "patches of a photo", "image": photo(2)},
    "Conditions": lambda model: {"faces": aligned(model, photo()), "mask": center_mask()},
    "ProjectConditions": lambda model: {"model": model, "conditions": random_conditions()},
    "Aggregate": lambda model: {"model": model, "conditions": random_conditions()},
    "Generate": lambda model: {"model": model, "features": features_of(model), "latent": latent_of(model)},
    "AddDetail": lambda model: {
        "model": model, "faces": aligned(model, photo(1, LARGE, LARGE)),
        "crops": torch.zeros(1, 256, 256, 3), "mask": center_mask(1, LARGE, LARGE),
    },
    "PasteFaces": lambda model: {
        "faces": aligned(model, photo()), "crops": torch.zeros(1, 256, 256, 3), "mask": center_mask(),
    },
}  # fmt: skip
"""Nodes that work through the items of a batch, and what each is given."""


@pytest.mark.parametrize("name", ITEMS)
def test_a_batch_stops_before_its_next_item(model: Any, name: str) -> None:
    values = ITEMS[name](model)
    management.interrupt_current_processing()
    with pytest.raises(management.InterruptProcessingException):
        run(name, **values)


SEARCHES: dict[str, tuple[int, Callable[[Any], dict[str, Any]]]] = {
    "EncodeExemplar": (
        3, lambda model: {"model": model, "faces": aligned(model, photo()), "inversion_steps": 3},
    ),
    "ProjectConditions": (
        3, lambda model: {"model": model, "conditions": random_conditions(), "inversion_steps": 3},
    ),
    "Edit": (3, lambda model: ITEMS["Edit"](model) | {"inversion_steps": 3}),
    "FitLatent": (
        3,
        lambda model: {
            "model": model, "conditions": random_conditions(), "latent": latent_of(model), "steps": 3,
        },
    ),
    "Pose": (STEPS, lambda model: {"model": model, "latent": latent_of(model), "yaw": 30.0}),
    "OptimizeText": (
        3,
        lambda model: ITEMS["Generate"](model) | {
            "clip": text_nodes.HostedClip(tiny_clip()), "text": "beard", "steps": 3,
        },
    ),
    "SweepDirection": (
        3,
        lambda model: {
            "latent": latent_of(model), "direction": run("LoadDirection", direction="smile")[0], "steps": 3,
        },
    ),
}  # fmt: skip
"""Nodes that take several steps for one item, how many, and what each is given."""


@pytest.mark.parametrize("name", SEARCHES)
def test_a_search_tells_of_every_step_and_stops_between_two(model: Any, name: str, monkeypatch: Any) -> None:
    monkeypatch.setattr(Poser, "read", lambda self, picture: HeadPose(10, -5))
    steps, given = SEARCHES[name]
    values, told = given(model), []

    def update(bar: Any, value: int, total: int, preview: Any = None) -> None:
        told.append((value, total))
        if (value, total) == (1, steps):
            management.interrupt_current_processing()

    monkeypatch.setattr(progress_bar, "update_absolute", update)
    with pytest.raises(management.InterruptProcessingException):
        run(name, **values)
    assert told[-1] == (1, steps)
