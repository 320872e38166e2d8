"""The pack in the genuine host, with an empty models folder, beside a broken pack and a watching one."""

from __future__ import annotations

import json

import pytest

from facemug_core.checkpoints.places import Places
from facemug_core.faces.comparison import FaceComparer
from facemug_core.sheets import PANEL

from .installing import ROOT
from .library_results import Library
from .running import PACK, Host, Prompt
from .snapshot import FILE, breaks, snapshot
from .workflows import EXEMPLARS, PHOTO

COMPARED = (PHOTO, EXEMPLARS[0])
"""Files of two photos."""


def test_every_node_is_listed_with_its_category(host: Host) -> None:
    nodes = host.nodes(PACK)
    assert nodes.keys() >= json.loads(FILE.read_text()).keys()
    assert all(node["category"].startswith("image/face/FACEMUG/") for node in nodes.values())
    assert all(identity.startswith("FACEMUG_") for identity in nodes)


def test_saved_workflows_find_all_that_they_rely_on(host: Host) -> None:
    assert breaks(json.loads(FILE.read_text()), snapshot(host.nodes(PACK))) == []


def test_appending_breaks_nothing_and_inserting_does() -> None:
    old = {"A": {"inputs": [["required", "a", "INT", 1]], "outputs": []}}
    added = ["required", "b", "INT", 2]
    appended = {"A": {"inputs": [*old["A"]["inputs"], added], "outputs": []}, "B": old["A"]}
    inserted = {"A": {"inputs": [added, *old["A"]["inputs"]], "outputs": []}}
    assert breaks(old, appended) == []
    assert len(breaks(old, inserted)) == 1
    assert breaks(old, {}) == ["A is gone"]


def test_the_broken_neighbor_is_the_only_pack_that_fails(host: Host) -> None:
    failed = [line for line in host.log.splitlines() if "(IMPORT FAILED)" in line]
    assert len(failed) == 1
    assert failed[0].endswith("broken")


def test_the_workflows_are_listed_as_templates_and_served(host: Host) -> None:
    names = json.loads(host.get("/workflow_templates"))[PACK]
    assert sorted(names) == sorted(path.stem for path in (ROOT / "workflows").glob("*.json"))
    for name in names:
        served = host.get(f"/api/workflow_templates/{PACK}/{name}.json")
        assert served == (ROOT / "workflows" / f"{name}.json").read_bytes()


def test_the_examples_are_placed_where_load_image_lists_them(host: Host) -> None:
    listed = host.nodes()["LoadImage"]["input"]["required"]["image"][0]
    pictures = [path.name for path in (ROOT / "workflows/inputs").iterdir() if path.suffix != ".safetensors"]
    assert set(pictures) <= set(listed)


@pytest.mark.skipif(Places().find("faceres.safetensors") is None, reason="`fetch compare` has not run")
def test_faces_are_compared_as_the_library_does(host: Host, library: Library) -> None:
    run = host.run(compare_faces())
    assert run.error == ""
    comparer = FaceComparer.load()
    exemplars = (library.editor.find_exemplar(library.photo(file)) for file in COMPARED)
    first, second = (comparer.embed(exemplar.crop) for exemplar in exemplars)
    assert run.outputs["5"]["text"] == [f"{comparer.name} {float((first * second).sum()):.3f}"]
    assert host.picture(run, "6").width == 2 * PANEL


def compare_faces() -> Prompt:
    """A prompt that compares two faces; node 5 shows the report and 6 both faces."""
    return {
        "1": {"class_type": "FACEMUG_LoadModel", "inputs": {"size": "light", "precision": "float32"}},
        "2": {"class_type": "LoadImage", "inputs": {"image": COMPARED[0]}},
        "3": {"class_type": "LoadImage", "inputs": {"image": COMPARED[1]}},
        "4": {
            "class_type": "FACEMUG_CompareFaces",
            "inputs": {"model": ["1", 0], "first": ["2", 0], "second": ["3", 0]},
        },
        "5": {"class_type": "PreviewAny", "inputs": {"source": ["4", 2]}},
        "6": {"class_type": "PreviewImage", "inputs": {"images": ["4", 1]}},
    }
