"""Training of the detail stage: its faces, its samples, and going on where a run stopped."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.data import default_collate

from facemug_core.networks.mobilenet_v2 import MobileNetV2Features
from facemug_core.networks.perceptual import PerceptualLoss
from facemug_core.training.data import FaceShards
from facemug_core.training.detail import (
    CUT,
    SIDE,
    WINDOWS,
    DetailStage,
    FineEdits,
    FineFeatures,
    _random_cut,
    prepare_fine_faces,
)
from facemug_core.training.loop import RunConfig, train

from .tiny import tiny_config, tiny_model


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("faces")
    rng = np.random.default_rng(0)
    np.savez(
        folder / "0000.npz",
        images=rng.integers(0, 255, (2, 256, 256, 3), dtype=np.uint8),
        labels=rng.integers(0, 19, (2, 256, 256)).astype(np.int8),
        w=rng.normal(size=(2, 512)).astype(np.float32),
    )
    prepare_fine_faces(folder, FaceShards(folder), 2, tiny_model())
    return folder


def test_fine_faces_that_are_there_are_not_drawn_again(folder: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in (folder / "fine").iterdir()}
    prepare_fine_faces(folder, FaceShards(folder), 2, tiny_model(seed=1))
    assert len(before) == 2
    assert before == {path: path.stat().st_mtime_ns for path in (folder / "fine").iterdir()}


def test_samples_depend_on_seed_and_number_alone(folder: Path) -> None:
    edits = FineEdits(folder, seed=5)
    edits[0]
    again = FineEdits(folder, seed=5)[3]
    assert all(torch.equal(value, again[key]) for key, value in edits[3].items())


def test_every_window_has_masked_pixels(folder: Path) -> None:
    for index in range(8):
        sample = FineEdits(folder, seed=1)[index]
        assert sample["corners"].shape == (WINDOWS, 2)
        for top, left in sample["corners"].tolist():
            window = sample["mask"][:, top : top + SIDE, left : left + SIDE]
            assert window.shape == (1, SIDE, SIDE)
            assert window.any()


def test_kept_pixels_of_the_edit_are_the_photos(folder: Path) -> None:
    sample = FineEdits(folder, seed=1)[0]
    pooled = torch.nn.functional.avg_pool2d(sample["photo"], sample["photo"].shape[-1] // 256)
    kept = sample["mask"][0] == 0
    # Both are pictures of 8 bits.
    torch.testing.assert_close(sample["edited"][:, kept], pooled[:, kept], atol=1.01 / 127.5, rtol=0)


def test_only_some_edits_are_to_be_compared_with_the_truth(folder: Path) -> None:
    dataset = FineEdits(folder, seed=0)
    assert {float(dataset[i]["aligned"]) for i in range(8)} == {0.0, 1.0}


def test_a_cut_is_the_same_of_all_pictures() -> None:
    picture = torch.rand(2, 3, 32, 32)
    cut = _random_cut(picture)
    assert cut(picture).shape == (2, 3, 32 - CUT, 32 - CUT)
    assert torch.equal(cut(picture)[:, :1], cut(picture[:, :1]))


def _trained(data: Path, folder: Path, minutes: float | None = None) -> dict[str, torch.Tensor]:
    torch.manual_seed(3)
    stage = DetailStage(
        tiny_config(), FineEdits(data, seed=0), PerceptualLoss(FineFeatures(MobileNetV2Features()))
    )
    samples = default_collate([stage.dataset[0]])
    train(stage, RunConfig(str(folder), steps=2, minutes=minutes, batch=2), samples)
    return stage.model.state_dict()


def test_stopping_and_going_on_equals_not_stopping(folder: Path, tmp_path: Path) -> None:
    whole = _trained(folder, tmp_path / "whole")
    for _ in range(2):
        parts = _trained(folder, tmp_path / "parts", minutes=0)
    assert all(torch.equal(value, parts[key]) for key, value in whole.items())
    assert (tmp_path / "whole" / "samples.jpg").is_file()
