"""As much of the host's node API as our nodes touch, for tests without a host."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any


class Socket:
    """An input or output: keeps what it was made with."""

    def __init__(self, type_: str, id: str | None = None, optional: bool = False, **options: Any) -> None:
        self.io_type, self.id, self.optional, self.options = type_, id, optional, options
        self.tooltip = self.extra_dict = None

    @property
    def default(self) -> Any:
        return self.options.get("default")


def custom(type_: str) -> Any:
    class Input(Socket):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(type_, *arguments, **options)

    class Output(Input):
        pass

    return SimpleNamespace(Input=Input, Output=Output)


@dataclass
class Schema:
    node_id: str
    display_name: str = ""
    category: str = ""
    description: str = ""
    inputs: list[Any] = field(default_factory=list)
    outputs: list[Any] = field(default_factory=list)
    is_output_node: bool = False


class ComfyNode:
    @classmethod
    def GET_SCHEMA(cls) -> Schema:  # noqa: N802 - the host's name
        return cls.define_schema()  # type: ignore[attr-defined, no-any-return]


class NodeOutput:
    def __init__(self, *args: Any, ui: Any = None) -> None:
        self.args, self.ui = args, ui


class ComfyExtension:
    pass


TYPES = ("Image", "Mask", "Int", "Float", "String", "Boolean", "Combo")
io = SimpleNamespace(
    Custom=custom,
    Schema=Schema,
    ComfyNode=ComfyNode,
    NodeOutput=NodeOutput,
    NumberDisplay=SimpleNamespace(slider="slider"),
    **{name: custom(name.upper()) for name in TYPES},
)
