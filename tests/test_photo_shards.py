"""Photos as training faces, beside those of the bank and instead of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import default_collate

from facemug_core.checkpoints.manifest import WEIGHTS
from facemug_core.errors import InputError
from facemug_core.faces.detection import LANDMARK_FILE, Detector
from facemug_core.faces.parsing import Parser
from facemug_core.networks.bisenet import BiSeNet
from facemug_core.training.data import FaceShards
from facemug_core.training.loop import train
from facemug_core.training.options import Run, Settings
from facemug_core.training.prepare import prepare_photos
from facemug_core.training.samples import GeneratorEdits

from .test_training import make_faces, make_stage

DETECTOR = WEIGHTS / "fetched"


def _photos(folder: Path, names: list[str]) -> None:
    rng = np.random.default_rng(1)
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 255, (64, 64, 3), np.uint8)).save(folder / name)


@pytest.fixture(scope="module")
def parser() -> Parser:
    with torch.random.fork_rng():
        return Parser(BiSeNet().eval())


def test_photos_become_faces_without_codes_and_bad_files_are_named(tmp_path: Path, parser: Parser) -> None:
    _photos(tmp_path / "photos", ["00000/a.png", "b.png"])
    (tmp_path / "photos" / "broken.png").write_bytes(b"no picture")
    refused: list[str] = []
    done: list[int] = []
    prepare_photos(tmp_path / "faces", tmp_path / "photos", parser, None, done.append, refused.append)
    faces = FaceShards(tmp_path / "faces")
    assert len(faces) == 2
    assert sum(done) == 3
    (sentence,) = refused
    assert "broken.png" in sentence
    image, labels, w = faces.face(0)
    assert image.shape == (3, 256, 256)
    assert labels.min() >= 0
    assert w.isnan().all()


def test_photos_are_taken_once_and_new_ones_are_added(tmp_path: Path, parser: Parser) -> None:
    for names in (["a.png"], ["b.png"], []):
        _photos(tmp_path / "photos", names)
        prepare_photos(tmp_path / "faces", tmp_path / "photos", parser, None, [].append, [].append)
    assert len(FaceShards(tmp_path / "faces")) == 2


def test_a_photo_without_a_face_is_named(tmp_path: Path, parser: Parser) -> None:
    if not (DETECTOR / LANDMARK_FILE).is_file():
        pytest.skip("needs the weights that `python -m facemug_core fetch` brings")
    _photos(tmp_path / "photos", ["noise.png"])
    refused: list[str] = []
    prepare_photos(
        tmp_path / "faces", tmp_path / "photos", parser, Detector(DETECTOR), [].append, refused.append
    )
    assert "noise.png" in refused[0]
    with pytest.raises(InputError, match="prepare"):
        FaceShards(tmp_path / "faces")


def _without_codes(folder: Path) -> Path:
    rng = np.random.default_rng(2)
    np.savez(folder / "photos_00000.npz", images=rng.integers(0, 255, (2, 256, 256, 3), dtype=np.uint8))
    return folder


def test_the_generator_learns_from_photos_by_projected_codes(tmp_path: Path) -> None:
    photos = FaceShards(_without_codes(tmp_path))
    samples = [GeneratorEdits(photos, seed=1)[i] for i in range(6)]
    assert all(sample["projected"].all() for sample in samples)
    stage = make_stage("generator", photos)
    settings, run = Settings("generator", steps=1, batch=2), Run(tmp_path / "run", tmp_path)
    train(stage, settings, run, default_collate(samples[:1]))
    assert all(value.isfinite().all() for value in stage.model.state_dict().values())


def test_what_learns_from_codes_leaves_photos_out(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="needs bank faces"):
        FaceShards(_without_codes(tmp_path), coded=True)
    make_faces(tmp_path)
    assert len(FaceShards(tmp_path)) == 6
    assert len(FaceShards(tmp_path, coded=True)) == 4
