"""FACEMUG: multimodal local face editing. `FaceMug` is the place to start reading."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .checkpoints.weights import Weights
    from .conditions import Conditions
    from .modalities import Guide
    from .model import FaceMug
    from .photo import Photo
    from .pipeline.crop import edit_crop
    from .pipeline.editor import EditRequest, EditResult, PhotoEditor
    from .pipeline.style import StylePlan

__version__ = "0.1.0"

__all__ = [
    "Conditions", "EditRequest", "EditResult", "FaceMug", "Guide", "Photo", "PhotoEditor", "StylePlan",
    "Weights", "edit_crop",
]  # fmt: skip

_HOMES = {
    "Conditions": ".conditions",
    "FaceMug": ".model",
    "Guide": ".modalities",
    "Photo": ".photo",
    "StylePlan": ".pipeline.style",
    "Weights": ".checkpoints.weights",
    "edit_crop": ".pipeline.crop",
    **dict.fromkeys(("EditRequest", "EditResult", "PhotoEditor"), ".pipeline.editor"),
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: importing the package costs next to nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name], __name__), name)
