"""Every node as hosts list it."""

from __future__ import annotations

from ..pack import ROOT
from .running import NODES


def test_every_node_has_a_category_texts_and_a_help_page() -> None:
    for node_id, node in NODES.items():
        schema = node.GET_SCHEMA()
        assert schema.category == "image/face/FACEMUG"
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
        "FACEMUG_Painter",
        "FACEMUG_LoadDirection",
        "FACEMUG_LoadLatent",
    ]
