"""Nodes that follow texts."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from facemug_core.editing.clip import load_clip
from facemug_core.editing.text import TextOptions, text_direction
from facemug_core.errors import DependencyError, WeightsMissingError

from ..text_models import open_clip, tiny_clip
from ..tiny import tiny_model
from .running import NODES, center_mask, features_of, host, latent_of, photo, run

FAR = {"text": "beard", "strength": 10.0, "closeness": 0.0, "steps": 4}
"""A search that leaves its start also with networks of random weights."""


def test_texts_are_followed_as_the_library_does(model: Any, clip: Any) -> None:
    latent, features = latent_of(model), features_of(model)
    found, curve = run("OptimizeText", model=model, clip=clip, features=features, latent=latent, **FAR)
    options = TextOptions(weight=10, latent_weight=0, steps=4)
    expected = tiny_model().optimize_text(features, latent, "beard", tiny_clip(), options)
    assert torch.equal(found, expected.codes)
    assert not torch.equal(found, latent)
    assert curve.shape == (1, 256, 512, 3)


def test_every_style_of_a_batch_is_searched_for_on_its_own(model: Any, clip: Any) -> None:
    latent = latent_of(model, 2)
    values = {"model": model, "clip": clip, "features": features_of(model), **FAR}
    found, curves = run("OptimizeText", latent=latent, **values)
    assert torch.equal(found[1:], run("OptimizeText", latent=latent[1:], **values)[0])
    assert curves.shape == (2, 256, 512, 3)


def test_a_text_without_strength_leaves_the_bits_of_a_style(model: Any, clip: Any) -> None:
    latent = latent_of(model)
    values = {"model": model, "clip": clip, "features": features_of(model), "text": "beard"}
    assert torch.equal(run("OptimizeText", latent=latent, strength=0.0, **values)[0], latent)


def test_a_text_changes_the_layers_that_it_may_and_no_others(model: Any, clip: Any) -> None:
    latent = latent_of(model)
    values = {"model": model, "clip": clip, "features": features_of(model), **FAR}
    found, _ = run("OptimizeText", latent=latent, keep_geometry=True, last_layer=11, **values)
    changed = (found != latent).any(2)[0]
    assert not changed[:8].any()
    assert changed[8:12].all()
    assert not changed[12:].any()


def test_a_search_shows_what_it_has_found(model: Any, clip: Any, monkeypatch: Any) -> None:
    shown: list[Any] = []
    monkeypatch.setattr(
        sys.modules["comfy.utils"].ProgressBar,
        "update_absolute",
        lambda self, value, total, preview=None: shown.append(preview),
    )
    values = {"model": model, "clip": clip, "features": features_of(model), "text": "beard", "steps": 2}
    run("OptimizeText", latent=latent_of(model), **values)
    kind, picture, _ = next(preview for preview in shown if preview is not None)
    assert kind == "JPEG"
    assert picture.size == (256, 256)


def test_a_search_stops_when_the_person_stops_the_run(model: Any, clip: Any) -> None:
    management = sys.modules["comfy.model_management"]
    values = {"model": model, "clip": clip, "features": features_of(model), "text": "beard"}
    latent = latent_of(model)
    management.interrupt_current_processing()
    with pytest.raises(management.InterruptProcessingException):
        run("OptimizeText", latent=latent, **values)


def test_a_text_becomes_a_direction_as_in_the_library(model: Any, folders: Path) -> None:
    (clip,) = run("LoadClip")
    (direction,) = run("TextDirection", clip=clip, text="blond hair")
    latent = latent_of(model)
    expected = text_direction(load_clip(), "blond hair").apply(latent, 0.5)
    assert torch.equal(run("ApplyDirection", latent=latent, direction=direction, amount=0.5)[0], expected)


@pytest.mark.parametrize("kind", ["clip_vision", "text_encoders"])
def test_text_image_models_are_looked_for_in_the_hosts_folders_too(
    kind: str, folders: Path, monkeypatch: Any
) -> None:
    open_clip()
    known = sys.modules["folder_paths"].folder_names_and_paths
    monkeypatch.setitem(known, kind, ([str(folders / kind)], set()))
    with pytest.raises(WeightsMissingError, match=kind):
        NODES["FACEMUG_LoadClip"].execute(name="ViT-B-32")


def test_without_open_clip_its_node_says_how_to_get_it(folders: Path, monkeypatch: Any) -> None:
    monkeypatch.setitem(sys.modules, "open_clip", None)
    with pytest.raises(DependencyError, match="pip install open_clip_torch"):
        NODES["FACEMUG_LoadClip"].execute(name="ViT-B-32")


def test_a_text_of_the_one_node_is_the_direction_of_the_small_model(model: Any, folders: Path) -> None:
    open_clip()
    job = {"model": model, "image": photo(), "mask": center_mask(), "aligned": True}
    (clip,) = run("LoadClip")
    (direction,) = run("TextDirection", clip=clip, text="blond hair")
    worded = run("Edit", **job, text=" blond hair ", text_strength=0.5)
    directed = run("Edit", **job, direction=direction, direction_amount=0.5)
    assert torch.equal(worded[0], directed[0])
    assert worded[2].facemug_latent.recipe[-1]["text"] == "blond hair"


@pytest.mark.parametrize("words", [{"text": " "}, {"text": "blond hair", "text_strength": 0.0}])
def test_no_text_or_one_without_strength_needs_no_text_model(
    words: dict[str, Any], model: Any, monkeypatch: Any
) -> None:
    monkeypatch.setitem(sys.modules, "open_clip", None)
    job = {"model": model, "image": photo(), "mask": center_mask(), "aligned": True}
    assert torch.equal(run("Edit", **job, **words)[0], run("Edit", **job)[0])


def test_words_that_the_small_model_does_not_know_are_told(
    model: Any, folders: Path, monkeypatch: Any
) -> None:
    open_clip()
    said: list[str] = []
    monkeypatch.setattr(host, "warn", said.append)
    run("TextDirection", clip=run("LoadClip")[0], text="purple hair")
    assert any("purple" in sentence for sentence in said)
