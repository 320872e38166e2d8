"""Fixtures that several files of tests share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from facemug_core.evaluation.efficientnet import EfficientNetLite0
from facemug_core.evaluation.metrics import EfficientNetDistance
from facemug_core.evaluation.trials import Judges
from facemug_core.faces.comparison import FaceComparer
from facemug_core.model import FaceMug
from facemug_core.pipeline.editor import PhotoEditor

from .tiny import tiny_model


@pytest.fixture(scope="session")
def model() -> FaceMug:
    """The tiny model; no test may change it."""
    return tiny_model()


@pytest.fixture(scope="session")
def editor(model: FaceMug) -> PhotoEditor:
    return PhotoEditor(model)


@pytest.fixture(scope="session")
def judge() -> EfficientNetDistance:
    """A perceptual distance with random weights."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return EfficientNetDistance(EfficientNetLite0().eval()).requires_grad_(False)


@pytest.fixture(scope="module")
def judges(judge: EfficientNetDistance) -> Judges:
    """Judges whose distance and likeness are those of small networks."""
    judges = Judges()
    judges.perceptual = judge
    judges.comparer = FaceComparer(nn.Sequential(nn.AvgPool2d(32), nn.Flatten()))
    return judges


@pytest.fixture
def tiny_command(model: FaceMug, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands work with the tiny model."""
    monkeypatch.setattr("facemug_core.cli.loading.load_model", lambda options: model)


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """Small pictures are slower on several threads."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A smooth 256 px picture that is declared an aligned face."""
    pixels = np.random.default_rng(0).integers(0, 255, (8, 8, 3), dtype=np.uint8)
    path = tmp_path / "photo.png"
    Image.fromarray(pixels).resize((256, 256), Image.Resampling.BICUBIC).save(path)
    return path


@pytest.fixture
def mask(tmp_path: Path) -> Path:
    """A mask of some pixels in the middle of that picture."""
    values = np.zeros((256, 256), np.uint8)
    values[80:160, 90:170] = 255
    path = tmp_path / "mask.png"
    Image.fromarray(values).save(path)
    return path
