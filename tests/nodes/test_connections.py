"""Wrong connections are errors that say what to connect."""

from __future__ import annotations

from typing import Any

import pytest

from facemug_core.errors import InputError

from .running import center_mask, image, run


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("Sketch", {"source": "photo"}, "Connect either `faces`"),
        ("ColorMap", {"source": "parts of a photo", "image": image()}, "connect Parse Face"),
        ("SplitPaint", {"painted": image()}, "Connect the photo without paint"),
        ("SplitPaint", {"painted": image(), "original": image(1, 20, 20)}, "connect the same photo"),
        ("Conditions", {"mask": center_mask()}, "no `faces`: connect Detect"),
        ("SemanticMap", {"image": image()}, "colors of Parse Face"),
    ],
)
def test_wrong_connections_say_what_to_connect(name: str, values: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        run(name, **values)
