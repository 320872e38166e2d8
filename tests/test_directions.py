"""Directions: what each kind does to codes, amount 0, and files of our own and of others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from facemug_core.checkpoints.manifest import WEIGHTS
from facemug_core.editing.direction_facts import DIRECTIONS_FILE, Facts, describe
from facemug_core.editing.directions import (
    Coordinate,
    Direction,
    Linear,
    Mapped,
    Within,
    load_directions,
    named,
    save_directions,
    sweep,
)
from facemug_core.editing.foreign import GANSPACE_EDITS, parse_component, parse_direction, read_direction
from facemug_core.editing.measuring import ATTRIBUTES
from facemug_core.errors import CheckpointError, InputError, ShapeError
from facemug_core.evaluation.attributes import meets_bars
from facemug_core.networks.style_mapper import StyleMapper
from facemug_core.pipeline.style import Move

from .tiny import random_conditions, style_codes, tiny_model


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def unit(seed: int = 1) -> torch.Tensor:
    return torch.nn.functional.normalize(noise(512, seed=seed), dim=0)


CODES = noise(2, 18, 512)
KINDS = ("linear", "coordinate", "mapped", "within")


def kinds() -> dict[str, Direction]:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        mapper = StyleMapper().requires_grad_(False)
    return {
        "linear": Linear(noise(512, seed=1)),
        "coordinate": Coordinate(noise(512, seed=2), unit(), 0.7, target=4.0),
        "mapped": Mapped(mapper),
        "within": Within(Linear(noise(512, seed=1)), (2, 6)),
    }


@pytest.mark.parametrize("kind", KINDS)
def test_amount_zero_returns_the_very_codes(kind: str) -> None:
    assert kinds()[kind].apply(CODES, 0) is CODES


@pytest.mark.parametrize("kind", KINDS)
def test_codes_given_are_not_changed(kind: str) -> None:
    codes = CODES.clone()
    kinds()[kind].apply(codes, 1)
    assert torch.equal(codes, CODES)


@pytest.mark.parametrize("kind", KINDS)
def test_response_is_continuous_at_zero(kind: str) -> None:
    change = (kinds()[kind].apply(CODES, 1e-4) - CODES).abs().max()
    assert 0 < change < 1e-2


@pytest.mark.parametrize("kind", KINDS)
def test_codes_of_another_shape_are_refused(kind: str) -> None:
    with pytest.raises(ShapeError):
        kinds()[kind].apply(noise(2, 512), 1)


@settings(max_examples=20, deadline=None)
@given(st.floats(-3, 3), st.integers(0, 17), st.integers(1, 18))
def test_linear_adds_within_its_layers_alone(amount: float, first: int, end: int) -> None:
    if first >= end:
        return
    vector = noise(512, seed=3)
    moved = Linear(vector, (first, end)).apply(CODES, amount)
    assert torch.equal(moved[:, :first], CODES[:, :first])
    assert torch.equal(moved[:, end:], CODES[:, end:])
    torch.testing.assert_close(moved[:, first:end], CODES[:, first:end] + amount * vector)


def test_linear_takes_a_vector_for_each_layer() -> None:
    vector = noise(18, 512, seed=3)
    torch.testing.assert_close(Linear(vector).apply(CODES, 2), CODES + 2 * vector)


def test_coordinate_is_set_and_not_added() -> None:
    direction = Coordinate(noise(512, seed=2), unit(), 0.7, target=4.0)
    once = direction.apply(CODES, 1)
    torch.testing.assert_close(direction.of(once), torch.full((2,), 4.0))
    torch.testing.assert_close(direction.apply(once, 1), once)


def test_coordinate_follows_the_published_formula() -> None:
    mean, component, deviation = noise(512, seed=2), unit(), 0.7
    moved = Coordinate(mean, component, deviation, 5.0, (4, 7)).apply(CODES, 1)
    expected = CODES.clone()
    for i in range(2):
        c = ((CODES[i, 0] - mean) * component).sum() / deviation
        expected[i, 4:7] += (5.0 - c) * component * deviation
    torch.testing.assert_close(moved, expected)


def test_coordinate_half_way_is_half_the_step() -> None:
    direction = Coordinate(noise(512, seed=2), unit(), 0.7, target=4.0)
    torch.testing.assert_close(direction.apply(CODES, 0.5) * 2 - CODES, direction.apply(CODES, 1))


def test_mapper_adds_a_tenth_of_its_output() -> None:
    direction = kinds()["mapped"]
    assert isinstance(direction, Mapped)
    torch.testing.assert_close(direction.apply(CODES, 1), CODES + 0.1 * direction.mapper(CODES))


def test_mapper_normalizes_over_the_layers() -> None:
    mapper = StyleMapper(["course"])
    norm = mapper.course_mapping.mapping[0]
    x = noise(1, 4, 512)
    torch.testing.assert_close(norm(x), x / (x.square().mean(1, keepdim=True) + 1e-8).sqrt())


def test_mapper_without_a_level_leaves_it_alone() -> None:
    change = StyleMapper(["course", "medium"])(CODES)
    assert torch.equal(change[:, 8:], torch.zeros_like(change[:, 8:]))
    assert change[:, :8].any(-1).all()


@pytest.mark.parametrize("layers", [(4, 4), (-1, 3), (0, 19), (9, 2)])
def test_impossible_layers_are_refused(layers: tuple[int, int]) -> None:
    with pytest.raises(InputError, match="START:END"):
        Linear(noise(512), layers)


@pytest.mark.parametrize("kind", ["linear", "coordinate", "mapped"])
def test_within_changes_its_layers_as_the_direction_does_and_no_others(kind: str) -> None:
    direction = kinds()[kind]
    moved, whole = Within(direction, (5, 9)).apply(CODES, 0.7), direction.apply(CODES, 0.7)
    assert torch.equal(moved[:, 5:9], whole[:, 5:9])
    assert torch.equal(moved[:, :5], CODES[:, :5])
    assert torch.equal(moved[:, 9:], CODES[:, 9:])


def test_within_refuses_impossible_layers() -> None:
    with pytest.raises(InputError, match="START:END"):
        Within(Linear(noise(512)), (9, 2))


def test_two_sweeps_give_a_grid_with_a_row_for_each_amount_of_the_first() -> None:
    rows, columns = Linear(noise(512, seed=1)), Linear(noise(512, seed=2))
    grid = sweep(sweep(CODES[:1], rows, [-1, 0]), columns, [0, 1, 2])
    assert grid.shape == (6, 18, 512)
    assert torch.equal(grid[3:4], CODES[:1])
    assert torch.equal(grid[1:2], columns.apply(rows.apply(CODES[:1], -1), 1))


def test_edits_are_applied_in_their_order() -> None:
    add, set_ = Linear(unit() * 3), Coordinate(noise(512, seed=2), unit(), 0.7, target=4.0)
    expected = set_.apply(add.apply(CODES, 1), 1)
    moves = [Move(one, 1, {"operation": "direction"}) for one in (add, set_)]
    assert torch.equal(
        style_codes(tiny_model(), random_conditions(), codes=CODES, directions=moves), expected
    )


def test_model_stage_applies_a_direction() -> None:
    model, direction = tiny_model(), Linear(noise(512, seed=3))
    assert torch.equal(model.apply_direction(CODES, direction, 0.5), direction.apply(CODES, 0.5))


def test_directions_survive_their_file(tmp_path: Path) -> None:
    path = tmp_path / "d.safetensors"
    about = {"what": "smiles", "effect": 2.0}
    save_directions(path, {"smile": Linear(noise(512).half().float(), (4, 8), (-2.0, 2.5), about)})
    (name, read), *rest = load_directions(path).items()
    assert (name, rest, read.layers, read.safe, read.about) == ("smile", [], (4, 8), (-2.0, 2.5), about)
    assert torch.equal(read.vector, noise(512).half().float())


def test_another_file_is_told_apart(tmp_path: Path) -> None:
    from facemug_core.latents import save_codes

    path = tmp_path / "latent.safetensors"
    save_codes(path, CODES)
    with pytest.raises(CheckpointError, match="facemug latent"):
        load_directions(path)


def test_unknown_name_lists_what_there_is() -> None:
    with pytest.raises(InputError, match="smile"):
        named({"smile": Linear(noise(512))}, "grin")


def test_description_tells_range_and_side_effects() -> None:
    about = {"what": "smiles", "effect": 2.0, "side_effects": {"age": -0.3}}
    line = describe("smile", Facts((4, 8), (-2.0, 2.5), about))
    for part in ("smile", "-2.0…+2.5", "codes 4-7", "effect 2.00", "age -0.30"):
        assert part in line


@pytest.mark.parametrize("shape", [(512,), (1, 512), (18, 512), (1, 18, 512), (14, 512)])
def test_interfacegan_tensors_of_all_shapes_are_read(shape: tuple[int, ...], tmp_path: Path) -> None:
    tensor = noise(*shape)
    torch.save(tensor, tmp_path / "age.pt")
    moved = read_direction(tmp_path / "age.pt").apply(CODES, 2)
    rows = tensor.reshape(-1, 512)
    count = 18 if len(rows) == 1 else len(rows)
    torch.testing.assert_close(moved[:, :count], CODES[:, :count] + 2 * rows)
    assert torch.equal(moved[:, count:], CODES[:, count:])


def test_numpy_boundaries_are_read(tmp_path: Path) -> None:
    np.save(tmp_path / "age.npy", noise(1, 512).numpy())
    moved = read_direction(tmp_path / "age.npy", layers=(0, 4)).apply(CODES, 1)
    torch.testing.assert_close(moved[:, :4], CODES[:, :4] + noise(1, 512))
    assert torch.equal(moved[:, 4:], CODES[:, 4:])


def ganspace_file(folder: Path) -> Path:
    components = torch.nn.functional.normalize(noise(80, 1, 512), dim=2)
    analysis = {"mean": noise(1, 512, seed=5), "comp": components, "std": torch.rand(80) + 0.1}
    torch.save(analysis, folder / "pca.pt")
    return folder / "pca.pt"


def test_known_ganspace_edit_is_read_by_name(tmp_path: Path) -> None:
    direction = read_direction(ganspace_file(tmp_path), component="lipstick")
    assert isinstance(direction, Coordinate)
    known = GANSPACE_EDITS["lipstick"]
    assert (direction.layers, direction.target) == (known.layers, known.target)
    assert torch.equal(direction.component, torch.nn.functional.normalize(noise(80, 1, 512), dim=2)[34, 0])


def test_ganspace_file_asks_for_a_component(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="lipstick"):
        read_direction(ganspace_file(tmp_path))


def test_ganspace_component_without_a_target_says_how_to_give_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="target: add it after a colon"):
        read_direction(ganspace_file(tmp_path), component=3)


def test_styleclip_mapper_is_read_with_the_levels_it_has(tmp_path: Path) -> None:
    mapper = StyleMapper(["course", "medium"])
    state = {f"mapper.{name}": value for name, value in mapper.state_dict().items()}
    torch.save(
        {"state_dict": state | {"decoder.x": noise(3)}, "opts": {"no_fine_mapper": True}}, tmp_path / "m.pt"
    )
    moved = read_direction(tmp_path / "m.pt").apply(CODES, 1)
    torch.testing.assert_close(moved, CODES + 0.1 * mapper(CODES).detach())


def test_file_of_another_kind_says_what_it_holds(tmp_path: Path) -> None:
    torch.save({"generator.weight": noise(3), "generator.bias": noise(3)}, tmp_path / "g.pt")
    with pytest.raises(CheckpointError, match=r"generator\.weight"):
        read_direction(tmp_path / "g.pt")


def test_tensor_of_another_size_says_so(tmp_path: Path) -> None:
    torch.save(noise(7, 7), tmp_path / "t.pt")
    with pytest.raises(CheckpointError, match=r"\[7, 7\]"):
        read_direction(tmp_path / "t.pt")


def test_written_file_with_component_target_and_layers(tmp_path: Path) -> None:
    direction = parse_direction(f"{ganspace_file(tmp_path)}#12:-5.5@0:4", dict)
    assert isinstance(direction, Coordinate)
    assert (direction.target, direction.layers) == (-5.5, (0, 4))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", (None, None)),
        ("lipstick", ("lipstick", None)),
        (" 12:5 ", (12, 5.0)),
        ("a-b:-0.5", ("a-b", -0.5)),
    ],
)
def test_component_is_a_name_or_number_with_a_target(text: str, expected: tuple[object, object]) -> None:
    assert parse_component(text) == expected


def test_component_that_cannot_be_understood_says_what_was_expected() -> None:
    with pytest.raises(InputError, match="lipstick or 12:5"):
        parse_component("12:much")


def own_file(folder: Path, *names: str) -> Path:
    path = folder / "mine.safetensors"
    save_directions(
        path, {name: Linear(noise(512, seed=i).half().float(), (2, 7)) for i, name in enumerate(names)}
    )
    return path


def test_our_own_file_is_read_with_its_layers(tmp_path: Path) -> None:
    direction = read_direction(own_file(tmp_path, "grin"))
    assert isinstance(direction, Linear)
    assert direction.layers == (2, 7)
    assert torch.equal(direction.vector, noise(512).half().float())


def test_our_own_file_of_several_asks_for_a_name(tmp_path: Path) -> None:
    path = own_file(tmp_path, "grin", "frown")
    with pytest.raises(InputError, match="grin, frown"):
        read_direction(path)
    direction = parse_direction(f"{path}#frown@3:5", dict)
    assert isinstance(direction, Linear)
    assert direction.layers == (3, 5)
    assert torch.equal(direction.vector, noise(512, seed=1).half().float())


def test_a_latent_is_no_direction(tmp_path: Path) -> None:
    from facemug_core.latents import save_codes

    save_codes(tmp_path / "face.safetensors", CODES[:1])
    with pytest.raises(CheckpointError, match="facemug latent"):
        read_direction(tmp_path / "face.safetensors")


def test_written_name_is_looked_up_among_the_shipped() -> None:
    smile = Linear(noise(512))
    assert parse_direction("smile", lambda: {"smile": smile}) is smile


def test_shipped_directions_are_small_named_and_measured() -> None:
    path = WEIGHTS / DIRECTIONS_FILE
    assert path.stat().st_size <= 1_000_000
    for name, direction in load_directions(path).items():
        assert name in ATTRIBUTES
        assert meets_bars(name, direction.about)
        assert direction.apply(CODES, 0) is CODES
