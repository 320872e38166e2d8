"""The hosts that tests share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from facemug_core.model import FaceMug
from facemug_core.pipeline.editor import PhotoEditor

from .installing import ROOT
from .library_results import Library
from .running import PACK, Host

NEIGHBORS = Path(__file__).with_name("neighbors")


PACKS = {PACK: ROOT, "broken": NEIGHBORS / "broken", "watcher": NEIGHBORS / "watcher"}


@pytest.fixture(scope="session")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """A host with our pack beside a broken and a watching one, and no models."""
    with Host(tmp_path_factory.mktemp("host"), PACKS) as running:
        yield running


@pytest.fixture(scope="session")
def library(host: Host) -> Library:
    return Library(PhotoEditor(FaceMug.load()), host)
