"""The text-image model of faces."""

from __future__ import annotations

from ..options import Settings
from .recipe import Recipe

RECIPE = Recipe(
    data=("prepare DIR --faces 1850",),
    phases=(Settings("clip", steps=3000, batch=64, learning_rate=1e-3),),
    bars=("text.retrieval_at_1", "text.success.direction"),
)
