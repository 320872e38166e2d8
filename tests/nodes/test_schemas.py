"""Every node as hosts list it."""

from __future__ import annotations

import json

import pytest

from facemug_core.editing.directions import shipped_directions

from ..pack import ROOT
from .running import NODES

CATEGORIES = ("start here", "guides", "styles", "text", "advanced")
WORDS = (
    "age", "expression", "glasses", "beard", "smile", "eyes", "hair", "make-up", "retouch", "portrait",
    "swap", "inpaint",
)  # fmt: skip
"""What people look for."""
FIELDS = ("INT", "FLOAT", "STRING", "BOOLEAN", "COMBO")


def test_every_node_has_a_category_texts_and_a_help_page() -> None:
    for node_id, node in NODES.items():
        schema = node.GET_SCHEMA()
        assert schema.category in {f"image/face/FACEMUG/{name}" for name in CATEGORIES}
        assert schema.display_name
        assert schema.description
        assert all(socket.tooltip for socket in [*schema.inputs, *schema.outputs])
        assert (ROOT / "web" / "docs" / f"{node_id}.md").is_file()


def test_no_two_sockets_of_a_node_share_an_id() -> None:
    for node in NODES.values():
        ids = [socket.id for socket in node.GET_SCHEMA().inputs]
        assert len(set(ids)) == len(ids)


def test_only_nodes_that_read_files_have_fingerprints() -> None:
    assert [node_id for node_id, node in NODES.items() if "fingerprint_inputs" in vars(node)] == [
        "FACEMUG_LoadDirection",
        "FACEMUG_LoadLatent",
    ]


def test_nodes_are_listed_category_by_category() -> None:
    listed = [node.GET_SCHEMA().category.rsplit("/", 1)[1] for node in NODES.values()]
    assert listed == sorted(listed, key=CATEGORIES.index)


@pytest.mark.parametrize("word", WORDS)
def test_a_word_that_people_look_for_is_near_the_beginning_of_a_name(word: str) -> None:
    """Old front ends search names alone, and weigh down what begins after some 30 letters."""
    names = [node.GET_SCHEMA().display_name.lower() for node in NODES.values()]
    assert any(0 <= name.find(word) <= 30 for name in names)


@pytest.mark.parametrize("node", ["FACEMUG_Edit", "FACEMUG_PortraitSliders"])
def test_eight_values_are_seen_before_the_fold(node: str) -> None:
    values = [one for one in NODES[node].GET_SCHEMA().inputs if one.io_type in FIELDS]
    assert sum(not (one.extra_dict or {}).get("advanced") for one in values) == 8


def test_the_sliders_of_photos_are_those_of_styles() -> None:
    sliders = [
        one.id for one in NODES["FACEMUG_PortraitSliders"].GET_SCHEMA().inputs if one.io_type == "FLOAT"
    ]
    assert sliders == list(shipped_directions())


@pytest.mark.parametrize("language", ["ja", "zh"])
def test_categories_are_translated(language: str) -> None:
    texts = json.loads((ROOT / "locales" / language / "main.json").read_text(encoding="utf-8"))
    assert tuple(texts["nodeCategories"]) == CATEGORIES
