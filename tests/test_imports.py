"""Imports between the rooms of the library follow the table in CONTRIBUTING.md."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LIBRARY = "facemug_core"


def table() -> list[list[str]]:
    """Rooms of each row, from top to bottom."""
    block = (ROOT / "CONTRIBUTING.md").read_text().split("```")[1]
    return [re.split(r", ", re.split(r" {2,}", row)[0]) for row in block.strip().splitlines()]


def room(module: tuple[str, ...]) -> str | None:
    """The room of a module; None for the front doors of the package and for other packages."""
    if module[0] == "nodes":
        return "nodes"
    return module[1] if module[0] == LIBRARY and len(module) > 1 else None


def modules() -> Iterator[tuple[tuple[str, ...], Path]]:
    for folder in (LIBRARY, "nodes"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            name = path.relative_to(ROOT).with_suffix("").parts
            if "inert_backend" not in name and name != (LIBRARY, "__main__"):
                yield name, path


def imported(name: tuple[str, ...], path: Path) -> Iterator[tuple[str, ...]]:
    """Names that a module imports, with the folders that they are in."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (tuple(alias.name.split(".")) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = name[: len(name) - node.level] if node.level else ()
            source = (*base, *(node.module.split(".") if node.module else ()))
            yield from ((*source, alias.name) for alias in node.names)


def test_the_table_has_every_room() -> None:
    there = {found for name, _ in modules() if (found := room(name)) is not None} - {"__init__"}
    assert there == {entry for row in table() for entry in row}


@pytest.mark.parametrize("row", range(len(table())))
def test_rooms_import_from_lower_rows_alone(row: int) -> None:
    rows = table()
    lower = {entry for entries in rows[row + 1 :] for entry in entries}
    upward = []
    for name, path in modules():
        if room(name) in rows[row]:
            sources = {room(source) for source in imported(name, path)} - {None, room(name)}
            upward += [f"{path.relative_to(ROOT)} imports {found}" for found in sources - lower]
    assert not upward
