"""Nodes that move style codes along directions."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from facemug_core.editing.directions import shipped_directions
from facemug_core.errors import InputError

from ..pack import ROOT
from .running import NODES, center_mask, host, latent_of, photo, run


def vector_file(folder: Path, name: str = "age.pt") -> str:
    torch.save(torch.randn(1, 512, generator=torch.Generator().manual_seed(0)), folder / "input" / name)
    return name


def test_a_shipped_direction_moves_a_style_as_the_library_does(model: Any, folders: Path) -> None:
    latent = latent_of(model)
    (direction,) = run("LoadDirection", direction="smile")
    (moved,) = run("ApplyDirection", latent=latent, direction=direction, amount=0.5)
    assert torch.equal(moved, shipped_directions()["smile"].apply(latent, 0.5))


def test_a_direction_of_somebody_else_is_offered_and_read(model: Any, folders: Path) -> None:
    latent, name = latent_of(model), vector_file(folders)
    assert NODES["FACEMUG_LoadDirection"].validate_inputs(direction=name) is True
    (direction,) = run("LoadDirection", direction=name)
    (moved,) = run("ApplyDirection", latent=latent, direction=direction, first_layer=2, last_layer=4)
    assert torch.equal(moved[:, 5:], latent[:, 5:])
    torch.testing.assert_close(moved[:, 2:5], latent[:, 2:5] + direction.vector)


def test_a_component_is_chosen_from_a_file_of_several(model: Any, folders: Path) -> None:
    analysis = {"mean": torch.zeros(1, 512), "comp": torch.eye(512)[:20, None], "std": torch.ones(20)}
    torch.save(analysis, folders / "input" / "pca.pt")
    (direction,) = run("LoadDirection", direction="pca.pt", component="12:-5.5")
    (moved,) = run("ApplyDirection", latent=latent_of(model), direction=direction)
    torch.testing.assert_close(moved[:, 0, 12], torch.tensor([-5.5]))


def test_files_in_the_models_folder_go_first(folders: Path, monkeypatch: Any) -> None:
    own = folders / "models" / "facemug"
    own.mkdir(parents=True)
    monkeypatch.setattr(sys.modules["folder_paths"], "models_dir", str(own.parent))
    monkeypatch.setattr(sys.modules["folder_paths"], "folder_names_and_paths", {})
    (own / vector_file(folders)).write_bytes(b"other")
    assert host.direction_files([".pt"]) == {"age.pt": own / "age.pt"}


def test_a_missing_direction_is_refused_before_the_run(folders: Path) -> None:
    complaint = NODES["FACEMUG_LoadDirection"].validate_inputs(direction="../age.pt")
    assert "models/facemug" in complaint
    assert "smile" in complaint


def test_a_direction_is_read_again_only_when_its_file_changes(folders: Path) -> None:
    fingerprint, name = NODES["FACEMUG_LoadDirection"].fingerprint_inputs, vector_file(folders)
    before = fingerprint(direction=name, component="")
    assert fingerprint(direction=name, component="") == before
    (folders / "input" / name).write_bytes(b"other")
    assert fingerprint(direction=name, component="") != before


def test_amounts_of_zero_leave_the_bits_of_a_style(model: Any, folders: Path) -> None:
    latent = latent_of(model, 2)
    (direction,) = run("LoadDirection", direction="age")
    (applied,) = run("ApplyDirection", latent=latent, direction=direction, amount=0.0, first_layer=3)
    assert torch.equal(applied, latent)
    names = [one.id for one in NODES["FACEMUG_AttributeSliders"].GET_SCHEMA().inputs[1:]]
    assert torch.equal(run("AttributeSliders", latent=latent, **dict.fromkeys(names, 0.0))[0], latent)
    assert torch.equal(run("AttributeSliders", latent=latent)[0], latent)


def test_sliders_do_what_the_library_does_in_any_order(model: Any) -> None:
    latent, known = latent_of(model), shipped_directions()
    expected = known["yaw"].apply(known["smile"].apply(latent, 0.5), -1)
    assert torch.equal(run("AttributeSliders", latent=latent, yaw=-1.0, smile=0.5)[0], expected)


def test_sliders_stay_within_the_measured_range() -> None:
    _, *sliders = NODES["FACEMUG_AttributeSliders"].GET_SCHEMA().inputs
    assert {one.id: (one.options["min"], one.options["max"]) for one in sliders} == {
        name: direction.safe for name, direction in shipped_directions().items()
    }


def test_sliders_that_saved_workflows_know_keep_their_places() -> None:
    recorded = json.loads((ROOT / "tests/host/nodes.json").read_text())["FACEMUG_AttributeSliders"]["inputs"]
    now = [one.id for one in NODES["FACEMUG_AttributeSliders"].GET_SCHEMA().inputs]
    assert now[: len(recorded)] == [name for _, name, *_ in recorded]


def test_the_one_node_moves_its_style_along_a_direction(model: Any, folders: Path) -> None:
    job = {"model": model, "image": photo(), "mask": center_mask(), "aligned": True}
    (direction,) = run("LoadDirection", direction="smile")
    (moved,) = run("ApplyDirection", latent=run("Edit", **job)[2], direction=direction, amount=0.5)
    edited, _, latent = run("Edit", **job, direction=direction, direction_amount=0.5)
    assert torch.equal(latent, moved)
    assert torch.equal(edited, run("Edit", **job, latent=moved)[0])


def test_a_sweep_gives_a_style_for_each_amount(model: Any, folders: Path) -> None:
    latent = latent_of(model)
    (direction,) = run("LoadDirection", direction="yaw")
    (swept,) = run("SweepDirection", latent=latent, direction=direction, steps=3)
    assert len(swept) == 3
    assert torch.equal(swept[1:2], latent)
    assert torch.equal(swept[2:], direction.apply(latent, 1))


@pytest.mark.parametrize("steps", [0, -1])
def test_a_sweep_of_no_steps_is_refused(model: Any, steps: int) -> None:
    latent, direction = latent_of(model), shipped_directions()["smile"]
    with pytest.raises(InputError, match="`steps` is"):
        run("SweepDirection", latent=latent, direction=direction, steps=steps)


def test_layers_that_go_backwards_are_refused(model: Any, folders: Path) -> None:
    (direction,) = run("LoadDirection", direction="yaw")
    with pytest.raises(InputError, match="`first_layer` is 5 and `last_layer` 3"):
        run(
            "ApplyDirection",
            latent=latent_of(model),
            direction=direction,
            first_layer=5,
            last_layer=3,
        )
