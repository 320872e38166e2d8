"""Styles of another source than the photo are fitted to it: nodes, command, frames."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from facemug_core.cli.commands import parse
from facemug_core.errors import ShapeError
from facemug_core.evaluation.trials import Trial
from facemug_core.latents import Latent
from facemug_core.model import FaceMug
from facemug_core.pipeline.editor import EditRequest
from facemug_core.pipeline.style import FIT_STEPS, NO_INVERSION, StylePlan, styled
from facemug_core.pipeline.video import Video

from .nodes.running import NODES, center_mask, loading, photo, run
from .tiny import random_conditions, style_codes, tiny_inverter, tiny_model


@pytest.fixture(scope="module")
def network() -> FaceMug:
    model = tiny_model()
    return replace(model, inverter=tiny_inverter(model))


@pytest.fixture(scope="module")
def model(network: FaceMug) -> Any:
    return loading.HostedEditor(network)


# --- the node -----------------------------------------------------------------------------------------------


def test_the_node_fits_as_the_library_does(model: Any, network: FaceMug) -> None:
    conditions, codes = random_conditions(), network.random_codes([1])
    (fitted,) = run("FitLatent", model=model, conditions=conditions, latent=codes, steps=2)
    assert torch.equal(fitted, style_codes(network, conditions, codes=codes, fit=2))
    assert not torch.equal(fitted, codes)


def test_the_node_takes_the_models_steps_by_default() -> None:
    steps = next(one for one in NODES["FACEMUG_FitLatent"].GET_SCHEMA().inputs if one.id == "steps")
    assert steps.default == FIT_STEPS


def test_no_steps_leave_the_bits_of_a_latent(model: Any, network: FaceMug) -> None:
    codes = network.random_codes([1])
    (same,) = run("FitLatent", model=model, conditions=random_conditions(), latent=codes, steps=0)
    assert torch.equal(same, codes)


def test_each_latent_of_a_batch_has_the_bits_that_it_has_alone(model: Any, network: FaceMug) -> None:
    codes, conditions = network.random_codes([1, 2]), random_conditions()
    (both,) = run("FitLatent", model=model, conditions=conditions, latent=codes, steps=1)
    (second,) = run("FitLatent", model=model, conditions=conditions, latent=codes[1:], steps=1)
    assert torch.equal(both[1:], second)


def test_one_latent_serves_all_faces(model: Any, network: FaceMug) -> None:
    conditions = random_conditions(batch=2)
    (fitted,) = run(
        "FitLatent", model=model, conditions=conditions, latent=network.random_codes([1]), steps=1
    )
    assert len(fitted) == 2


def test_latents_that_do_not_fit_the_faces_are_refused_with_both_numbers(
    model: Any, network: FaceMug
) -> None:
    with pytest.raises(ShapeError, match="conditions is 2 and that of the latent is 3"):
        run(
            "FitLatent", model=model, conditions=random_conditions(batch=2),
            latent=network.random_codes([1, 2, 3]),
        )  # fmt: skip


def test_a_latent_of_another_shape_is_refused(model: Any) -> None:
    with pytest.raises(ShapeError):
        run("FitLatent", model=model, conditions=random_conditions(), latent=torch.zeros(1, 14, 512))


def test_a_model_without_weights_for_inversion_warns_and_gives_the_latent_as_it_is(caplog: Any) -> None:
    bare = tiny_model()
    codes = bare.random_codes([1])
    (same,) = run("FitLatent", model=loading.HostedEditor(bare), conditions=random_conditions(), latent=codes)
    assert torch.equal(same, codes)
    assert "no weights for inversion" in caplog.text


# --- the one node -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("given", "steps"), [({}, 0), ({"fit_steps": 2}, 2), ({"fit_steps": 0}, 0)])
def test_the_one_node_fits_a_latent_by_its_steps(
    model: Any, network: FaceMug, given: dict[str, int], steps: int
) -> None:
    pictures, mask, codes = photo(), center_mask(), network.random_codes([1])
    used = run("Edit", model=model, image=pictures, mask=mask, aligned=True, latent=codes, **given)[2]
    faces = run("DetectFaces", model=model, image=pictures, aligned=True)[0]
    (conditions,) = run("Conditions", faces=faces, mask=mask)
    (fitted,) = run("FitLatent", model=model, conditions=conditions, latent=codes, steps=steps)
    assert torch.equal(used, fitted)


def test_a_new_face_is_not_fitted(model: Any, network: FaceMug) -> None:
    codes = network.random_codes([1])
    (sketch, *_) = run("Sketch", source="photo", image=photo())
    assert torch.equal(run("Edit", model=model, sketch=sketch, latent=codes)[2], codes)


# --- the command --------------------------------------------------------------------------------------------


def parsed(latent: Path, *more: str) -> Any:
    command = ["edit", "photo.jpg", "--region", "hair", "--latent", str(latent), *more]
    return parse(command)[1]


@pytest.mark.parametrize(("more", "fit"), [([], None), (["--fit", "0"], 0), (["--fit", "9"], 9)])
def test_the_command_takes_the_steps_of_the_fit(more: list[str], fit: int | None) -> None:
    assert parsed(Path("anna.safetensors"), *more).fit == fit


# --- recipes ------------------------------------------------------------------------------------------------


@pytest.fixture
def anna(network: FaceMug) -> Latent:
    return Latent(network.random_codes([1]), "light").then(network.random_codes([2]), "mix")


def test_a_fit_is_undone_to_the_bits_of_the_latent_that_was_given(anna: Latent, network: FaceMug) -> None:
    fitted = styled(network, random_conditions(), StylePlan(latent=anna, fit=3)).latent
    assert fitted.recipe == (*anna.recipe, {"operation": "fit", "steps": 3})
    assert torch.equal(fitted.undone().codes, anna.codes)
    assert not torch.equal(fitted.codes, anna.codes)


def test_a_fit_after_mixing_is_a_step_of_its_own(anna: Latent, network: FaceMug) -> None:
    asked = StylePlan(latent=anna, style_mix=0.5, seeds=[4])
    mixed = styled(network, random_conditions(), asked).latent
    assert [step["operation"] for step in mixed.recipe] == ["mix", "interpolate"]
    fitted = styled(network, random_conditions(), replace(asked, fit=5)).latent
    assert [step["operation"] for step in fitted.recipe] == ["mix", "interpolate", "fit"]
    assert fitted.recipe[2]["steps"] == 5
    assert torch.equal(fitted.undone().codes, mixed.codes)


def test_a_latent_that_was_not_fitted_keeps_its_recipe(anna: Latent, network: FaceMug) -> None:
    assert styled(network, random_conditions(), StylePlan(latent=anna, fit=0)).latent.recipe == anna.recipe


def test_new_codes_begin_a_recipe(network: FaceMug) -> None:
    plan = StylePlan("random", style_mix=0.5, fit=1)
    assert styled(network, random_conditions(), plan).latent.recipe == ()


def test_steps_that_a_model_cannot_do_are_left_out_and_named() -> None:
    bare, conditions = tiny_model(), random_conditions()
    asked, plain = (styled(bare, conditions, StylePlan("exemplar", inversion=n, fit=n), conditions.image)
                    for n in (3, 0))  # fmt: skip
    assert torch.equal(asked.latent.codes, plain.latent.codes)
    assert asked.notices.count(NO_INVERSION) == 1
    assert NO_INVERSION not in plain.notices


def test_the_style_of_a_video_is_not_fitted_to_each_frame() -> None:
    video = Video({0: []}, {0: torch.zeros(1, 18, 512).numpy()})
    assert video.request(0, EditRequest(fit=4)).fit == 0


# --- evaluation ---------------------------------------------------------------------------------------------


def test_evaluation_judges_the_codes_that_an_edit_has(network: FaceMug, monkeypatch: Any) -> None:
    monkeypatch.setattr("facemug_core.evaluation.trials.FIT_STEPS", 1)
    trial = Trial(network, None, None)  # type: ignore[arg-type]
    conditions, codes = random_conditions(), network.random_codes([1])
    assert torch.equal(trial.fitted(codes, conditions), style_codes(network, conditions, codes=codes, fit=1))
