"""Words in place of nodes, and masks of any source, in the genuine host."""

from __future__ import annotations

import numpy as np

from facemug_core.editing.clip import load_clip
from facemug_core.pipeline.editor import EditRequest
from facemug_core.pipeline.style import text_move

from .library_results import GROUP, Library, assert_same, edited, on_a_node
from .running import Host
from .test_kinds import edit, graph, loaded, ran
from .workflows import PHOTO


def test_regions_by_commas_and_a_text_are_followed_as_in_the_library(host: Host, library: Library) -> None:
    values = {"regions": "Hair, brows", "text": "blond hair", "style": "auto", "aligned": False}
    run = ran(host, graph(photo=loaded(PHOTO), **edit("photo", None, **values)))
    move = text_move(load_clip(), "blond hair", 1.0)
    assert_same(
        host.pictures(run, "shown"),
        edited(library, EditRequest(regions="hair+brows", directions=[move], size=256)),
    )


def test_a_mask_is_grown_by_the_host_and_filled_and_softened_by_us(host: Host) -> None:
    prompt = graph(
        black=("SolidMask", {"value": 0.0, "width": 60, "height": 60}),
        white=("SolidMask", {"value": 1.0, "width": 20, "height": 20}),
        hole=("SolidMask", {"value": 0.0, "width": 6, "height": 6}),
        ring=("MaskComposite", place("white", "hole", 7, "multiply")),
        mask=("MaskComposite", place("black", "ring", 20, "add")),
        grown=("GrowMask", {"mask": ["mask", 0], "expand": 2, "tapered_corners": False}),
        refined=("FACEMUG_RefineMask", {"mask": ["grown", 0], "fill_holes": True, "blur": 4}),
        picture=("MaskToImage", {"mask": ["refined", 0]}),
        shown=("PreviewImage", {"images": ["picture", 0]}),
    )
    (shown,) = host.pictures(ran(host, prompt), "shown")
    assert (shown[25:35, 25:35] >= 254).all()
    assert len(np.unique(shown[30, 35:50])) > 3


def place(destination: str, source: str, offset: int, operation: str) -> dict[str, object]:
    """The inputs of the host's node that lays one mask over another."""
    return {
        "destination": [destination, 0],
        "source": [source, 0],
        "x": offset,
        "y": offset,
        "operation": operation,
    }


def test_an_index_shows_all_faces_and_gives_one(host: Host) -> None:
    prompt = graph(
        photo=loaded(GROUP),
        model=("FACEMUG_LoadModel", {"size": "light", "precision": "float32"}),
        faces=("FACEMUG_DetectFaces", {
            "model": ["model", 0], "image": ["photo", 0], "which": "index", "index": 1, "aligned": False,
            "no_face": "error",
        }),
        shown=("PreviewImage", {"images": ["faces", 1]}),
        overlay=("PreviewImage", {"images": ["faces", 3]}),
    )  # fmt: skip
    run = ran(host, prompt)
    assert len(host.pictures(run, "shown")) == 1
    assert_same(host.pictures(run, "faces"), [on_a_node(host.picture(run, "overlay", 0).convert("RGB"))])
