"""The command and the node say the same: one test for each option that both have."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from facemug_core.cli import main
from facemug_core.editing.directions import Linear, save_directions
from facemug_core.faces.detection import Face
from facemug_core.faces.parsing import Parser
from facemug_core.latents import Latent, save_latent
from facemug_core.model import FaceMug
from facemug_core.pipeline.editor import PhotoEditor
from facemug_core.pipeline.locate import ANY_FACE, FaceQuery

from .nodes.running import loading, run
from .tiny import tiny_inverter, tiny_model

SIZE = 96


def noise(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def image_of(pixels: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(pixels.copy())[None].float() / 255


DIRECTION = Linear(torch.ones(512) * 0.2)
CODES = torch.randn(2, 18, 512, generator=torch.Generator().manual_seed(0))
LABELS = (np.indices((SIZE, SIZE)).sum(0) // 48).astype(np.uint8)
DRAWING = np.full((SIZE, SIZE, 3), 255, np.uint8)
DRAWING[40:43, 20:80] = (255, 200, 0)
PAINT = np.zeros((SIZE, SIZE, 4), np.uint8)
PAINT[30:60, 30:60] = (200, 30, 30, 128)

Case = tuple[list[str], dict[str, Any]]


def guide(node: str, pixels: np.ndarray, **how: Any) -> Any:
    transparent = {} if pixels.shape[-1] == 3 else {"transparent": 1 - image_of(pixels)[..., 3]}
    return run(node, image=image_of(pixels)[..., :3], **transparent, **how)[0]


CASES: dict[str, Case] = {
    "nothing else": ([], {}),
    "--feather": (["--feather", "5"], {"feather": 5}),
    "--opacity": (["--opacity", "0.4"], {"opacity": 0.4}),
    "--style random --seed": (["--style", "random", "--seed", "7"], {"style": "random", "seed": 7}),
    "--style-mix": (["--style-mix", "0.3", "--seed", "3"], {"style_mix": 0.3, "seed": 3}),
    "--variants": (["--variants", "2", "--style", "random"], {"variants": 2, "style": "random"}),
    "--latent of two": (["--latent", "{latent}"], {"latent": CODES}),
    "--attribute": (["--attribute", "{direction}=0.5"], {"direction": DIRECTION, "direction_amount": 0.5}),
    "--attribute of 0": (["--attribute", "{direction}=0"], {"direction": DIRECTION, "direction_amount": 0.0}),
    "--exemplar": (["--exemplar", "{other}"], {"exemplar": image_of(noise(1, SIZE, SIZE, 3))}),
    "--size": (["--size", "512"], {"size": "512"}),
    "--sketch": (["--sketch", "{drawing}"], {"sketch": lambda: guide("Sketch", DRAWING, source="drawing")}),
    "--sketch of half strength": (
        ["--sketch", "{drawing}=0.5"],
        {"sketch": lambda: guide("Sketch", DRAWING, source="drawing"), "sketch_strength": 0.5},
    ),
    "--semantic": (
        ["--semantic", "{labels}"],
        {"semantic": lambda: guide("SemanticMap", np.repeat(LABELS[..., None], 3, 2))},
    ),
    "--color": (["--color", "{paint}"], {"color": lambda: guide("ColorMap", PAINT, source="painting")}),
}


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    monkeypatch.setattr("facemug_core.cli.loading.load_editor", lambda options: PhotoEditor(tiny_model()))
    monkeypatch.setattr(PhotoEditor, "find_faces", _no_face_but_aligned(PhotoEditor.find_faces))
    mask = np.zeros((SIZE, SIZE), np.uint8)
    mask[30:60, 30:70], mask[30:40, 30:70] = 255, 100
    pictures = {
        "photo": noise(0, SIZE, SIZE, 3), "mask": mask, "other": noise(1, SIZE, SIZE, 3), "labels": LABELS,
        "drawing": DRAWING, "paint": PAINT,
    }  # fmt: skip
    for name, pixels in pictures.items():
        Image.fromarray(pixels).save(tmp_path / f"{name}.png")
    save_latent(tmp_path / "latent.safetensors", Latent(CODES))
    save_directions(tmp_path / "direction.safetensors", {"direction": DIRECTION})
    return {path.stem: path for path in tmp_path.iterdir()}


FIND_FACES = PhotoEditor.find_faces


def _no_face_but_aligned(find: Any) -> Any:
    def found(self: PhotoEditor, photo: Any, query: FaceQuery = ANY_FACE, *others: Any) -> Any:
        return find(self, photo, query) if query.aligned else []

    return found


def agree(files: dict[str, Path], options: list[str], inputs: dict[str, Any], model: FaceMug) -> None:
    """Assert that the command writes the pictures of the node."""
    folder = files["photo"].parent / "out"
    command = ["edit", str(files["photo"]), "--device", "cpu", *(one.format(**files) for one in options)]
    assert main([*command, "-o", str(folder / "x.png")]) == 0
    given = {name: value() if callable(value) else value for name, value in inputs.items()}
    photo = image_of(noise(0, SIZE, SIZE, 3))
    edited = run("Edit", model=loading.HostedEditor(model), image=photo, **given)[0]
    pictures = (edited * 255).round().byte().numpy()
    written = [np.array(Image.open(path)) for path in sorted(folder.iterdir())]
    assert np.array_equal(np.stack(written), pictures)


def mask_of(files: dict[str, Path]) -> torch.Tensor:
    return torch.from_numpy(np.array(Image.open(files["mask"]))).float()[None] / 255


@pytest.mark.parametrize("case", CASES)
def test_the_command_and_the_node_give_the_same_pictures(case: str, files: dict[str, Path]) -> None:
    options, inputs = CASES[case]
    mask = ["--mask", str(files["mask"]), "--aligned"]
    agree(files, [*mask, *options], {"mask": mask_of(files), "aligned": True, **inputs}, tiny_model())


def face(left: float, size: float) -> Face:
    points = np.array([[0.35, 0.4], [0.65, 0.4], [0.5, 0.55], [0.38, 0.7], [0.62, 0.7]])
    return Face((left, 30, left + size, 30 + size), 1.0, points * size + (left, 30))


@pytest.mark.parametrize(
    ("option", "inputs"),
    [
        ("auto", {}),
        ("all", {"which": "all"}),
        ("0", {"which": "index", "index": 0}),
        ("1", {"which": "index", "index": 1}),
        ("all", {"which": "left to right"}),
    ],
)
def test_the_command_and_the_node_choose_the_same_faces(
    option: str, inputs: dict[str, Any], files: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    detector = SimpleNamespace(detect=lambda *_, **__: [face(8, 30), face(50, 40)])
    monkeypatch.setattr(PhotoEditor, "find_faces", FIND_FACES)
    monkeypatch.setattr(PhotoEditor, "detector", detector)
    mask = ["--mask", str(files["mask"])]
    agree(files, [*mask, "--face", option], {"mask": mask_of(files), **inputs}, tiny_model())


@pytest.mark.parametrize("grow", [0, 7, -3])
def test_the_command_and_the_node_edit_the_same_regions(
    grow: int, files: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    labels = torch.zeros(1, 256, 256, dtype=torch.long)
    labels[:, 20:90, 40:200], labels[:, 150:190, 90:170] = 17, 11
    monkeypatch.setattr(Parser, "load", lambda *_: Parser(torch.nn.Identity()))
    monkeypatch.setattr(Parser, "parse", lambda *_: labels)
    options = ["--aligned", "--region", "hair+mouth", "--grow", str(grow)]
    agree(files, options, {"aligned": True, "regions": "hair+mouth", "grow": grow}, tiny_model())


@pytest.mark.parametrize("steps", [0, 2])
@pytest.mark.parametrize("option", ["inversion", "fit"])
def test_the_command_and_the_node_descend_as_far(
    option: str, steps: int, files: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tiny_model()
    model = replace(model, inverter=tiny_inverter(model))
    monkeypatch.setattr("facemug_core.cli.loading.load_editor", lambda options: PhotoEditor(model))
    style = "random" if option == "fit" else "projected"
    options = ["--mask", str(files["mask"]), "--aligned", "--style", style, f"--{option}", str(steps)]
    inputs = {"mask": mask_of(files), "aligned": True, "style": style, f"{option}_steps": steps}
    agree(files, options, inputs, model)


def test_an_exemplar_without_a_face_and_a_black_one_are_named_by_both(
    files: dict[str, Path], capsys: pytest.CaptureFixture[str], caplog: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("facemug_core.model.FaceMug.load", lambda *_: tiny_model())
    black = files["photo"].with_name("black.png")
    Image.new("RGB", (SIZE, SIZE)).save(black)
    assert main(["generate", "--exemplar", str(black), "-o", str(black.with_name("face.png"))]) == 0
    said = capsys.readouterr().err
    run("Edit", model=loading.HostedEditor(tiny_model()), exemplar=torch.zeros(1, SIZE, SIZE, 3))
    for sentence in ("No face was found in the exemplar", "face whose style is taken is black"):
        assert sentence in said
        assert sentence in caplog.text
