"""FACEMUG: multimodal local face editing. `FaceMug` is the place to start reading."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .conditions import Conditions
    from .model import FaceMug
    from .photos import EditRequest, EditResult, Guide, Photo, PhotoEditor

__version__ = "0.1.0"

__all__ = ["Conditions", "EditRequest", "EditResult", "FaceMug", "Guide", "Photo", "PhotoEditor"]

_HOMES = {
    "Conditions": ".conditions",
    "FaceMug": ".model",
    **dict.fromkeys(("EditRequest", "EditResult", "Guide", "Photo", "PhotoEditor"), ".photos"),
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: importing the package costs next to nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name], __name__), name)
