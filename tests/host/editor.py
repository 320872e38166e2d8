"""Workflows in the editor's format, written from short descriptions.

A description adds groups, and nodes to them; groups lie side by side from left to right, a group's nodes in
columns. Widget order, slots and types come from the host's own description of its nodes, so a value or a link
that a node does not have is an error here already.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

WIDGET_TYPES = ("INT", "FLOAT", "STRING", "BOOLEAN", "COMBO")
WIDTH, GAP, TITLE, ROW = 320, 30, 40, 28
"""Layout in editor pixels: a node's width, the space around it, a title's and a row's height."""
PICTURE, NOTE = 340, 180
"""Height of a shown picture and of a note."""
TALLEST = 1320
"""Where a column ends: on a screen that shows more at once, the editor leaves out all texts."""
PICTURE_NODES = (
    "LoadImage",
    "PreviewImage",
    "SaveImage",
    "MaskPreview",
    "FACEMUG_OptimizeText",
    "FACEMUG_DetectFaces",
    "FACEMUG_Edit",
    "FACEMUG_EncodeExemplar",
    "FACEMUG_FitLatent",
    "FACEMUG_PortraitSliders",
    "FACEMUG_ProjectConditions",
)
"""Nodes that show a picture, if only while they run."""
SIZES = {"FACEMUG_Painter": (1000, 860)}
"""Width and height of nodes that are larger than their rows."""
COLOR = "#9fc1cf"
INPUT_NODE, OUTPUT_NODE = -10, -20
"""Ids of the nodes that stand for a subgraph's own sockets inside it."""
LINK_FIELDS = ("id", "origin_id", "origin_slot", "target_id", "target_slot", "type")


class EachRun(int):
    """A seed that the editor draws anew after each run."""


@dataclass(frozen=True)
class Output:
    """One output of a node, to be given as an input of another."""

    node: int
    slot: int
    type: str


@dataclass
class Node:
    """A node of a workflow; `node["NAME"]` is an output of it."""

    identity: int
    type: str
    title: str | None
    inputs: list[dict[str, Any]]
    outputs: list[dict[str, Any]]
    values: list[Any]
    position: tuple[int, int] = (0, 0)
    height: int = 0
    width: int = WIDTH

    def __getitem__(self, name: str) -> Output:
        slot = next(i for i, output in enumerate(self.outputs) if output["name"] == name)
        return Output(self.identity, slot, self.outputs[slot]["type"])

    def written(self, order: int) -> dict[str, Any]:
        """The node in the editor's format."""
        titled = {} if self.title is None else {"title": self.title}
        return titled | {
            "id": self.identity,
            "type": self.type,
            "pos": list(self.position),
            "size": [self.width, self.height],
            "flags": {},
            "order": order,
            "mode": 0,
            "inputs": self.inputs,
            "outputs": self.outputs,
            "properties": {"Node name for S&R": self.type},
            "widgets_values": self.values,
        }


