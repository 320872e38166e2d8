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

from .checking import converted
from .installing import CLI_PYTHON, HOST_PYTHON
from .library_results import Library
from .packing import packed, unpacked
from .running import Host, Prompt
from .snapshot import FILE
from .test_pack import compare_faces
from .workflows import PHOTO, file_of, last_preview

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
    bring_weights(empty)
    return empty


def bring_weights(host: Host) -> None:
    models = host.folder / "models" / "facemug"
    models.mkdir()
    for file in load_manifest():
        if file.group == "run":
            (models / file.name).symlink_to(WEIGHTS / FETCHED / file.name)


def quick_edit(host: Host, folder: Path) -> Prompt:
    return converted([file_of("quick_edit")], host.nodes(), folder)[0]


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
    with_weights: Host, library: Library, tmp_path: Path
) -> None:
    prompt = quick_edit(with_weights, tmp_path)
    run = with_weights.run(prompt)
    assert run.error == ""
    (expected,) = library.results("quick_edit")
    shown = with_weights.picture(run, last_preview(prompt)).convert("RGB")
    np.testing.assert_array_equal(np.asarray(shown), expected)


def test_without_their_network_faces_are_not_compared_but_the_command_is_named(with_weights: Host) -> None:
    assert "python -m facemug_core fetch compare" in with_weights.run(compare_faces()).error


@pytest.fixture(scope="module", params=["comfyui-facemug", "FACEMUG master"])
def lacking(
    request: pytest.FixtureRequest, archive: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Host]]:
    """The pack in a folder of its own under another name, in a host without what it may lack; everywhere else
    a link leads to the pack."""
    folder = tmp_path_factory.mktemp("lacking")
    unpacked(archive, folder / "custom_nodes" / request.param)
    with Host(folder, {}, without=("ai_edge_litert", "open_clip")) as running:
        bring_weights(running)
        yield request.param, running


def test_it_loads_from_a_folder_of_another_name_without_what_it_may_lack(lacking: tuple[str, Host]) -> None:
    name, host = lacking
    assert host.nodes(name).keys() >= json.loads(FILE.read_text()).keys()
    assert "(IMPORT FAILED)" not in host.log


def test_texts_and_examples_are_found_in_a_folder_of_another_name(lacking: tuple[str, Host]) -> None:
    name, host = lacking
    assert json.loads(host.get("/i18n"))["ja"]["nodeDefs"].keys() >= host.nodes(name).keys()
    assert (host.folder / "input" / PHOTO).is_file()


@pytest.mark.parametrize("lacking", ["comfyui-facemug"], indirect=True)
def test_templates_and_help_pages_are_served_from_a_folder_of_another_name(lacking: tuple[str, Host]) -> None:
    """But for names with spaces: the host's server, aiohttp, finds no files of any pack there."""
    name, host = lacking
    for template in json.loads(host.get("/workflow_templates"))[name]:
        assert json.loads(host.get(f"/api/workflow_templates/{name}/{template}.json"))["nodes"]
    for node in host.nodes(name):
        assert host.get(f"/extensions/{name}/docs/{node}.md").startswith(b"# ")


def test_without_the_runtime_that_finds_faces_an_edit_says_how_to_install_it(
    lacking: tuple[str, Host], tmp_path: Path
) -> None:
    _, host = lacking
    assert "pip install ai-edge-litert" in host.run(quick_edit(host, tmp_path)).error


def load_clip(name: str) -> Prompt:
    return {
        "1": {"class_type": "FACEMUG_LoadClip", "inputs": {"name": name}},
        "2": {"class_type": "PreviewAny", "inputs": {"source": ["1", 0]}},
    }


def test_without_open_clip_its_models_say_how_to_install_it(lacking: tuple[str, Host]) -> None:
    _, host = lacking
    assert "pip install open_clip_torch" in host.run(load_clip("ViT-B-32")).error


def test_the_face_model_needs_no_open_clip(lacking: tuple[str, Host]) -> None:
    _, host = lacking
    assert host.run(load_clip("face")).error == ""
