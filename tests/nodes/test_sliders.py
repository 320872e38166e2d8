"""Portrait Sliders: from a photo to a photo."""

from __future__ import annotations

import sys
from typing import Any

import pytest
import torch

from facemug_core.editing.directions import shipped_directions
from facemug_core.pipeline.editor import EditRequest, PhotoEditor
from facemug_core.pipeline.locate import aligned_face
from facemug_core.pipeline.masks import slider_regions
from facemug_core.pipeline.style import slider_move

from ..pack import NAME
from ..tiny import tiny_model
from .running import NODES, center_mask, loading, photo, run, tensors


@pytest.fixture
def everywhere(monkeypatch: Any) -> None:
    """Every photo is one face."""
    monkeypatch.setattr(PhotoEditor, "find_faces", lambda self, one, *_: [aligned_face(one)])


@pytest.mark.usefixtures("everywhere")
def test_sliders_edit_a_photo_as_the_library_does(model: Any) -> None:
    pictures, mask = photo(), center_mask()
    edited, changed = run("PortraitSliders", model=model, image=pictures, mask=mask, smile=0.5, age=-1.0)
    known = shipped_directions()
    moves = [slider_move("smile", known["smile"], 0.5), slider_move("age", known["age"], -1.0)]
    request = EditRequest(mask=mask[None], directions=moves, grow=4)
    library = PhotoEditor(tiny_model()).edit(tensors.Photos(pictures)[0], request)
    assert torch.equal(edited, tensors.from_photo(library.photos[0], pictures))
    assert torch.equal(edited[mask == 0], pictures[mask == 0])
    assert torch.equal(changed, mask)


@pytest.mark.parametrize(("slider", "regions"), [("smile", "face"), ("hair_length", "face+hair")])
@pytest.mark.usefixtures("everywhere")
def test_without_a_mask_a_slider_changes_what_it_is_for(
    slider: str, regions: str, model: Any, monkeypatch: Any
) -> None:
    asked: list[EditRequest] = []

    def edited(self: PhotoEditor, one: Any, request: EditRequest, *_: Any) -> Any:
        asked.append(request)
        return unchanged(one, request)

    unchanged = sys.modules[f"{NAME}.nodes.editing"].EditResult.unchanged
    monkeypatch.setattr(PhotoEditor, "edit", edited)
    monkeypatch.setattr(loading.HostedEditor, "parser", lambda self: None)
    run("PortraitSliders", model=model, image=photo(), mask=torch.zeros(1, 64, 64), **{slider: 1.0})
    assert [request.regions for request in asked] == [regions]


def test_sliders_at_0_return_the_photo_without_a_model() -> None:
    pictures = photo(2)
    edited, changed = run("PortraitSliders", image=pictures, smile=0.0)
    assert torch.equal(edited, pictures)
    assert not changed.any()
    assert changed.shape == pictures.shape[:3]


@pytest.mark.usefixtures("everywhere")
def test_without_a_model_the_light_one_is_loaded_once(model: Any, monkeypatch: Any) -> None:
    loaded: list[Any] = []
    monkeypatch.setattr(loading.FaceMug, "load", lambda *_, **__: loaded.append(tiny_model()) or loaded[-1])
    loading.light_model.cache_clear()
    values = {"image": photo(), "mask": center_mask(), "smile": 1.0}
    own = [run("PortraitSliders", **values)[0] for _ in range(2)]
    loading.light_model.cache_clear()
    assert len(loaded) == 1
    assert torch.equal(own[0], own[1])
    assert torch.equal(own[0], run("PortraitSliders", model=model, **values)[0])


@pytest.mark.usefixtures("everywhere")
def test_the_photo_and_the_result_are_shown_on_the_node(model: Any) -> None:
    with torch.inference_mode():
        output = NODES["FACEMUG_PortraitSliders"].execute(
            image=photo(), model=model, mask=center_mask(), smile=1.0
        )
    assert len(output.ui["images"]) == 2
    assert NODES["FACEMUG_PortraitSliders"].GET_SCHEMA().is_output_node


def test_regions_of_sliders_are_those_of_sliders_that_ship() -> None:
    assert {slider_regions([name]) for name in shipped_directions()} == {"face", "face+hair"}
