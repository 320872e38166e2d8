"""Fixtures that several files of tests share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

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
