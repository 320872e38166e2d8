"""Text edits: the loss, the search for codes, and directions in one pass."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from facemug_core.batches import Interrupted
from facemug_core.editing.clip import Clip
from facemug_core.editing.relevance import load_relevance, measure_relevance, principal_steps, save_relevance
from facemug_core.editing.text import (
    LEAP,
    TextGoal,
    TextOptions,
    directional_loss,
    ramp,
    text_change,
    text_direction,
)
from facemug_core.errors import (
    CheckpointError,
    InputError,
    ShapeError,
    UnknownWordsWarning,
    WeightsMissingError,
)
from facemug_core.model import FaceMug
from facemug_core.networks.generator import Features

from .text_models import tiny_clip
from .tiny import edited, random_conditions, tiny_model

FEW = TextOptions(steps=4, learning_rate=0.1, latent_weight=0.0)


@pytest.fixture(scope="module")
def clip() -> Clip:
    return tiny_clip()


@pytest.fixture(scope="module")
def features(model: FaceMug) -> Features:
    return model.aggregate(random_conditions())


@pytest.fixture(scope="module")
def codes(model: FaceMug) -> Tensor:
    return model.random_codes([1])


def test_the_loss_falls_and_the_best_codes_are_kept(
    model: FaceMug, features: Features, codes: Tensor, clip: Clip
) -> None:
    edit = model.optimize_text(features, codes, "blond hair", clip, FEW)
    assert len(edit.curve) == 4
    assert edit.curve[edit.best] == min(edit.curve) < edit.curve[0]
    assert edit.codes.shape == codes.shape
    assert not torch.equal(edit.codes, codes)


def test_same_inputs_give_the_same_bits(
    model: FaceMug, features: Features, codes: Tensor, clip: Clip
) -> None:
    first, second = (model.optimize_text(features, codes, "old", clip, FEW) for _ in range(2))
    assert torch.equal(first.codes, second.codes)
    assert first.curve == second.curve


def test_inputs_and_global_random_state_stay(
    model: FaceMug, features: Features, codes: Tensor, clip: Clip
) -> None:
    before, state = codes.clone(), torch.random.get_rng_state()
    model.optimize_text(features, codes, "old", clip, FEW)
    assert torch.equal(codes, before)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_it_works_where_everything_was_made_in_inference_mode(clip: Clip) -> None:
    model = tiny_model()
    with torch.inference_mode():
        features, codes = model.aggregate(random_conditions()), model.random_codes([1])
        model.generate(features, codes)
        edit = model.optimize_text(features, codes, "blond hair", clip, FEW)
        assert edit.curve[edit.best] < edit.curve[0]
        assert model.generate(features, edit.codes).shape == (1, 3, 256, 256)


def test_weight_0_returns_the_bits(model: FaceMug, features: Features, codes: Tensor, clip: Clip) -> None:
    edit = model.optimize_text(features, codes, "old", clip, TextOptions(weight=0.0))
    assert torch.equal(edit.codes, codes)
    assert edit.curve == ()


def test_geometry_and_layers_outside_the_range_keep_their_bits(
    model: FaceMug, features: Features, codes: Tensor, clip: Clip
) -> None:
    options = replace(FEW, layers=(4, 12), keep_geometry=True)
    changed = (model.optimize_text(features, codes, "old", clip, options).codes != codes).any(2)[0]
    assert changed.nonzero().flatten().tolist() == list(range(8, 12))


@pytest.mark.parametrize("raised", [Interrupted, KeyboardInterrupt])
def test_an_interruption_keeps_the_best_so_far(
    model: FaceMug, features: Features, codes: Tensor, clip: Clip, raised: type[BaseException]
) -> None:
    def progress(done: int, total: int) -> None:
        if done == 3:
            raise raised

    edit = model.optimize_text(features, codes, "old", clip, FEW, progress)
    assert edit.interrupted
    assert len(edit.curve) == 3
    assert not torch.equal(edit.codes, codes)


def test_other_errors_of_the_watcher_come_through(
    model: FaceMug, features: Features, codes: Tensor, clip: Clip
) -> None:
    def progress(done: int, total: int) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        model.optimize_text(features, codes, "old", clip, FEW, progress)


def test_it_ends_early_where_nothing_improves(
    model: FaceMug, features: Features, codes: Tensor, clip: Clip
) -> None:
    still = TextOptions(steps=40, learning_rate=0.0)
    assert len(model.optimize_text(features, codes, "old", clip, still).curve) < 20


def test_progress_tells_every_step_and_previews_come_every_few(
    model: FaceMug, features: Features, codes: Tensor, clip: Clip
) -> None:
    told: list[tuple[int, int]] = []
    shown: list[Tensor] = []
    options = TextOptions(steps=6)
    model.optimize_text(
        features, codes, "old", clip, options, lambda *steps: told.append(steps), shown.append
    )
    assert told == [(step, 6) for step in range(7)]
    assert [picture.shape for picture in shown] == [(1, 3, 256, 256)] * 2


@pytest.mark.parametrize("text", ["", "  "])
def test_an_empty_text_is_an_error(
    model: FaceMug, features: Features, codes: Tensor, clip: Clip, text: str
) -> None:
    with pytest.raises(InputError, match="empty"):
        model.optimize_text(features, codes, text, clip)


def test_codes_of_several_faces_are_an_error(
    model: FaceMug, features: Features, codes: Tensor, clip: Clip
) -> None:
    with pytest.raises(ShapeError, match="one face"):
        model.optimize_text(features, codes.repeat(2, 1, 1), "old", clip)


def test_unknown_words_are_named(clip: Clip) -> None:
    with pytest.warns(UnknownWordsWarning, match="purple, mohawk"):
        text_change(clip, "purple mohawk hair")


@pytest.mark.parametrize("text", ["xyzzy mohawk", "123 !"])
def test_a_text_without_a_known_word_is_an_error(clip: Clip, text: str) -> None:
    with pytest.raises(InputError, match="no word of"):
        text_change(clip, text)


def test_known_words_warn_of_nothing(clip: Clip) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert text_change(clip, "Blond hair!", templates=("{}",)).norm() == pytest.approx(1.0)


def test_a_text_that_says_what_the_source_says_is_an_error(clip: Clip) -> None:
    with pytest.raises(InputError, match="the same as"):
        text_change(clip, "a face")


def test_an_edit_follows_its_text_outside_the_mask_nothing(model: FaceMug, clip: Clip) -> None:
    conditions = random_conditions()
    plain, start = edited(model, conditions)
    pictures, codes = edited(model, conditions, text=TextGoal("blond hair", clip, FEW))
    assert not torch.equal(codes, start)
    assert not torch.equal(pictures, plain)
    kept = conditions.mask.expand_as(pictures) == 0
    assert torch.equal(pictures[kept], conditions.image[kept])


def test_the_loss_prefers_the_texts_way_and_clear_changes() -> None:
    way = torch.tensor([1.0, 0.0])
    clear, faint, aside = torch.tensor([[0.5, 0.0]]), torch.tensor([[0.01, 0.0]]), torch.tensor([[0.0, 0.5]])
    assert directional_loss(clear, way) < directional_loss(faint, way) < directional_loss(aside, way)


def test_the_loss_has_a_gradient_where_nothing_has_changed() -> None:
    change = torch.zeros(1, 2, requires_grad=True)
    directional_loss(change, torch.tensor([1.0, 0.0])).backward()
    assert change.grad is not None
    assert change.grad[0, 0] < 0
    assert change.grad.isfinite().all()


def test_the_learning_rate_rises_stays_and_falls_to_nothing() -> None:
    assert 0 < ramp(0.0) < ramp(0.5) == 1.0
    assert ramp(0.98) < 0.1


# --- directions ---------------------------------------------------------------------------------------------


def _faces_and_views(clip: Clip) -> tuple[Tensor, Tensor, Tensor]:
    """Codes, and views that follow one way of the codes along the text's change."""
    generator = torch.Generator().manual_seed(0)
    codes, way = torch.randn(200, 512, generator=generator), torch.randn(512, generator=generator)
    change = text_change(clip, "blond hair")
    noise = 0.01 * torch.randn(200, len(change), generator=generator)
    return codes, (codes @ way)[:, None] * change + noise, way


