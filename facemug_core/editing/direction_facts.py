"""Facts about named directions, read from their file without the vectors and without torch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from ..checkpoints.files import DIRECTIONS_KIND, check_kind, read_metadata
from ..checkpoints.places import Places

Layers = tuple[int, int]
"""First changed code, and the one after the last."""

DIRECTIONS_FILE = "directions.safetensors"
"""The shipped directions, in `weights/`."""

NO_DIRECTIONS = "holds no named directions"
"""Error of a file with another content."""

MEASURED = ("effect", "monotone", "leak", "identity")
"""Numbers of `about` that are shown; explained in docs/attributes.md."""


class Facts(NamedTuple):
    """Facts about a direction."""

    layers: Layers
    safe: tuple[float, float]
    """Range of amounts with realistic faces."""
    about: Mapping[str, Any]
    """Measurements, and how the direction was found, for readers."""


def facts_in(metadata: Mapping[str, str]) -> dict[str, Facts]:
    """Facts by name of direction, from the metadata of their file."""
    return {
        name: Facts(tuple(about.pop("layers")), tuple(about.pop("safe")), about)
        for name, about in json.loads(metadata["directions"]).items()
    }


def shipped_facts(places: Places) -> dict[str, Facts]:
    """Facts about the shipped directions by name.

    Raises:
        WeightsMissingError: their file is missing.
        CheckpointError: the file is damaged or has another content.
    """
    path = places.path(DIRECTIONS_FILE)
    metadata = read_metadata(path)
    check_kind(path, metadata, DIRECTIONS_KIND, NO_DIRECTIONS)
    return facts_in(metadata)


def describe(name: str, facts: Facts) -> str:
    """One line for readers: name, range, layers and measurements."""
    low, high = facts.safe
    first, end = facts.layers
    measured = {key: facts.about[key] for key in MEASURED if key in facts.about}
    numbers = ", ".join(f"{key} {value:.2f}" for key, value in measured.items()) or "not measured"
    side = ", ".join(
        f"{other} {change:+.2f}" for other, change in facts.about.get("side_effects", {}).items()
    )
    what = facts.about.get("what", facts.about.get("found", ""))
    aside = f"; side effects {side}" if side else ""
    return f"{name:16} {low:+.1f}…{high:+.1f}  codes {first}-{end - 1}  {what} ({numbers}{aside})"
