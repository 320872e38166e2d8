"""Reads landmark files."""

from __future__ import annotations

import codecs
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError

MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""Byte order marks of texts, and their encodings."""


def read_landmarks(path: str | Path) -> list[NDArray[np.float64]]:
    """Landmarks of faces `[N, 2]` from a file.

    JSON has a list of points [x, y], or such a list for each face. Text has one face: lines of x and y,
    separated by a comma, semicolon, tab or space. A line with the names of the columns may come first.

    Raises:
        InputError: the file cannot be read, or has another content.
    """
    try:
        text = _decoded(Path(path).read_bytes())
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"The landmarks {path} cannot be read: {error}.") from error
    try:
        try:
            values = json.loads(text)
        except json.JSONDecodeError:
            values = _table(text)
        points = [np.asarray(face, dtype=np.float64) for face in values]
        if not points:
            raise ValueError("there are none")
        return points if points[0].ndim == 2 else [np.array(points)]
    except (TypeError, ValueError) as error:
        raise InputError(
            f"The landmarks {path} cannot be read ({error}). Expected JSON, [[x, y], …], or lines of x and y."
        ) from error


def _decoded(data: bytes) -> str:
    for mark, encoding in MARKS:
        if data.startswith(mark):
            return data.decode(encoding)
    if b"\0" in data[:2]:  # UTF-16 without a mark: every other byte of digits is 0
        return data.decode("utf-16-be" if data[:1] == b"\0" else "utf-16-le")
    return data.decode("utf-8")


def _table(text: str) -> list[list[float]]:
    """Rows of x and y of a text, from the columns named so in its first line, or else from its only two."""
    rows = [_cells(line) for line in text.splitlines() if line.strip()]
    columns: list[int] | None = None
    numbers: list[list[Any]] = []
    for row in rows:
        if not numbers and not any(map(_is_number, row)):  # lines above the numbers
            names = [cell.strip("\"'").lower() for cell in row]
            columns = [names.index("x"), names.index("y")] if {"x", "y"} <= {*names} else columns
            continue
        numbers.append([row[i] for i in columns] if columns else row)
    if not numbers:
        raise ValueError("it has no line of numbers")
    return [[float(cell) for cell in row] for row in numbers]


def _cells(line: str) -> list[str]:
    if ";" in line or "\t" in line:  # a comma is then a decimal point
        return line.replace(",", ".").replace(";", " ").split()
    return line.replace(",", " ").split()


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
