"""The pack in a real browser: the host's own front end, and the newest with both of its renderers of nodes.

Every template opens without a missing node, runs, and shows what the library makes, to the bit; edits are
built on an empty canvas; nodes are found by words; workflows that were saved earlier run.
"""

from __future__ import annotations

import copy
import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from facemug_core.editing.directions import shipped_directions
from facemug_core.pipeline.editor import EditRequest
from facemug_core.pipeline.locate import FaceQuery
from facemug_core.pipeline.style import slider_move
from facemug_core.sheets import faces_overlay

from .checking import converted
from .conftest import PACKS
from .installing import BROWSER, CACHE, FRONTEND
from .library_results import GROUP, Library, assert_same, edited, faces_of_the_group, on_a_node, shortest_edit
from .running import PACK, Host, Prompt
from .test_workflows import shown_by
from .workflows import DESCRIPTIONS, MAP, PHOTO, TITLES, file_of

SCREENSHOTS = CACHE / "screenshots"
WAYS = {"own": "canvas", "newest": "canvas", "newest_vue": "vue"}
"""Which front end: the host's own or the newest; and what shows its nodes there."""
NAMES = sorted(DESCRIPTIONS)
HALF = int(os.environ["HALF"]) if "HALF" in os.environ else None
"""0 or 1 leaves out every second workflow on the canvas: one half on the host's own front end, the other half
on the newest."""
FIELD_TYPES = ("INT", "FLOAT", "STRING", "BOOLEAN", "COMBO")

WORDS = {
    "age": "PortraitSliders", "expression": "PortraitSliders", "smile": "PortraitSliders",
    "portrait": "PortraitSliders", "retouch": "Edit", "inpaint": "Edit", "hair": "RegionMask",
    "eyes": "RegionMask", "glasses": "RegionMask", "beard": "TextDirection", "make-up": "ColorMap",
    "makeup": "ColorMap", "swap": "EncodeExemplar",
}  # fmt: skip
"""What people look for, and a node of ours that they should find."""

SAVED_BEFORE = Path(__file__).with_name("saved") / "make_up.json"
"""A template as it was shipped before FACEMUG Edit had a text and folded values."""
SEEN = (
    "regions", "grow", "sketch_strength", "semantic_strength", "color_strength", "style", "seed",
    "control_after_generate", "text",
)  # fmt: skip
"""Values of FACEMUG Edit before the fold, with the one that the front end adds to the seed."""

EDIT_TITLE = "FACEMUG Edit (Inpaint, Retouch)"

NODE = "FACEMUG_DetectFaces"
FINDER, BOXES_FOUND = 100, 4
"""Id of a second node of the kind, and its output `boxes_found`."""
BOX = {"x": 0, "y": 0, "width": 512, "height": 512}
SAVED = {
    "fresh": ["largest", 0, False, "error", BOX, 0, 0, 512, 512, 0],
    "opened": ["largest", 0, False, "error", 0, 0, 0, 512, 512, 0],
}
"""Values of Detect & Align Faces as front ends from 1.39 on have saved them: of a fresh node, and of one that
came with an older workflow."""


@pytest.fixture(scope="module")
def newest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """A host that serves the newest front end, and keeps its results for the other renderer."""
    options = ("--front-end-root", str(FRONTEND), "--cache-lru", "1000")
    with Host(tmp_path_factory.mktemp("newest"), PACKS, options=options) as running:
        yield running