@dataclass
class Workflow:
    """A workflow being written.

    Args:
        name: the file's name; its identity is made from it.
        known: the host's description of its nodes, as its `/object_info` gives it.
    """

    name: str
    known: Mapping[str, Any]
    nodes: list[Node] = field(default_factory=list)
    links: list[list[Any]] = field(default_factory=list)
    groups: list[dict[str, Any]] = field(default_factory=list)
    folds: list[tuple[str, set[int]]] = field(default_factory=list)
    _x: int = 0
    _y: int = 0
    _bottom: int = 0
    _width: int = WIDTH

    @contextmanager
    def group(self, title: str) -> Iterator[None]:
        """Nodes added inside lie in a titled frame right of all earlier ones."""
        left, self._y, self._bottom, self._width = self._x, TITLE + GAP, 0, WIDTH
        yield
        right = self._x + self._width + 2 * GAP
        self.groups.append(
            {
                "id": len(self.groups) + 1,
                "title": title,
                "bounding": [left, 0, right - left, self._bottom],
                "color": COLOR,
                "font_size": 24,
                "flags": {},
            }
        )
        self._x = right + GAP

    @contextmanager
    def subgraph(self, title: str) -> Iterator[None]:
        """Nodes added inside are folded into one; its sockets are the links that cross its border."""
        first, x, y = len(self.nodes), self._x, self._y
        yield
        self._x, self._y = x, y + 6 * ROW + TITLE + GAP
        self._bottom = self._y
        self.folds.append((title, {node.identity for node in self.nodes[first:]}))

    def note(self, text: str) -> None:
        """Text for the reader, in Markdown."""
        self._place(Node(len(self.nodes) + 1, "MarkdownNote", "Note", [], [], [text], height=NOTE))

    def add(self, type: str, title: str | None = None, **given: Any) -> Node:
        """A node; `given` holds its widgets' values and, as outputs of other nodes, its links.

        Raises:
            KeyError: the host has no such node, or the node no such input.
            ValueError: a link of the wrong type, or a required input without a value.
        """
        description = self.known[type]
        node = Node(len(self.nodes) + 1, type, title, [], [], [])
        rows = 0
        for name, (kind, options), required in _inputs(description):
            value = given.pop(name, None)
            is_widget = (isinstance(kind, list) or kind in WIDGET_TYPES) and not options.get("forceInput")
            if isinstance(value, Output) or not is_widget:
                self._connect(node, name, kind, value, is_widget, required)
            if is_widget:
                rows += 1
                node.values += _widget_values(kind, options, value)
        if given:
            raise KeyError(f"{type} has no input called {', '.join(given)}.")
        node.outputs = [
            {"name": name, "type": kind if isinstance(kind, str) else "COMBO", "links": []}
            for name, kind in zip(description["output_name"], description["output"], strict=True)
        ]
        rows += max(len(node.inputs), len(node.outputs))
        node.height = ROW * rows + (PICTURE if type in PICTURE_NODES else 0) + ROW
        node.width, node.height = SIZES.get(type, (node.width, node.height))
        self._place(node)
        return node

    def written(self) -> dict[str, Any]:
        """The whole workflow in the editor's format."""
        flat = {
            "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"facemug/{self.name}")),
            "revision": 0,
            "last_node_id": len(self.nodes),
            "last_link_id": len(self.links),
            "nodes": [node.written(order) for order, node in enumerate(self.nodes)],
            "links": self.links,
            "groups": self.groups,
            "config": {},
            "extra": {"name": self.name},
            "version": 0.4,
        }
        for title, members in self.folds:
            flat = folded(flat, title, members)
        return flat

    def _connect(self, node: Node, name: str, kind: Any, value: Any, is_widget: bool, required: bool) -> None:
        slot: dict[str, Any] = {
            "name": name,
            "type": "COMBO" if isinstance(kind, list) else kind,
            "link": None,
        }
        if is_widget:
            slot["widget"] = {"name": name}
        elif not required:
            slot["shape"] = 7  # the editor draws optional inputs hollow
        if isinstance(value, Output):
            if slot["type"] != "*" and value.type not in slot["type"].split(","):
                raise ValueError(f"{node.type}.{name} takes {slot['type']}, not {value.type}.")
            slot["link"] = len(self.links) + 1
            source = self.nodes[value.node - 1]
            source.outputs[value.slot]["links"].append(slot["link"])
            self.links.append(
                [slot["link"], value.node, value.slot, node.identity, len(node.inputs), value.type]
            )
        elif value is not None or required:
            raise ValueError(f"{node.type}.{name} needs a link.")
        node.inputs.append(slot)

    def _place(self, node: Node) -> None:
        if self._y > TITLE + GAP and self._y + TITLE + node.height > TALLEST:
            self._x, self._y, self._width = self._x + self._width + GAP, TITLE + GAP, WIDTH
        node.position = (self._x + GAP, self._y + TITLE)
        self._width = max(self._width, node.width)
        self._y += node.height + TITLE + GAP
        self._bottom = max(self._bottom, self._y)
        self.nodes.append(node)


