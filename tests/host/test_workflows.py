"""Every workflow in the genuine host: it fits, it runs, and it shows what the library makes, to the bit."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from .checking import complaints, converted
from .library_results import Library, assert_same
from .running import Host, Prompt, Run
from .workflows import DESCRIPTIONS, FOLDER, TILE, TITLES, file_of, file_text, last_preview

NAMES = sorted(DESCRIPTIONS)
OTHERS_HAVE_THE_LAST_WORD = {"hand_over_to_inpainting": "Edited photo", "attributes_grid": "All values"}
"""Titles of the pictures to compare where the last one is made by the host's own nodes."""


@pytest.fixture(scope="module")
def known(host: Host) -> Mapping[str, Any]:
    return host.nodes()


@pytest.fixture(scope="module")
def prompts(known: Mapping[str, Any], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Prompt]:
    folder = tmp_path_factory.mktemp("converted")
    files = [file_of(name) for name in NAMES]
    return dict(zip(NAMES, converted(files, known, folder), strict=True))


def test_every_file_is_described() -> None:
    assert {path.stem for path in FOLDER.glob("*.json")} == {*TITLES.values()}


@pytest.mark.parametrize("name", NAMES)
def test_the_file_is_what_its_description_says(name: str, known: Mapping[str, Any]) -> None:
    file = json.loads(file_of(name).read_text())
    assert with_used_outputs(file) == with_used_outputs(json.loads(file_text(name, known)))


@pytest.mark.parametrize("name", NAMES)
def test_the_file_fits_the_nodes(name: str, known: Mapping[str, Any], tmp_path: Path) -> None:
    assert complaints(file_of(name), known, tmp_path) == ""


@pytest.mark.parametrize("name", NAMES)
def test_the_host_shows_what_the_library_makes(
    name: str, host: Host, prompts: Mapping[str, Prompt], library: Library
) -> None:
    prompt = prompts[name]
    run = host.run(prompt)
    assert run.error == ""
    assert_same(host.pictures(run, shown_by(name, prompt)), library.results(name))


def test_a_workflow_saved_before_values_were_added_runs_as_it_did(
    host: Host, known: Mapping[str, Any], library: Library, tmp_path: Path
) -> None:
    """The file as it was shipped before FACEMUG Edit had a text and folded values."""
    (prompt,) = converted([Path(__file__).with_name("saved") / "make_up.json"], known, tmp_path)
    run = host.run(prompt)
    assert run.error == ""
    assert_same(host.pictures(run, last_preview(prompt)), library.results("make_up"))


@pytest.mark.parametrize("name", NAMES)
def test_a_thumbnail_lies_beside_the_file(name: str) -> None:
    with Image.open(file_of(name).with_suffix(".jpg")) as image:
        assert image.height <= TILE


def test_after_a_slider_only_what_depends_on_it_runs_again(host: Host, prompts: Mapping[str, Prompt]) -> None:
    prompt = prompts["everything_at_once"]
    host.run(prompt)
    mixed = [key for key, node in prompt.items() if node["class_type"] == "FACEMUG_InterpolateLatents"]
    again = host.run(changed(prompt, mixed[0], amount=0.6))
    stages = [
        "FACEMUG_FitLatent", "FACEMUG_Generate", "FACEMUG_InterpolateLatents", "FACEMUG_PasteFaces",
    ]  # fmt: skip
    assert types(prompt, again) == [*stages, "PreviewImage", "PreviewImage"]


def test_after_an_attribute_slider_nothing_is_encoded_again(
    host: Host, prompts: Mapping[str, Prompt]
) -> None:
    prompt = prompts["attributes"]
    host.run(prompt)
    sliders = [key for key, node in prompt.items() if node["class_type"] == "FACEMUG_AttributeSliders"]
    again = host.run(changed(prompt, sliders[0], yaw=0.3))
    stages = ["FACEMUG_AttributeSliders", "FACEMUG_Generate", "FACEMUG_PasteFaces"]
    assert types(prompt, again) == [*stages, "PreviewImage", "PreviewImage"]


def test_a_second_workflow_loads_no_weights_again(host: Host, prompts: Mapping[str, Prompt]) -> None:
    host.run(prompts["quick_edit"])
    again = host.run(prompts["face_from_a_map"])
    assert again.error == ""
    assert "FACEMUG_LoadModel" not in types(prompts["face_from_a_map"], again)


@pytest.mark.parametrize("name", ["quick_edit", "everything_at_once", "pose", "text"])
def test_random_states_the_default_dtype_and_inputs_of_others_stay(
    name: str, host: Host, prompts: Mapping[str, Prompt]
) -> None:
    prompt = watched(prompts[name])
    run = host.run(prompt)
    assert run.error == ""
    assert run.outputs["before"] == run.outputs["after"]


def test_nothing_has_asked_for_the_network(host: Host) -> None:
    """The last one, so that all the others have run."""
    assert "REFUSED NETWORK" not in host.log


def with_used_outputs(workflow: dict[str, Any]) -> dict[str, Any]:
    """A workflow without the host's outputs that nothing takes: its nodes gain some in later releases."""
    graphs = [workflow, *workflow.get("definitions", {}).get("subgraphs", [])]
    for node in (node for graph in graphs for node in graph["nodes"]):
        if not node["type"].startswith("FACEMUG_"):
            node["outputs"] = [output for output in node["outputs"] if output["links"]]
    return workflow


def shown_by(name: str, prompt: Prompt) -> str:
    """The node that shows what is compared."""
    title = OTHERS_HAVE_THE_LAST_WORD.get(name)
    if title is None:
        return last_preview(prompt)
    return next(key for key, node in prompt.items() if node["_meta"]["title"] == title)


def changed(prompt: Prompt, node: str, **values: Any) -> Prompt:
    """The prompt with other values of one node."""
    return prompt | {node: prompt[node] | {"inputs": prompt[node]["inputs"] | values}}


def watched(prompt: Prompt) -> Prompt:
    """The prompt with a watcher between its first photo and all that takes it, and one behind its result.

    Without previews: the host draws random names for them.
    """
    photo = next(key for key, node in prompt.items() if node["class_type"] == "LoadImage")
    watching = {
        key: node
        | {"inputs": {n: ["before", 0] if v == [photo, 0] else v for n, v in node["inputs"].items()}}
        for key, node in prompt.items()
        if node["class_type"] not in ("PreviewImage", "MaskPreview")
    }
    return watching | {
        "before": {"class_type": "Watcher", "inputs": {"image": [photo, 0]}},
        "after": {
            "class_type": "Watcher",
            "inputs": {"image": ["before", 0], "after": prompt[last_preview(prompt)]["inputs"]["images"]},
        },
    }


def types(prompt: Prompt, run: Run) -> list[str]:
    """Classes of the nodes that ran."""
    return sorted(prompt[node]["class_type"] for node in run.ran)
