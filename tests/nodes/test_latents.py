"""Nodes that make, change and keep style codes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from facemug_core.cli import main
from facemug_core.editing.directions import shipped_directions
from facemug_core.errors import InputError, ShapeError, WeightsMissingError
from facemug_core.latents import Latent, add, blend, load_latent, save_latent

from .running import NODES, features_of, host, latent_of, run

GOOD = torch.zeros(1, 18, 512)


def test_a_saved_latent_is_offered_and_comes_back(model: Any, folders: Path) -> None:
    (latent,) = run("RandomStyle", model=model, variants=2)
    (path,) = run("SaveLatent", latent=latent)
    (name,) = host.latent_files()
    assert Path(path).parent == folders / "output" / "facemug"
    assert name.endswith(" [output]")
    assert NODES["FACEMUG_LoadLatent"].validate_inputs(file=name) is True
    assert torch.equal(run("LoadLatent", file=name)[0], latent)


def test_a_latent_saved_with_its_model_can_be_added_by_the_command_line(model: Any, folders: Path) -> None:
    (path,) = run("SaveLatent", latent=latent_of(model), model=model)
    assert main(["latent", "add", path, path, "-o", str(folders / "sum.safetensors")]) == 0
    kept = load_latent(path)
    assert kept.size == "light"
    assert torch.equal(kept.mean_code, model.model().mapping.mean_code)


def saved_with_a_recipe(model: Any, folders: Path) -> tuple[Latent, str]:
    """A latent of two operations, and its file's name."""
    first, second, third = latent_of(model, 3).split(1)
    latent = Latent(first).then(second, "mix").then(third, "blend")
    save_latent(folders / "input" / "recipe.safetensors", latent)
    return latent, "recipe.safetensors"


def test_loading_can_undo_what_was_done_last(model: Any, folders: Path) -> None:
    latent, name = saved_with_a_recipe(model, folders)
    for undo, codes in enumerate((latent.codes, *reversed(latent.before))):
        assert torch.equal(run("LoadLatent", file=name, undo=undo)[0], codes)


def test_undoing_more_than_was_done_says_how_much_was(model: Any, folders: Path) -> None:
    _, name = saved_with_a_recipe(model, folders)
    with pytest.raises(InputError, match="recipe has 2"):
        run("LoadLatent", file=name, undo=3)


def test_saving_twice_makes_two_files(model: Any, folders: Path) -> None:
    (latent,) = run("RandomStyle", model=model)
    assert run("SaveLatent", latent=latent) != run("SaveLatent", latent=latent)


def test_a_missing_latent_file_is_refused_before_the_run(folders: Path) -> None:
    assert "no latent file" in NODES["FACEMUG_LoadLatent"].validate_inputs(file="x.safetensors")


def test_loading_is_repeated_only_when_the_file_changes(model: Any, folders: Path) -> None:
    (latent,) = run("RandomStyle", model=model)
    (path,) = run("SaveLatent", latent=latent)
    (name,) = host.latent_files()
    before = NODES["FACEMUG_LoadLatent"].fingerprint_inputs(file=name)
    assert NODES["FACEMUG_LoadLatent"].fingerprint_inputs(file=name) == before
    Path(path).write_bytes(b"other")
    assert NODES["FACEMUG_LoadLatent"].fingerprint_inputs(file=name) != before


def test_people_are_blended_as_the_library_does(model: Any) -> None:
    people = latent_of(model, 3).split(1)
    blended = run("BlendLatents", latent_1=people[0], latent_2=people[1], latent_4=people[2], weight_2=3.0)
    assert torch.equal(blended[0], blend(people, [1, 3, 1]))


@pytest.mark.parametrize("shape", [(18, 512), (1, 14, 512), (0, 18, 512)])
@pytest.mark.parametrize(
    ("node", "values"),
    [
        ("InterpolateLatents", {"latent": GOOD, "other": None}),
        ("BlendLatents", {"latent_1": None}),
        ("AddLatents", {"latent": None, "other": GOOD}),
        ("MixLatents", {"coarse": GOOD, "fine": None}),
        ("SaveLatent", {"latent": None}),
        ("AttributeSliders", {"latent": None}),
        ("ApplyDirection", {"latent": None, "direction": next(iter(shipped_directions().values()))}),
        ("SweepDirection", {"latent": None, "direction": next(iter(shipped_directions().values()))}),
        ("Generate", {"features": None, "latent": None}),
        ("Edit", {"latent": None}),
        ("Pose", {"latent": None}),
    ],
)
def test_a_latent_of_another_shape_is_refused_by_every_node(
    model: Any, folders: Path, node: str, values: dict[str, Any], shape: tuple[int, ...]
) -> None:
    inputs = {name: torch.zeros(shape) if value is None else value for name, value in values.items()}
    if node in ("AddLatents", "Generate", "Edit", "Pose"):
        inputs["model"] = model
    if node == "Generate":
        inputs["features"] = features_of(model)
    with pytest.raises(ShapeError, match=r"style codes|batch of the"):
        run(node, **inputs)


def test_one_blended_person_keeps_the_bits(model: Any) -> None:
    latent = latent_of(model, 2)
    assert torch.equal(run("BlendLatents", latent_1=latent, weight_1=0.3)[0], latent)


def test_blended_batches_that_do_not_fit_are_named(model: Any) -> None:
    with pytest.raises(ShapeError, match=r"latent_1 is 2 .* latent_3 is 3"):
        run("BlendLatents", latent_1=latent_of(model, 2), latent_3=latent_of(model, 3))


def test_blending_nobody_says_which_weights_there_were(model: Any) -> None:
    latent = latent_of(model)
    with pytest.raises(InputError, match="got 0, 0"):
        run("BlendLatents", latent_1=latent, weight_1=0.0, latent_2=latent, weight_2=0.0)


@pytest.mark.parametrize("amount", [0.5, -1.0])
def test_a_person_is_added_and_taken_away_as_the_library_does(model: Any, amount: float) -> None:
    latent, other = latent_of(model, 2).split(1)
    (changed,) = run("AddLatents", model=model, latent=latent, other=other, amount=amount)
    assert torch.equal(changed, add(latent, other, amount, model.model().mapping.mean_code))


def test_adding_nothing_of_a_person_keeps_the_bits(model: Any) -> None:
    latent = latent_of(model, 2)
    assert torch.equal(run("AddLatents", model=model, latent=latent, other=latent[:1], amount=0.0)[0], latent)


def test_warping_without_weights_says_so(model: Any) -> None:
    (latent,) = run("RandomStyle", model=model)
    with pytest.raises(WeightsMissingError, match="warping"):
        run("WarpLatent", model=model, latent=latent, target=latent)


@pytest.mark.parametrize("variants", [0, -1])
def test_no_variants_are_refused(model: Any, variants: int) -> None:
    with pytest.raises(InputError, match="`variants` is"):
        run("RandomStyle", model=model, variants=variants)
