"""The command and the node say the same: one test for each option that both have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from facemug_core.cli import main
from facemug_core.editing.directions import Linear, save_directions
from facemug_core.latents import Latent, save_latent
from facemug_core.pipeline.editor import PhotoEditor
from facemug_core.pipeline.locate import ANY_FACE, FaceQuery

from .test_nodes import loading, run
from .tiny import tiny_model

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


def _no_face_but_aligned(find: Any) -> Any:
    def found(self: PhotoEditor, photo: Any, query: FaceQuery = ANY_FACE, *others: Any) -> Any:
        return find(self, photo, query) if query.aligned else []

    return found


@pytest.mark.parametrize("case", CASES)
def test_the_command_and_the_node_give_the_same_pictures(case: str, files: dict[str, Path]) -> None:
    options, inputs = CASES[case]
    folder = files["photo"].parent / "out"
    command = ["edit", str(files["photo"]), "--mask", str(files["mask"]), "--aligned", "--device", "cpu"]
    assert main([*command, *(one.format(**files) for one in options), "-o", str(folder / "x.png")]) == 0
    mask = torch.from_numpy(np.array(Image.open(files["mask"]))).float()[None] / 255
    given = {name: value() if callable(value) else value for name, value in inputs.items()}
    edited = run(
        "Edit", model=loading.HostedEditor(tiny_model(), []), image=image_of(noise(0, SIZE, SIZE, 3)),
        mask=mask, aligned=True, **given,
    )[0]  # fmt: skip
    written = [np.array(Image.open(path)) for path in sorted(folder.iterdir())]
    assert len(written) == len(edited)
    for one, other in zip(written, edited, strict=True):
        assert np.array_equal(one, (other * 255).round().byte().numpy())


def test_an_exemplar_without_a_face_and_a_black_one_are_named_by_both(
    files: dict[str, Path], capsys: pytest.CaptureFixture[str], caplog: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("facemug_core.model.FaceMug.load", lambda *_: tiny_model())
    black = files["photo"].with_name("black.png")
    Image.new("RGB", (SIZE, SIZE)).save(black)
    assert main(["generate", "--exemplar", str(black), "-o", str(black.with_name("face.png"))]) == 0
    said = capsys.readouterr().err
    run("Edit", model=loading.HostedEditor(tiny_model(), []), exemplar=torch.zeros(1, SIZE, SIZE, 3))
    for sentence in ("No face was found in the exemplar", "face whose style is taken is black"):
        assert sentence in said
        assert sentence in caplog.text
