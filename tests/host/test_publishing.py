"""The packed archive, installed into hosts that have nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from facemug_core.checkpoints.manifest import FETCHED, WEIGHTS, load_manifest
from facemug_core.model import FaceMug
from facemug_core.photos import PhotoEditor

from .checking import converted
from .installing import CLI_PYTHON, HOST_PYTHON
from .library_results import RESULTS
from .packing import packed, unpacked
from .running import Host, Prompt
from .snapshot import FILE
from .test_pack import compare_faces
from .workflows import FOLDER, last_preview

NAME = "facemug"
"""Folder that a manager makes of the project's name."""
MOST_MEGABYTES = 60


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return packed(tmp_path_factory.mktemp("archive"))


@pytest.fixture(scope="module")
def pack(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpacked(archive, tmp_path_factory.mktemp("unpacked"))


@pytest.fixture(scope="module")
def empty(pack: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """A host with nothing but the published pack."""
    with Host(tmp_path_factory.mktemp("empty"), {NAME: pack}) as running:
        yield running


@pytest.fixture(scope="module")
def with_weights(empty: Host) -> Host:
    """The same host after the weights that editing needs, and no others, came into its models folder."""
    models = empty.folder / "models" / "facemug"
    models.mkdir()
    for file in load_manifest():
        if file.group == "run":
            (models / file.name).symlink_to(WEIGHTS / FETCHED / file.name)
    return empty


def quick_edit(host: Host, folder: Path) -> Prompt:
    return converted([FOLDER / "quick_edit.json"], host.nodes(), folder)[0]


def test_the_archive_is_small(archive: Path) -> None:
    assert archive.stat().st_size < MOST_MEGABYTES * 1e6


def test_the_archive_holds_what_people_need_and_nothing_of_the_workshop(archive: Path) -> None:
    with zipfile.ZipFile(archive) as files:
        names = files.namelist()
    assert {name.split("/")[0] for name in names} == {
        "__init__.py", "facemug_core", "nodes", "web", "locales", "workflows", "weights", "docs",
        "install.py", "requirements.txt", "pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE", "NOTICE",
        ".comfyignore",
    }  # fmt: skip
    assert not [name for name in names if name.startswith(f"weights/{FETCHED}/")]


def test_the_check_of_the_registry_finds_nothing(pack: Path) -> None:
    command = [
        CLI_PYTHON, "-m", "comfy_cli", "--skip-prompt", "--no-enable-telemetry", "node", "validate",
    ]  # fmt: skip
    done = subprocess.run(command, cwd=pack, capture_output=True, text=True, check=True)
    assert "All validation checks passed" in done.stdout + done.stderr


def test_installing_without_a_network_succeeds_and_says_what_is_missing(pack: Path) -> None:
    offline = os.environ | {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "", "npm_config_offline": "true"}
    done = subprocess.run(
        [HOST_PYTHON, "install.py"], cwd=pack, env=offline, capture_output=True, text=True, check=True
    )
    assert "the weights are not complete" in done.stdout


def test_without_weights_the_host_says_how_to_bring_them(empty: Host, tmp_path: Path) -> None:
    assert "python -m facemug_core fetch run" in empty.run(quick_edit(empty, tmp_path)).error


def test_with_weights_in_its_models_folder_it_shows_what_the_library_makes(
    with_weights: Host, tmp_path: Path
) -> None:
    prompt = quick_edit(with_weights, tmp_path)
    run = with_weights.run(prompt)
    assert run.error == ""
    (expected,) = RESULTS["quick_edit"](PhotoEditor(FaceMug.load()))
    shown = with_weights.picture(run, last_preview(prompt)).convert("RGB")
    np.testing.assert_array_equal(np.asarray(shown), expected)


def test_without_their_network_faces_are_not_compared_but_the_command_is_named(with_weights: Host) -> None:
    assert "python -m facemug_core fetch compare" in with_weights.run(compare_faces()).error


@pytest.mark.parametrize("name", ["comfyui-facemug", "FACEMUG master"])
def test_it_loads_from_a_folder_of_another_name_without_what_it_may_lack(
    name: str, pack: Path, tmp_path: Path
) -> None:
    with Host(tmp_path, {name: pack}, without=("ai_edge_litert", "open_clip")) as other:
        assert other.nodes(name).keys() >= json.loads(FILE.read_text()).keys()
        assert json.loads(other.get("/workflow_templates"))[name]
        assert "(IMPORT FAILED)" not in other.log