@pytest.fixture(scope="module", params=WAYS)
def way(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def browsed(way: str, request: pytest.FixtureRequest) -> Host:
    """The host whose front end is looked at."""
    return request.getfixturevalue("host" if way == "own" else "newest")


@pytest.fixture(scope="module")
def reports(
    way: str, browsed: Host, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> dict[tuple[str, str], dict[str, Any]]:
    """What the browser saw, by kind and name; screenshots are in `.host/screenshots`."""
    wanted = [item.callspec.params for item in request.session.items if "reports" in item.fixturenames]
    names = [one["name"] for one in wanted if one["way"] == way and "name" in one]
    jobs = tmp_path_factory.mktemp("jobs") / "jobs.json"
    work = {
        "templates": {name: TITLES[name] for name in names if not left_out(way, name)},
        "saved": {
            "make_up": json.loads(SAVED_BEFORE.read_text()),
            **{name: saved_with_fields(values) for name, values in SAVED.items()},
            "linked": saved_with_a_link(),
        },
        "photo": PHOTO,
        "group": GROUP,
        "words": list(WORDS),
        "map": MAP,
    }
    jobs.write_text(json.dumps(work))
    folder = SCREENSHOTS / way
    folder.mkdir(parents=True, exist_ok=True)
    # Node looks for modules beside the script.
    script = shutil.copy(Path(__file__).with_name("browser.mjs"), BROWSER)
    command = ["node", script, browsed.url, PACK, str(folder), WAYS[way], str(jobs)]
    done = subprocess.run(command, env=os.environ, stdout=subprocess.PIPE, text=True)
    seen = map(json.loads, done.stdout.splitlines())
    return {(report["kind"], report.get("name", "")): report for report in seen}


def left_out(way: str, name: str) -> bool:
    if HALF is None or way == "newest_vue":
        return False
    return (NAMES.index(name) + HALF) % 2 == (way == "own")


def saved_with_fields(values: list[Any]) -> dict[str, Any]:
    """A template as a front end saves it that shows `boxes` as fields, with these values of its node."""
    workflow = json.loads(file_of("sketch").read_text())
    node = finder(workflow)
    node["widgets_values"] = values
    (boxes,) = (socket for socket in node["inputs"] if socket["name"] == "boxes")
    boxes["widget"] = {"name": "boxes"}
    node["inputs"] = [*(socket for socket in node["inputs"] if socket is not boxes), boxes]
    return workflow


def saved_with_a_link() -> dict[str, Any]:
    """The same, where another node of the kind finds the boxes."""
    workflow = saved_with_fields(SAVED["fresh"])
    node = finder(workflow)
    other = copy.deepcopy(node) | {"id": FINDER, "pos": [0, 2000]}
    for output in other["outputs"]:
        output["links"] = []
    workflow["nodes"].append(other)
    origins = {link[0]: link[1:3] for link in workflow["links"]}
    ends = [(origins[socket["link"]], other, socket) for socket in other["inputs"] if socket["link"]]
    ends.append(([FINDER, BOXES_FOUND], node, node["inputs"][-1]))
    for link, ((origin, slot), target, socket) in enumerate(ends, start=workflow["last_link_id"] + 1):
        source = next(one for one in workflow["nodes"] if one["id"] == origin)
        source["outputs"][slot]["links"].append(link)
        socket["link"] = link
        place = target["inputs"].index(socket)
        workflow["links"].append([link, origin, slot, target["id"], place, socket["type"]])
        workflow["last_link_id"] = link
    workflow["last_node_id"] = FINDER
    return workflow


def finder(workflow: dict[str, Any]) -> dict[str, Any]:
    """The node of a workflow that finds faces."""
    return next(node for node in workflow["nodes"] if node["type"] == NODE)


def test_the_renderer_of_nodes_is_the_one_that_is_asked_for(way: str, reports: dict) -> None:
    assert bool(reports["canvas", ""]["vue"]) == (WAYS[way] == "vue")


def test_no_type_of_our_sockets_is_one_of_fields(reports: dict, browsed: Host) -> None:
    """A front end that has fields for a type shows them in place of a socket, but for `forceInput`."""
    taken = set(reports["canvas", ""]["fields"]) - set(FIELD_TYPES)
    types = {
        kind
        for node in browsed.nodes(PACK).values()
        for section in ("required", "optional")
        for kind, *options in node["input"].get(section, {}).values()
        if isinstance(kind, str) and not (options and options[0].get("forceInput"))
    }
    assert types & taken == set()


def test_a_new_node_has_a_socket_for_every_input_that_is_no_value(reports: dict, browsed: Host) -> None:
    expected = {
        identity: {
            name
            for section in ("required", "optional")
            for name, (kind, *_) in node["input"].get(section, {}).items()
            if isinstance(kind, str) and kind not in FIELD_TYPES
        }
        for identity, node in browsed.nodes(PACK).items()
    }
    sockets = reports["canvas", ""]["sockets"]
    assert {identity: set(names) for identity, names in sockets.items()} == expected


def test_the_shortest_edit_is_built_on_an_empty_canvas(
    reports: dict, browsed: Host, library: Library
) -> None:
    canvas, report = reports["canvas", ""], reports["built", ""]
    assert report["end"] == "execution_success"
    assert canvas["errors"] + report["errors"] == []
    run = browsed.finished(report["prompt"])
    assert_same(browsed.pictures(run, canvas["edited"]), shortest_edit(library))
    assert_same(browsed.pictures(run, canvas["crops"]), faces_of_the_group(library))


@pytest.mark.parametrize("word", WORDS)
def test_a_node_is_found_by_what_people_look_for(word: str, reports: dict) -> None:
    assert f"FACEMUG_{WORDS[word]}" in reports["canvas", ""]["found"][word]


def test_a_smile_takes_two_nodes_and_is_shown_on_the_second(
    reports: dict, browsed: Host, library: Library
) -> None:
    assert reports["built", ""]["end"] == "execution_success"
    run = browsed.finished(reports["built", ""]["prompt"])
    smile = slider_move("smile", shipped_directions()["smile"], 1.0)
    request = EditRequest(regions="face", grow=4, directions=[smile])
    _, after = browsed.pictures(run, reports["canvas", ""]["smile"])
    assert_same([after], edited(library, request))


def test_the_node_that_finds_faces_shows_them_numbered(
    reports: dict, browsed: Host, library: Library
) -> None:
    run = browsed.finished(reports["built", ""]["prompt"])
    photo = library.photo(GROUP)
    faces = library.editor.find_faces(photo, FaceQuery("left to right"))
    expected = on_a_node(faces_overlay(photo, faces))
    node = reports["canvas", ""]["find"]
    if node in run.cached:
        pytest.skip("The host tells nothing of a node that the run of the other renderer left it.")
    assert_same(browsed.pictures(run, node), [expected])


def test_eight_values_of_the_one_node_are_before_the_fold(reports: dict) -> None:
    """Which the Vue renderer draws."""
    assert tuple(reports["canvas", ""]["seen"]) == SEEN


def test_templates_have_titles_and_an_order(reports: dict) -> None:
    assert reports["titles", ""]["titles"] == sorted(TITLES.values())


def test_a_workflow_saved_before_values_were_added_is_the_same_prompt(
    reports: dict, browsed: Host, tmp_path: Path
) -> None:
    report = reports["saved", "make_up"]
    assert report["errors"] == []
    new = {"text": "", "text_strength": 1.0}
    (expected,) = converted([SAVED_BEFORE], browsed.nodes(), tmp_path)
    assert without(new, report["prompt"]) == without(new, expected)


def without(values: Mapping[str, Any], prompt: Prompt) -> dict[str, dict[str, Any]]:
    """The inputs of a prompt without those that have these values."""
    return {
        key: {name: value for name, value in own.items() if (name, value) not in values.items()}
        for key, own in inputs(prompt).items()
    }


def test_warnings_stand_on_their_nodes_and_are_shown_once(reports: dict) -> None:
    report = reports["warned", ""]
    assert report["end"] == "execution_success"
    assert report["errors"] == []
    edit, semantic = (report["shown"][title] for title in (EDIT_TITLE, "Semantic Map from Image"))
    assert any("mask is empty" in line for line in edit)
    assert any("pixels have colors near those of labels" in line for line in semantic)
    assert sorted(report["messages"]) == sorted([*edit, *semantic])


def test_a_warning_goes_when_its_node_runs_again_without_it(reports: dict) -> None:
    report = reports["mended", ""]
    assert report["end"] == "execution_success"
    assert report["shown"].keys() == {EDIT_TITLE}


@pytest.fixture(scope="module")
def prompt(browsed: Host, tmp_path_factory: pytest.TempPathFactory) -> Prompt:
    """Of the template that `saved_with_fields` takes."""
    folder = tmp_path_factory.mktemp("converted")
    return converted([file_of("sketch")], browsed.nodes(), folder)[0]


@pytest.mark.parametrize("values", SAVED)
def test_a_workflow_that_was_saved_with_fields_for_boxes_is_the_same_prompt(
    values: str, reports: dict, prompt: Prompt
) -> None:
    report = reports["saved", values]
    assert report["errors"] == []
    assert inputs(report["prompt"]) == inputs(prompt)


def test_a_link_to_boxes_that_were_fields_stays(reports: dict, prompt: Prompt) -> None:
    report = reports["saved", "linked"]
    assert report["errors"] == []
    (key,) = (key for key, node in prompt.items() if node["class_type"] == NODE)
    expected = inputs(prompt) | {str(FINDER): prompt[key]["inputs"]}
    expected[key] = expected[key] | {"boxes": [str(FINDER), BOXES_FOUND]}
    assert inputs(report["prompt"]) == expected


def inputs(prompt: Prompt) -> dict[str, dict[str, Any]]:
    return {key: node["inputs"] for key, node in prompt.items()}


@pytest.mark.parametrize("name", NAMES)
def test_the_template_opens_and_shows_what_the_library_makes(
    way: str, name: str, reports: dict, browsed: Host, library: Library
) -> None:
    if left_out(way, name):
        pytest.skip("in the other half")
    assert ("template", name) in reports, "The browser ended before it came to this template."
    report = reports["template", name]
    assert report["missing"] == []
    assert report["end"] == "execution_success"
    assert report["pictures"] >= 2
    assert report["overlaps"] == []
    assert report["errors"] == []
    run = browsed.finished(report["prompt"])
    assert_same(browsed.pictures(run, shown_by(name, run.prompt)), library.results(name))
