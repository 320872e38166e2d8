"""The picture head of the light model: 256 px from features of 128 px."""

from __future__ import annotations

from ..options import Settings
from .recipe import Recipe

RECIPE = Recipe(
    data=("prepare DIR --faces 5000",),
    phases=(Settings("picture_head", steps=1000, batch=4, learning_rate=1e-3, seed=5),),
    bars=("exemplar.identity_gain",),
    reaches="`perceptual` in curves.csv 0.26",
    lost="The shipped file took 150 such steps, from a head whose training left no record.",
)
