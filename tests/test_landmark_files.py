"""Landmark files as people and programs write them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from facemug_core.errors import InputError
from facemug_core.faces.landmark_files import read_landmarks

POINTS = [[118.0, 120.5], [160.0, 121.0], [125.0, 180.0], [155.0, 181.0]]
LINES = [f"{x} {y}" for x, y in POINTS]
TEXTS = {
    "JSON": json.dumps(POINTS),
    "JSON of a face": json.dumps([POINTS]),
    "spaces": "\n".join(LINES),
    "commas": "\n".join(line.replace(" ", ",") for line in LINES),
    "semicolons": "\n".join(line.replace(" ", ";") for line in LINES),
    "semicolons and decimal commas": "\n".join(line.replace(" ", ";").replace(".", ",") for line in LINES),
    "tabs": "\n".join(line.replace(" ", "\t") for line in LINES),
    "a header line": "x,y\n" + "\n".join(line.replace(" ", ", ") for line in LINES),
    "a title and a header": "# landmarks\nX;Y\n" + "\n".join(line.replace(" ", ";") for line in LINES),
    "a column of names": "name,x,y\n"
    + "\n".join(f"p{i},{line.replace(' ', ',')}" for i, line in enumerate(LINES)),
    "Windows lines": "\r\n".join(LINES) + "\r\n",
}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("text", TEXTS)
def test_landmarks_are_read_in_any_encoding_and_form(text: str, encoding: str, tmp_path: Path) -> None:
    (tmp_path / "lm.txt").write_bytes(TEXTS[text].encode(encoding))
    (points,) = read_landmarks(tmp_path / "lm.txt")
    assert points.tolist() == POINTS


@pytest.mark.parametrize("text", ["", "x,y\n", "no numbers at all", "1 2\nthree four", "{}", "1 2\n3"])
def test_what_holds_no_landmarks_is_refused_by_name(text: str, tmp_path: Path) -> None:
    (tmp_path / "lm.txt").write_text(text)
    with pytest.raises(InputError, match=r"lm\.txt"):
        read_landmarks(tmp_path / "lm.txt")
