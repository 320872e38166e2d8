"""What tests of nodes share: networks as a node brings them, and folders of a host."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from ..text_models import tiny_clip
from ..tiny import tiny_model
from .running import loading, text_nodes


@pytest.fixture(scope="module")
def model() -> Any:
    return loading.HostedEditor(tiny_model())


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: Any) -> Path:
    paths = sys.modules["folder_paths"]
    for name in ("input", "output", "user"):
        (tmp_path / "modèle é" / name).mkdir(parents=True)
        folder = str(tmp_path / "modèle é" / name)
        monkeypatch.setattr(paths, f"get_{name}_directory", lambda folder=folder: folder)
    monkeypatch.setattr(paths, "base", tmp_path / "modèle é", raising=False)
    return tmp_path / "modèle é"


@pytest.fixture
def clip() -> Any:
    return text_nodes.HostedClip(tiny_clip())
