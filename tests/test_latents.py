"""Latents as things people keep: files, combining, undoing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file

from facemug_core.checkpoints.reading import save_safetensors
from facemug_core.errors import CheckpointError, InputError, ShapeError
from facemug_core.latents import (
    Latent,
    add,
    blend,
    check_codes,
    interpolate,
    load_latent,
    mix_layers,
    save_latent,
)


def noise(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(*(shape or (1, 18, 512)), generator=torch.Generator().manual_seed(seed))


ANNA, BEN, EVE, MEAN = noise(0), noise(1), noise(2), noise(3, 512)


def test_latent_survives_its_file(tmp_path: Path) -> None:
    latent = Latent(ANNA, "light", MEAN).then(BEN, "blend", people={"b": 0.5})
    save_latent(tmp_path / "l.safetensors", latent)
    read = load_latent(tmp_path / "l.safetensors")
    assert (read.size, read.recipe) == ("light", latent.recipe)
    assert torch.equal(read.codes, BEN)
    assert read.mean_code is not None
    assert torch.equal(read.mean_code, MEAN)
    assert torch.equal(read.before[0], ANNA)


def test_numpy_reads_a_latent_file(tmp_path: Path) -> None:
    save_latent(tmp_path / "l.safetensors", Latent(ANNA))
    assert (load_file(tmp_path / "l.safetensors")["codes"] == ANNA.numpy()).all()


@settings(max_examples=10, deadline=None)
@given(st.lists(st.floats(-2, 2), min_size=1, max_size=5))
def test_undoing_every_step_gives_the_first_bits(amounts: list[float]) -> None:
    latent = Latent(ANNA, mean_code=MEAN)
    for amount in amounts:
        latent = latent.then(add(latent.codes, BEN, amount, MEAN), "add", amount=amount)
    assert torch.equal(latent.undone(len(amounts)).codes, ANNA)
    assert latent.undone(len(amounts)).recipe == ()


def test_one_step_is_undone_of_two() -> None:
    latent = Latent(ANNA).then(BEN, "first").then(EVE, "second")
    assert torch.equal(latent.undone().codes, BEN)
    assert [step["operation"] for step in latent.undone().recipe] == ["first"]


def test_more_steps_than_there_were_cannot_be_undone() -> None:
    with pytest.raises(InputError, match="2 operations"):
        Latent(ANNA).then(BEN, "first").undone(2)


@pytest.mark.parametrize(("tensors", "found"), [({"weight": torch.zeros(3)}, "weight"), ({}, "nothing")])
def test_wrong_file_says_what_it_holds(tensors: dict, found: str, tmp_path: Path) -> None:
    save_safetensors(tmp_path / "w.safetensors", tensors)
    with pytest.raises(CheckpointError, match=found):
        load_latent(tmp_path / "w.safetensors")


def test_wrong_file_of_ours_says_its_kind(tmp_path: Path) -> None:
    save_safetensors(tmp_path / "d.safetensors", {"smile": MEAN}, {"kind": "facemug directions"})
    with pytest.raises(CheckpointError, match="facemug directions"):
        load_latent(tmp_path / "d.safetensors")


@pytest.mark.parametrize("recipe", ['[{"operation": "blend"}]', "[{"])
def test_a_recipe_that_cannot_be_followed_says_so(recipe: str, tmp_path: Path) -> None:
    save_safetensors(tmp_path / "l.safetensors", {"codes": ANNA}, {"recipe": recipe})
    with pytest.raises(CheckpointError, match="recipe"):
        load_latent(tmp_path / "l.safetensors")


def test_codes_of_another_shape_are_not_written(tmp_path: Path) -> None:
    with pytest.raises(ShapeError):
        save_latent(tmp_path / "l.safetensors", Latent(noise(0, 1, 14, 512)))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 1e30])
def test_codes_of_which_no_picture_can_be_made_are_refused(value: float) -> None:
    codes = ANNA.clone()
    codes[0, 5, 7] = value
    with pytest.raises(InputError, match="slider or amount"):
        check_codes(codes)


@pytest.mark.parametrize("amount", [float("nan"), float("inf")])
def test_an_amount_that_is_no_number_mixes_nothing(amount: float) -> None:
    with pytest.raises(InputError, match=f"is {amount}"):
        interpolate(ANNA, BEN, amount)


def test_blend_is_the_weighted_mean() -> None:
    torch.testing.assert_close(blend([ANNA, BEN, EVE], [1, 2, 1]), ANNA / 4 + BEN / 2 + EVE / 4)


@pytest.mark.parametrize("weights", [[3, 0, 0], [0, 3, 0], [0, 0, 3]])
def test_one_person_alone_keeps_the_bits(weights: list[float]) -> None:
    assert torch.equal(blend([ANNA, BEN, EVE], weights), [ANNA, BEN, EVE][weights.index(3)])


@pytest.mark.parametrize("weights", [[0, 0], [1, -1], [1], []])
def test_weights_that_say_nothing_are_refused(weights: list[float]) -> None:
    with pytest.raises(InputError, match="weight"):
        blend([ANNA, BEN], weights)


def test_adding_nothing_keeps_the_bits() -> None:
    assert torch.equal(add(ANNA, BEN, 0, MEAN), ANNA)


@pytest.mark.parametrize("amount", [0, 0.5])
def test_adding_several_people_to_one_gives_several(amount: float) -> None:
    assert len(add(ANNA, noise(1, 3, 18, 512), amount, MEAN)) == 3


@pytest.mark.parametrize("weight", [0, 0.5])
def test_blending_several_people_with_one_gives_several(weight: float) -> None:
    assert len(blend([ANNA, noise(1, 3, 18, 512)], [1, weight])) == 3


def test_subtracting_takes_back_what_was_added() -> None:
    torch.testing.assert_close(add(add(ANNA, BEN, 0.7, MEAN), BEN, -0.7, MEAN), ANNA)


def test_adding_the_mean_face_changes_nothing() -> None:
    torch.testing.assert_close(add(ANNA, MEAN.expand(1, 18, 512), 2, MEAN), ANNA)


def test_mixing_takes_coarse_and_fine_codes() -> None:
    mixed = mix_layers(ANNA, BEN, 6)
    assert torch.equal(mixed[:, :6], ANNA[:, :6])
    assert torch.equal(mixed[:, 6:], BEN[:, 6:])


OPERATIONS = {
    "interpolate": lambda codes: interpolate(ANNA, codes, 0.5),
    "mix": lambda codes: mix_layers(codes, ANNA, 4),
    "blend": lambda codes: blend([ANNA, codes], [1, 1]),
    "add": lambda codes: add(ANNA, codes, 1.0, MEAN),
}


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
@pytest.mark.parametrize("shape", [(18, 512), (1, 512), (1, 14, 512), (1, 18, 256), (0, 18, 512)])
def test_codes_of_another_shape_are_refused(operation: Any, shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match=r"Expected style codes \[B, 18, 512\], but got"):
        operation(torch.zeros(shape))


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
@pytest.mark.parametrize("dtype", [torch.float16, torch.float64])
def test_codes_of_another_precision_come_out_as_float32(operation: Any, dtype: torch.dtype) -> None:
    codes = BEN.half().to(dtype)
    assert torch.equal(operation(codes), operation(codes.float()))
