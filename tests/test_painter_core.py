"""The painter's drawing core, by node's own test runner."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from .pack import ROOT


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_the_drawing_core_passes_its_tests() -> None:
    done = subprocess.run(
        ["node", "--test", ROOT / "tests/web/painter.test.mjs"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