@pytest.fixture(scope="module")
def measured(clip: Clip) -> Clip:
    """The model with its relevance."""
    codes, views, _ = _faces_and_views(clip)
    return replace(clip, relevance=measure_relevance(codes, views, "face"))


def test_a_text_direction_moves_codes_along_what_the_view_answers_to(measured: Clip) -> None:
    way = _faces_and_views(measured)[2]
    direction = text_direction(measured, "blond hair")
    assert F.cosine_similarity(direction.vector, way, dim=0) > 0.3


def test_a_text_direction_changes_free_layers_alone(measured: Clip) -> None:
    assert text_direction(measured, "old", TextOptions(keep_geometry=True)).layers == (8, 18)


def test_relevance_of_another_model_is_refused(clip: Clip) -> None:
    codes, views, _ = _faces_and_views(clip)
    for relevance in (
        measure_relevance(codes, views, "ViT-B-32"),
        measure_relevance(codes, views[:, :7], "face"),
    ):
        with pytest.raises(InputError, match="another model"):
            text_direction(replace(clip, relevance=relevance), "old")


def test_a_direction_of_a_model_that_was_not_measured_says_how_to_measure_it(clip: Clip) -> None:
    with pytest.raises(WeightsMissingError, match="directions relevance --clip face"):
        text_direction(clip, "old")


