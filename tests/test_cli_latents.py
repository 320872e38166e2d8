"""The commands `latent` and `directions`, and attributes of `edit`, as people write them."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from facemug_core.checkpoints.reading import save_safetensors
from facemug_core.cli import main
from facemug_core.cli.values import layers, named_amount
from facemug_core.editing.directions import Linear, load_directions, save_directions
from facemug_core.editing.measuring import ATTRIBUTES
from facemug_core.latents import Latent, load_latent, save_latent
from facemug_core.training.facts import OBSERVED

from .full_disk import room_for


def noise(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(*(shape or (1, 18, 512)), generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def people(tmp_path: Path) -> tuple[Path, Path]:
    paths = tmp_path / "anna.safetensors", tmp_path / "ben.safetensors"
    for seed, path in enumerate(paths):
        save_latent(path, Latent(noise(seed), "light", noise(9, 512)))
    return paths


def test_blend_writes_the_mean_and_its_recipe(people: tuple[Path, Path], tmp_path: Path) -> None:
    out = tmp_path / "both.safetensors"
    assert main(["latent", "blend", str(people[0]), f"{people[1]}=3", "-o", str(out)]) == 0
    latent = load_latent(out)
    torch.testing.assert_close(latent.codes, 0.25 * noise(0) + 0.75 * noise(1))
    assert latent.recipe[0]["operation"] == "blend"


def test_no_room_for_a_latent_is_told_and_the_old_one_stays(
    people: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    before = people[1].read_bytes()
    with room_for(1000):
        code = main(["latent", "mix", *map(str, people), "--crossover", "5", "-o", str(people[1])])
    assert code == 2
    assert f"{people[1]} cannot be written" in capsys.readouterr().err
    assert people[1].read_bytes() == before
    assert sorted(people[0].parent.iterdir()) == sorted(people)


def test_mix_takes_fine_codes_of_the_second(people: tuple[Path, Path], tmp_path: Path) -> None:
    out = tmp_path / "mixed.safetensors"
    assert main(["latent", "mix", *map(str, people), "--crossover", "5", "-o", str(out)]) == 0
    assert torch.equal(load_latent(out).codes[:, 5:], noise(1)[:, 5:])


@pytest.mark.parametrize("command", ["blend", "mix", "add"])
def test_latents_of_other_numbers_of_faces_are_refused(
    command: str, people: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path, count in zip(people, (2, 3), strict=True):
        save_latent(path, Latent(noise(0, count, 18, 512), "light", noise(9, 512)))
    assert main(["latent", command, *map(str, people), "-o", str(tmp_path / "out.safetensors")]) == 2
    assert "ben.safetensors" in capsys.readouterr().err


def test_a_crossover_behind_the_last_code_is_refused(people: tuple[Path, Path], tmp_path: Path) -> None:
    out = str(tmp_path / "out.safetensors")
    assert main(["latent", "mix", *map(str, people), "--crossover", "19", "-o", out]) == 2


def test_add_then_undo_gives_the_bits_back(people: tuple[Path, Path], tmp_path: Path) -> None:
    out = tmp_path / "more.safetensors"
    assert main(["latent", "add", *map(str, people), "--amount", "0.5", "-o", str(out)]) == 0
    assert not torch.equal(load_latent(out).codes, noise(0))
    assert main(["latent", "undo", str(out), "-o", str(out)]) == 0
    assert torch.equal(load_latent(out).codes, noise(0))


def test_subtract_is_the_opposite_of_add(people: tuple[Path, Path], tmp_path: Path) -> None:
    out = tmp_path / "less.safetensors"
    assert main(["latent", "subtract", *map(str, people), "-o", str(out)]) == 0
    torch.testing.assert_close(load_latent(out).codes, noise(0) - (noise(1) - noise(9, 512)))


def test_adding_somebody_without_a_mean_face_says_what_to_do(
    people: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_latent(tmp_path / "old.safetensors", Latent(noise(1)))
    arguments = ["latent", "add", str(people[0]), str(tmp_path / "old.safetensors"), "-o", "x.safetensors"]
    assert main(arguments) == 2
    assert "--save-latent" in capsys.readouterr().err


def test_show_lists_the_recipe(
    people: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "both.safetensors"
    main(["latent", "blend", *map(str, people), "-o", str(out)])
    assert main(["latent", "show", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "light model" in printed
    assert '"operation": "blend"' in printed


@pytest.fixture
def slid(tmp_path: Path, tiny_command: None) -> tuple[Path, Path]:
    """Latent files of one face without sliders, and with two of its codes moved on."""
    command = ["generate", "--seed", "2", "--device", "cpu", "-o", str(tmp_path / "face.png")]
    plain, moved = tmp_path / "plain.safetensors", tmp_path / "moved.safetensors"
    sliders = ["--attribute", "smile=1", "--attribute", "age=-0.5"]
    assert main([*command, "--save-latent", str(plain)]) == 0
    assert main([*command, *sliders, "--save-latent", str(moved)]) == 0
    return plain, moved


@pytest.mark.usefixtures("tiny_command")
def test_sliders_of_an_edit_are_in_the_recipe(slid: tuple[Path, Path]) -> None:
    _, moved = slid
    assert load_latent(moved).recipe == (
        {"operation": "attribute", "name": "smile", "amount": 1.0},
        {"operation": "attribute", "name": "age", "amount": -0.5},
    )


@pytest.mark.usefixtures("tiny_command")
def test_sliders_of_an_edit_are_undone_to_the_bit(slid: tuple[Path, Path]) -> None:
    plain, moved = (load_latent(path) for path in slid)
    assert torch.equal(moved.undone(2).codes, plain.codes)


@pytest.mark.usefixtures("tiny_command")
def test_the_recipe_of_a_latent_goes_on_in_an_edit(people: tuple[Path, Path], tmp_path: Path) -> None:
    mixed, edited = tmp_path / "mixed.safetensors", tmp_path / "edited.safetensors"
    assert main(["latent", "mix", *map(str, people), "-o", str(mixed)]) == 0
    command = ["generate", "--device", "cpu", "--latent", str(mixed), "-o", str(tmp_path / "face.png")]
    mixing = ["--style-mix", "0.5", "--attribute", "smile=1", "--save-latent", str(edited)]
    assert main([*command, *mixing]) == 0
    latent = load_latent(edited)
    assert [step["operation"] for step in latent.recipe] == ["mix", "interpolate", "attribute"]
    assert torch.equal(latent.undone(3).codes, load_latent(people[0]).codes)


def test_list_shows_each_direction_of_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_directions(tmp_path / "directions.safetensors", {"grin": Linear(noise(0, 512), (2, 6))})
    assert main(["directions", "list", "--weights", str(tmp_path)]) == 0
    assert "codes 2-5" in capsys.readouterr().out


def test_find_asks_for_one_way(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["directions", "find", "grin", "--with", "a", "-o", "x.safetensors"]) == 2
    assert "--without" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["smile", "smile=", "=1", "smile=much", "smile=nan", "smile=inf"])
def test_amount_must_be_a_number(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="NAME=AMOUNT"):
        named_amount(text)


def test_amount_may_be_negative_and_follows_the_last_equals_sign() -> None:
    assert named_amount("a=b.pt=-0.5") == ("a=b.pt", -0.5)


def test_layers_are_a_range() -> None:
    assert layers("2:8") == (2, 8)
    with pytest.raises(argparse.ArgumentTypeError, match="START:END"):
        layers("2")


def test_an_attribute_is_found_from_measured_faces(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    rng = np.random.default_rng(0)
    codes = rng.normal(size=(60, 512)).astype(np.float32)
    np.savez(tmp_path / "0000.npz", images=np.zeros((60, 256, 256, 3), np.uint8), w=codes)
    names = sorted({attribute.finder for attribute in ATTRIBUTES.values()})
    values = torch.from_numpy(rng.normal(size=(60, len(names)))).float()
    values[:, names.index("age.network")] = torch.from_numpy(codes[:, 0])
    save_safetensors(tmp_path / OBSERVED, {"values": values}, {"names": json.dumps(names)})
    out = tmp_path / "found.safetensors"
    arguments = ["directions", "find", "age", "--data", str(tmp_path), "--layers", "0:8", "-o", str(out)]
    assert main(arguments) == 0
    found = load_directions(out)["age"]
    assert found.layers == (0, 8)
    assert float(found.vector[0]) > 2 * float(found.vector[1:].abs().mean())
    assert main(["directions", "find", "beauty", "--data", str(tmp_path), "-o", str(out)]) == 2
