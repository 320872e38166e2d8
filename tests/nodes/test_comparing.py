"""The node Compare Faces."""

from __future__ import annotations

from typing import Any

import pytest

from facemug_core.checkpoints.manifest import WEIGHTS
from facemug_core.pipeline.editor import PhotoEditor

from .running import photo, run


@pytest.mark.skipif(
    not (WEIGHTS / "fetched" / "faceres.safetensors").is_file(), reason="`fetch compare` has not run"
)
def test_a_face_is_most_like_itself(model: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(PhotoEditor, "find_faces", lambda *arguments, **options: [])
    pictures = photo(1, 256, 256)
    similarity, sheet, report = run("CompareFaces", model=model, first=pictures, second=photo(2, 256, 256))
    assert similarity[0] == pytest.approx(1, abs=1e-5)
    assert similarity[1] < similarity[0]
    assert len(sheet) == 2
    assert report.count("FaceRes") == 2
