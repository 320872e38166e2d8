"""Every template opens in a real browser without a missing node, runs, and shows its pictures."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from .installing import BROWSER, CACHE
from .running import PACK, Host
from .workflows import DESCRIPTIONS

SCREENSHOTS = CACHE / "screenshots"


@pytest.fixture(scope="module")
def reports(request: pytest.FixtureRequest, host: Host) -> dict[str, dict]:
    """What the browser saw of each template to be tested; screenshots lie in `.host/screenshots`."""
    names = [item.callspec.params["name"] for item in request.session.items if "reports" in item.fixturenames]
    SCREENSHOTS.mkdir(exist_ok=True)
    # Node looks for modules beside the script.
    script = shutil.copy(Path(__file__).with_name("browser.mjs"), BROWSER)
    command = ["node", script, host.url, PACK, str(SCREENSHOTS), *names]
    done = subprocess.run(command, env=os.environ, stdout=subprocess.PIPE, text=True)
    return {report["name"]: report for report in map(json.loads, done.stdout.splitlines())}


@pytest.mark.parametrize("name", sorted(DESCRIPTIONS))
def test_the_template_opens_and_runs(name: str, reports: dict[str, dict]) -> None:
    assert name in reports, "The browser ended before it came to this template."
    report = reports[name]
    assert report["missing"] == []
    assert report["end"] == "execution_success"
    assert report["pictures"] >= 2
    assert report["overlaps"] == []
    assert report["errors"] == []