def test_a_search_begins_along_the_texts_direction(
    model: FaceMug, features: Features, codes: Tensor, measured: Clip
) -> None:
    options = replace(FEW, steps=2, layers=(4, 12), keep_geometry=True)
    shown: list[Tensor] = []
    edit = model.optimize_text(features, codes, "blond hair", measured, options, preview=shown.append)
    leapt = text_direction(measured, "blond hair", options).apply(codes, LEAP)
    expected = leapt if edit.curve[1] < edit.curve[0] else codes
    torch.testing.assert_close(edit.codes, expected)
    assert torch.equal(shown[0], model.generate(features, codes))


def test_a_search_keeps_the_start_if_nothing_is_better(
    model: FaceMug, features: Features, codes: Tensor, measured: Clip
) -> None:
    far = replace(FEW, latent_weight=10.0)
    edit = model.optimize_text(features, codes, "blond hair", measured, far)
    assert edit.best == 0
    assert torch.equal(edit.codes, codes)


def test_principal_steps_are_standard_deviations_of_codes_largest_first() -> None:
    codes = torch.randn(300, 512, generator=torch.Generator().manual_seed(0)) * torch.arange(512, 0, -1)
    steps = principal_steps(codes)
    deviations = ((codes - codes.mean(0)) @ F.normalize(steps, dim=1).T).std(0)
    torch.testing.assert_close(steps.norm(dim=1), deviations, rtol=1e-3, atol=0)
    assert (deviations.diff() < 0).all()


def test_relevance_comes_back_from_its_file(clip: Clip, tmp_path: Path) -> None:
    codes, views, _ = _faces_and_views(clip)
    relevance = measure_relevance(codes, views, "face")
    save_relevance(tmp_path / "r.safetensors", relevance)
    read = load_relevance(tmp_path / "r.safetensors")
    assert read.clip == "face"
    torch.testing.assert_close(read.answers, relevance.answers, atol=1e-2, rtol=1e-2)


def test_a_file_of_something_else_says_what_it_is() -> None:
    with pytest.raises(CheckpointError, match="directions"):
        load_relevance(Path(__file__).parents[1] / "weights" / "directions.safetensors")
