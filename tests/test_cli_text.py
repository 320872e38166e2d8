"""`edit --text` as people write it, with a face text-image model of few words."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from facemug_core.checkpoints.reading import save_safetensors
from facemug_core.cli import main
from facemug_core.editing.clip import FACE_DIM, FACE_FILE
from facemug_core.editing.relevance import measure_relevance, relevance_name, save_relevance
from facemug_core.latents import load_latent

from .text_models import WORDS, tiny_clip


@pytest.fixture
def edit(tmp_path: Path) -> list[str]:
    """Arguments that edit the middle of an aligned photo."""
    clip = tiny_clip()
    save_safetensors(tmp_path / FACE_FILE, clip.network.state_dict(), {"words": json.dumps(WORDS)})
    generator = torch.Generator().manual_seed(0)
    codes, views = (torch.randn(20, size, generator=generator) for size in (512, FACE_DIM))
    save_relevance(tmp_path / relevance_name("face"), measure_relevance(codes, views, "face"))
    pixels = np.random.default_rng(0).integers(0, 255, (8, 8, 3), dtype=np.uint8)
    Image.fromarray(pixels).resize((256, 256)).save(tmp_path / "photo.png")
    values = np.zeros((256, 256), np.uint8)
    values[80:160, 90:170] = 255
    Image.fromarray(values).save(tmp_path / "mask.png")
    files = ["--mask", str(tmp_path / "mask.png"), "-o", str(tmp_path / "out.png")]
    return ["edit", str(tmp_path / "photo.png"), *files, "--aligned", "--weights", str(tmp_path)]


def _changed(tmp_path: Path) -> np.ndarray:
    before, after = (np.asarray(Image.open(tmp_path / name)) for name in ("photo.png", "out.png"))
    return (before != after).any(-1)


@pytest.mark.usefixtures("tiny_command")
@pytest.mark.parametrize("mode", [["--text-steps", "2"], ["--text-mode", "direction"]])
def test_a_text_edit_stays_in_its_mask_and_names_unknown_words(
    edit: list[str], mode: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*edit, "--text", "purple hair", *mode]) == 0
    changed = _changed(tmp_path)
    assert changed[80:160, 90:170].any()
    changed[80:160, 90:170] = False
    assert not changed.any()
    assert "does not know purple" in capsys.readouterr().err


@pytest.mark.usefixtures("tiny_command")
def test_a_text_that_was_searched_for_is_in_the_recipe_and_undone(edit: list[str], tmp_path: Path) -> None:
    plain, moved = tmp_path / "plain.safetensors", tmp_path / "moved.safetensors"
    assert main([*edit, "--style", "photo", "--save-latent", str(plain)]) == 0
    assert main([*edit, "--text", "hair", "--text-steps", "2", "--save-latent", str(moved)]) == 0
    latent = load_latent(moved)
    assert [step["operation"] for step in latent.recipe] == ["text"]
    assert torch.equal(latent.undone().codes, load_latent(plain).codes)


@pytest.mark.usefixtures("tiny_command")
def test_an_empty_text_is_one_clear_line(edit: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*edit, "--text", " "]) == 2
    assert capsys.readouterr().err.startswith("facemug: The text is empty")
