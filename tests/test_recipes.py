"""Recipes: every shipped weights file has one, and running it writes the file with what it was made by."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from facemug_core.checkpoints.manifest import WEIGHTS
from facemug_core.checkpoints.reading import read_safetensors, save_safetensors
from facemug_core.cli import main
from facemug_core.errors import InputError
from facemug_core.evaluation.bars import BARS
from facemug_core.training import run as running
from facemug_core.training.options import Run, Settings
from facemug_core.training.recipes import OTHER_FILES, RECIPES
from facemug_core.training.recipes.recipe import Recipe, Scale
from facemug_core.training.run import STAGES, export, load_weights, revision, run_recipe, run_stage
from facemug_core.training.stages.part_reader import PartReaderStage

from .test_training import make_faces
from .tiny import tiny_photo_parts

SHIPPED = {path.stem for path in WEIGHTS.glob("*.safetensors")}
SCALE = Scale(("last.weight",), 0.75)


def test_every_shipped_file_has_a_recipe_or_another_way_to_make_it() -> None:
    assert {*RECIPES, *OTHER_FILES} == SHIPPED


@pytest.mark.parametrize("name", RECIPES)
def test_the_phases_of_a_recipe_train_its_file(name: str) -> None:
    for settings in RECIPES[name].phases:
        assert STAGES[settings.stage].file_name(settings) == f"{name}.safetensors"


@pytest.mark.parametrize("name", RECIPES)
def test_the_bars_of_a_recipe_are_those_of_the_report(name: str) -> None:
    assert RECIPES[name].bars
    assert set(RECIPES[name].bars) <= {bar.key for bar in BARS}


@pytest.mark.parametrize("name", RECIPES)
def test_steps_after_training_find_their_tensors_in_the_shipped_file(name: str) -> None:
    names = read_safetensors(WEIGHTS / f"{name}.safetensors")[0].keys()
    for step in RECIPES[name].after:
        assert all(any(n.endswith(ending) for n in names) for ending in step.names)


def _network(value: float) -> nn.ModuleDict:
    network = nn.ModuleDict({"first": nn.Linear(1, 1, bias=False), "last": nn.Linear(1, 1, bias=False)})
    for parameter in network.parameters():
        nn.init.constant_(parameter, value)
    return network


def _exported(folder: Path, after: list[Scale]) -> tuple[dict[str, Tensor], dict[str, str]]:
    """What is exported of a run whose weights are all 1."""
    save_safetensors(folder / "averaged.safetensors", _network(1.0).state_dict(), {"step": "3"})
    export(folder, folder / "file.safetensors", {"recipe": "x"}, after)
    return read_safetensors(folder / "file.safetensors")


def test_steps_after_training_change_the_exported_file_and_are_told_in_it(tmp_path: Path) -> None:
    tensors, metadata = _exported(tmp_path, [SCALE])
    assert (tensors["first.weight"], tensors["last.weight"]) == (1, 0.75)
    assert metadata == {"step": "3", "recipe": "x", "after training": "last.weight × 0.75"}


def test_training_goes_on_without_the_steps_that_a_file_took_after_training(tmp_path: Path) -> None:
    _exported(tmp_path, [SCALE])
    network = _network(0.0)
    load_weights(network, tmp_path / "file.safetensors", [SCALE])
    assert [p.item() for p in network.parameters()] == [1, 1]


def test_weights_that_took_no_steps_are_loaded_as_they_are(tmp_path: Path) -> None:
    _exported(tmp_path, [])
    network = _network(0.0)
    load_weights(network, tmp_path / "file.safetensors", [SCALE])
    assert [p.item() for p in network.parameters()] == [1, 1]


@pytest.fixture
def two_phases(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """A recipe `part_reader` of two short phases on faces of noise, without the fetched network."""
    make_faces(tmp_path / "faces")
    settings = Settings("part_reader", steps=2, batch=1)
    recipe = Recipe(
        ("prepare DIR",),
        (settings, replace(settings, seed=1)),
        ("sketch.f1",),
        after=(Scale((".bias",), 0.5),),
    )
    monkeypatch.setattr(running, "RECIPES", {"part_reader": recipe})
    monkeypatch.setattr(
        running,
        "STAGES",
        {
            "part_reader": replace(
                STAGES["part_reader"],
                build=lambda config, faces, settings, run: PartReaderStage(
                    faces, tiny_photo_parts().perceptual, seed=settings.seed
                ),
            )
        },
    )
    return Run(tmp_path / "run", tmp_path / "faces")


def test_a_recipe_writes_its_file_with_its_name_and_the_revision(two_phases: Run) -> None:
    run_recipe("part_reader", two_phases)
    metadata = read_safetensors(two_phases.folder / "part_reader.safetensors")[1]
    assert metadata["recipe"] == "part_reader"
    assert metadata["revision"] == revision()
    assert (metadata["step"], metadata["seed"]) == ("2", "1")
    assert metadata["after training"] == ".bias × 0.5"


def test_the_second_phase_of_a_recipe_starts_from_the_weights_of_the_first(two_phases: Run) -> None:
    run_recipe("part_reader", two_phases)
    second = running.RECIPES["part_reader"].phases[1]
    by_hand = replace(two_phases, folder=two_phases.folder / "by hand", init=two_phases.folder / "phase_1")
    run_stage(second, by_hand)
    ours = read_safetensors(two_phases.folder / "phase_2" / "averaged.safetensors")[0]
    theirs = read_safetensors(by_hand.folder / "averaged.safetensors")[0]
    assert all(torch.equal(value, theirs[name]) for name, value in ours.items())


def test_a_recipe_that_was_stopped_goes_on_to_the_same_bits(two_phases: Run, tmp_path: Path) -> None:
    run_recipe("part_reader", two_phases)
    stopped = replace(two_phases, folder=tmp_path / "stopped", minutes=0)
    run_recipe("part_reader", stopped)
    assert not (stopped.folder / "part_reader.safetensors").exists()
    for _ in range(3):
        run_recipe("part_reader", stopped)
    file = "part_reader.safetensors"
    assert (stopped.folder / file).read_bytes() == (two_phases.folder / file).read_bytes()


def test_files_that_are_not_trained_say_how_they_are_made(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="directions find"):
        run_recipe("directions", Run(tmp_path, tmp_path))


def test_an_unknown_recipe_is_told_with_those_that_there_are(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no recipe called light\. Choose among: light_picture_head"):
        run_recipe("light", Run(tmp_path, tmp_path))


def test_a_recipe_decides_what_is_trained_and_how(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where = ["--data", str(tmp_path), "--run", str(tmp_path)]
    assert main(["train", "--recipe", "part_reader", "--steps", "3", *where]) == 2
    assert "--steps has no effect with --recipe" in capsys.readouterr().err
