"""The search head: the picture head of inversion, on features of 64 px; and inversion's coordinates."""

from __future__ import annotations

from ..options import Settings
from .recipe import Recipe

RECIPE = Recipe(
    data=("prepare DIR --faces 12000",),
    phases=(
        Settings(
            "search_head", steps=1862, batch=32, learning_rate=3e-3, ema=0.995, precision="bf16", seed=5
        ),
    ),
    bars=("exemplar.identity_gain", "completion.paste_ratio"),
    reaches="`perceptual` in curves.csv 0.37",
    lost="The shipped file was trained on 59,600 fresh faces, each used once, 30 % with mixed styles. "
    "The recipe uses a folder of faces.",
)
