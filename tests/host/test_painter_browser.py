"""The painter's panel in a real browser: drawn in, undone, opened again, previewed and run."""

from __future__ import annotations

import base64
import io
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from .conftest import PACKS
from .installing import BROWSER, CACHE, FRONTEND
from .running import Host
from .test_kinds import graph
from .workflows import PHOTO

SCREENSHOTS = CACHE / "screenshots" / "painter"
WAYS = {"own": "canvas", "newest_vue": "vue"}
"""Which front end: the host's own, or the newest one; and what shows its nodes there."""


@pytest.fixture(scope="module", params=WAYS)
def way(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def browsed(way: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """A host whose front end is painted in."""
    options = () if way == "own" else ("--front-end-root", str(FRONTEND))
    with Host(tmp_path_factory.mktemp(way), PACKS, options=options) as running:
        yield running


@pytest.fixture(scope="module")
def seen(way: str, browsed: Host) -> dict[str, Any]:
    """What `painter.mjs` saw; its screenshots are in `.host/screenshots/painter`."""
    folder = SCREENSHOTS / way
    folder.mkdir(parents=True, exist_ok=True)
    # Node looks for modules beside the script.
    script = shutil.copy(Path(__file__).with_name("painter.mjs"), BROWSER)
    command = ["node", script, browsed.url, str(folder), WAYS[way], PHOTO]
    done = subprocess.run(command, env=os.environ, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout)


def layer(host: Host, file: str) -> np.ndarray:
    return np.asarray(Image.open(host.folder / "input" / file).convert("RGBA"))


def test_the_page_reports_no_error(seen: dict[str, Any]) -> None:
    assert seen["errors"] == []


def test_a_click_on_hair_masks_hair(seen: dict[str, Any], browsed: Host) -> None:
    assert seen["faces"] == 1
    mask = layer(browsed, seen["region"])[..., 0]
    assert set(np.unique(mask)) == {0, 255}
    assert 0.05 < (mask == 255).mean() < 0.5


def test_a_stroke_has_the_color_that_was_chosen(seen: dict[str, Any], browsed: Host) -> None:
    paint = layer(browsed, seen["painted"])
    assert set(map(tuple, paint.reshape(-1, 4))) == {(0, 0, 0, 0), (0x20, 0x40, 0xC0, 255)}


def test_undo_takes_the_stroke_back_and_redo_brings_it_again(seen: dict[str, Any]) -> None:
    assert seen["undone"] == ""
    assert seen["redone"] == seen["painted"]
    assert seen["same_after_redo"]


def test_a_painting_that_is_opened_again_is_the_same(seen: dict[str, Any]) -> None:
    assert seen["same_text_after_reload"]
    assert seen["same_after_reload"]
    assert seen["same_result_after_reload"]


def test_the_run_gives_what_the_preview_shows(seen: dict[str, Any], browsed: Host) -> None:
    assert seen["end"] == "execution_success"
    (run,) = browsed.pictures(browsed.finished(seen["prompt"]), seen["shown"])
    result = Image.open(io.BytesIO(base64.b64decode(seen["result"].split(",")[1]))).convert("RGB")
    # The photo's own pixels are decoded by the browser there, and by Pillow here.
    assert np.abs(np.asarray(result).astype(int) - run).max() <= 4


def test_the_workflow_runs_in_another_host_with_its_files(
    seen: dict[str, Any], browsed: Host, tmp_path: Path
) -> None:
    with Host(tmp_path) as other:
        for file in (seen["region"], seen["painted"]):
            target = other.folder / "input" / file
            target.parent.mkdir(exist_ok=True)
            shutil.copy(browsed.folder / "input" / file, target)
        painter = {"size": "light", "precision": "float32", "painting": seen["text"]}
        preview = {"images": ["painter", 0]}
        prompt = graph(painter=("FACEMUG_Painter", painter), shown=("PreviewImage", preview))
        (there,) = other.pictures(other.run(prompt), "shown")
    (here,) = browsed.pictures(browsed.finished(seen["prompt"]), seen["shown"])
    np.testing.assert_array_equal(there, here)