def folded(workflow: dict[str, Any], title: str, members: set[int]) -> dict[str, Any]:
    """A written workflow with some of its nodes folded into a subgraph."""
    identity = str(uuid.uuid5(uuid.NAMESPACE_URL, f"facemug/{workflow['id']}/{title}"))
    outer_id, next_link = workflow["last_node_id"] + 1, workflow["last_link_id"] + 1
    inside = [node for node in workflow["nodes"] if node["id"] in members]
    outside = [node for node in workflow["nodes"] if node["id"] not in members]
    sockets: dict[str, dict[tuple[int, int], dict[str, Any]]] = {"inputs": {}, "outputs": {}}
    inner_links, outer_links = [], []
    for link, origin, slot, target, target_slot, kind in workflow["links"]:
        if (origin in members) == (target in members):
            (inner_links if origin in members else outer_links).append(
                [link, origin, slot, target, target_slot, kind]
            )
            continue
        side = "inputs" if target in members else "outputs"
        new = (origin, slot) not in sockets[side]
        socket = sockets[side].setdefault(
            (origin, slot), {"name": kind.removeprefix("FACEMUG_").lower(), "type": kind, "linkIds": []}
        )
        place = list(sockets[side]).index((origin, slot))
        if side == "inputs":
            inner_links.append([link, INPUT_NODE, place, target, target_slot, kind])
            socket["linkIds"].append(link)
            if new:
                outer_links.append([next_link, origin, slot, outer_id, place, kind])
        else:
            outer_links.append([link, outer_id, place, target, target_slot, kind])
            if new:
                inner_links.append([next_link, origin, slot, OUTPUT_NODE, place, kind])
                socket["linkIds"].append(next_link)
        next_link += new
    first = inside[0]
    outer = first | {
        "id": outer_id,
        "type": identity,
        "title": title,
        "size": [WIDTH, ROW * (2 + max(map(len, sockets.values())))],
        "inputs": [
            {"name": socket["name"], "type": socket["type"], "link": _link_to(outer_links, outer_id, place)}
            for place, socket in enumerate(sockets["inputs"].values())
        ],
        "outputs": [
            {"name": socket["name"], "type": socket["type"], "links": []}
            for socket in sockets["outputs"].values()
        ],
        "properties": {"proxyWidgets": []},
        "widgets_values": [],
    }
    nodes = [*outside, outer]
    for all_nodes, links in ((nodes, outer_links), (inside, inner_links)):
        for node in all_nodes:
            for slot, output in enumerate(node["outputs"]):
                output["links"] = [link[0] for link in links if link[1:3] == [node["id"], slot]]
    left, top = first["pos"]
    definition = {
        "id": identity,
        "version": 1,
        "state": {"lastGroupId": 0, "lastNodeId": outer_id, "lastLinkId": next_link, "lastRerouteId": 0},
        "revision": 0,
        "config": {},
        "name": title,
        "inputNode": {"id": INPUT_NODE, "bounding": [left - WIDTH, top, 120, 100]},
        "outputNode": {"id": OUTPUT_NODE, "bounding": [left + 2 * WIDTH, top, 120, 100]},
        **{
            side: [
                socket | {"id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{identity}/{side}/{place}"))}
                for place, socket in enumerate(sockets[side].values())
            ]
            for side in sockets
        },
        "widgets": [],
        "nodes": inside,
        "groups": [],
        "links": [dict(zip(LINK_FIELDS, link, strict=True)) for link in inner_links],
        "extra": {},
    }
    return workflow | {
        "last_node_id": outer_id,
        "last_link_id": next_link,
        "nodes": nodes,
        "links": outer_links,
        "definitions": {"subgraphs": [definition]},
    }


def _link_to(links: list[list[Any]], node: int, slot: int) -> int:
    return next(link[0] for link in links if link[3:5] == [node, slot])


def _inputs(description: Mapping[str, Any]) -> Iterator[tuple[str, tuple[Any, dict[str, Any]], bool]]:
    """Name, (type, options) and whether it is required, in the editor's order."""
    for section in ("required", "optional"):
        for name in description["input_order"].get(section, ()):
            kind, *options = description["input"][section][name]
            yield name, (kind, options[0] if options else {}), section == "required"


def _widget_values(kind: Any, options: Mapping[str, Any], value: Any) -> list[Any]:
    """A widget's value, and those of the widgets that the editor itself adds after it."""
    if value is None or isinstance(value, Output):
        choices = kind if isinstance(kind, list) else options.get("options", [None])
        value = options.get("default", choices[0] if choices else None)
    if options.get("control_after_generate"):
        return [value, "randomize" if isinstance(value, EachRun) else "fixed"]
    return [value, "image"] if options.get("image_upload") else [value]
