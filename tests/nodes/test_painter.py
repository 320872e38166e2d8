"""The painter's text, and the turns of its panel's requests."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image

from facemug_core.batches import UNWATCHED
from facemug_core.errors import InputError, NothingToEditError

from ..pack import NAME
from .running import NODES

painting = sys.modules[f"{NAME}.nodes.painting"]
routes = sys.modules[f"{NAME}.nodes.routes"]


@pytest.fixture
def inputs(folders: Path) -> Path:
    """The host's input folder, with a photo and a mask."""
    folder = folders / "input"
    Image.new("RGB", (40, 30)).save(folder / "photo.png")
    (folder / "layers").mkdir()
    Image.new("L", (40, 30), 255).save(folder / "layers/mask.png")
    (folders / "secret.png").write_bytes((folder / "photo.png").read_bytes())
    return folder


def text(**fields: Any) -> str:
    return json.dumps({"version": 1, "photo": "photo.png", **fields})


def test_a_blank_painting_has_no_photo(inputs: Path) -> None:
    with pytest.raises(InputError, match="choose one"):
        painting.photo_of(painting.read_painting(""))


def test_layers_that_are_off_or_without_a_file_are_left_out(inputs: Path) -> None:
    layers = {"mask": {"file": "layers/mask.png"}, "sketch": {"file": "layers/mask.png", "on": False}}
    read = painting.read_painting(text(layers=layers | {"color": {"file": ""}}))
    assert read.layers == {"mask": inputs / "layers/mask.png"}


def test_an_edit_needs_a_mask(inputs: Path) -> None:
    with pytest.raises(NothingToEditError, match="brush over"):
        painting.edited(None, painting.read_painting(text()), UNWATCHED)


@pytest.mark.parametrize(
    "fields",
    [
        {"photo": "../secret.png"},
        {"photo": "layers/../../secret.png"},
        {"photo": "/etc/passwd"},
        {"photo": "missing.png"},
        {"photo": "layers"},
        {"photo": "photo.png\0"},
        {"photo": "a" * 5000},
        {"photo": 3},
        {"layers": []},
        {"layers": {"mask": "layers/mask.png"}},
        {"layers": {"mask": {"file": "../secret.png"}}},
        {"layers": {"sketch": {"strength": 1.5}}},
        {"layers": {"sketch": {"on": "yes"}}},
        {"exemplar": "../secret.png"},
        {"style": "none of these"},
        {"style_mix": -0.1},
        {"seed": -1},
        {"seed": 2**70},
        {"seed": True},
        {"attributes": {"smile": 1e9}},
        {"attributes": {"no such slider": 1}},
        {"version": 2},
    ],
)
def test_hostile_values_are_refused_in_a_sentence(fields: dict[str, Any], inputs: Path) -> None:
    with pytest.raises(InputError) as refused:
        painting.read_painting(text(**fields))
    assert len(str(refused.value)) < 1000


@pytest.mark.parametrize("hostile", ["{", "[]", "3", '{"version": NaN}', "[" * 20000, " " * 70000])
def test_what_is_no_painting_is_refused(hostile: str) -> None:
    with pytest.raises(InputError, match="painting"):
        painting.read_painting(hostile)


def test_a_link_out_of_the_input_folder_is_refused(inputs: Path) -> None:
    (inputs / "link.png").symlink_to(inputs.parent / "secret.png")
    with pytest.raises(InputError, match="input folder"):
        painting.read_painting(text(photo="link.png"))


def test_pictures_that_are_too_large_are_refused(inputs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(painting, "MOST_PIXELS", 40 * 30 - 1)
    with pytest.raises(InputError, match="40 × 30"):
        painting.photo_of(painting.read_painting(text()))


def test_the_host_refuses_a_wrong_text_before_it_runs_anything(inputs: Path) -> None:
    node = NODES["FACEMUG_Painter"]
    assert node.validate_inputs(painting=text())
    with pytest.raises(InputError, match="input folder"):
        node.validate_inputs(painting=text(photo="missing.png"))


def test_the_node_runs_again_when_a_picture_changes(inputs: Path) -> None:
    node = NODES["FACEMUG_Painter"]
    state = {"size": "light", "precision": "float32", "painting": text()}
    before = node.fingerprint_inputs(**state)
    assert node.fingerprint_inputs(**state) == before
    Image.new("RGB", (40, 30), "red").save(inputs / "photo.png")
    assert node.fingerprint_inputs(**state) != before


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the host runs."""
    running: dict[str, Any] = {}
    server = SimpleNamespace(prompt_queue=SimpleNamespace(currently_running=running))
    monkeypatch.setattr(sys.modules["server"].PromptServer, "instance", server, raising=False)
    return running


def needed() -> bool:
    return False


def stopped_at_once(turns: Any, gone: Callable[[], bool]) -> None:
    watch = routes.Needed(gone)
    with turns.turn(watch):
        watch(0, 1)


def test_work_stops_when_nobody_waits_for_it(queue: dict[str, Any]) -> None:
    answers = iter([False, True])
    with pytest.raises(routes.StoppedError):
        stopped_at_once(routes.Turns(), lambda: next(answers))
    assert not painting.EDITING.locked()


def test_a_request_whose_turn_has_not_come_ends_when_nobody_waits_for_it(queue: dict[str, Any]) -> None:
    with painting.EDITING, pytest.raises(routes.StoppedError):
        stopped_at_once(routes.Turns(), lambda: True)


def test_a_request_gives_way_to_a_workflow(queue: dict[str, Any]) -> None:
    queue["0"] = "a workflow"
    with pytest.raises(routes.StoppedError):
        stopped_at_once(routes.Turns(), needed)
    queue.clear()
    stopped_at_once(routes.Turns(), needed)


def test_requests_do_not_pile_up(queue: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "MOST_WAITING", 0)
    with pytest.raises(routes.CrowdedError):
        stopped_at_once(routes.Turns(), needed)


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Origin": "http://elsewhere:8188", "Host": "localhost:8188"},
        {"Origin": "null", "Host": "localhost:8188"},
    ],
)
def test_other_pages_get_no_answer(headers: dict[str, str]) -> None:
    assert routes._answered(None, headers, b"{}", needed).status == 403


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"painting": 3}', b'{"size": "x", "painting": ""}'])
def test_what_is_no_request_is_refused_in_a_sentence(body: bytes, queue: dict[str, Any]) -> None:
    answer = routes._answered(None, {"Host": "here"}, body, needed)
    assert answer.status == 400
    assert answer.value["error"]
