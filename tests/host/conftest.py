"""The hosts that tests share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .installing import ROOT
from .running import PACK, Host

NEIGHBORS = Path(__file__).with_name("neighbors")


@pytest.fixture(scope="session")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """A host with our pack beside a broken and a watching one, and no models."""
    packs = {
        PACK: ROOT,
        "broken": NEIGHBORS / "broken",
        "watcher": NEIGHBORS / "watcher",
    }
    with Host(tmp_path_factory.mktemp("host"), packs) as running:
        yield running
