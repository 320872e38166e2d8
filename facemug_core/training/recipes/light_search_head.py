"""The bank's picture read off its features of 64 px, with which inversion searches; and its coordinates."""

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
    lost="The shipped file saw 59,600 faces, none twice, drawn for each batch, three in ten of mixed "
    "styles. The recipe draws from a folder of faces.",
)
