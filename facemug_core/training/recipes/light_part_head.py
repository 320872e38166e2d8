"""The part head of the light model: classes of the bank's picture."""

from __future__ import annotations

from ..options import Settings
from .recipe import Recipe

RECIPE = Recipe(
    data=("prepare DIR --faces 1150",),
    phases=(Settings("part_head", steps=260, learning_rate=3e-3),),
    bars=("real.solid.completion.skin_delta_e",),
    reaches="`right` in curves.csv 0.95",
    lost="The shipped file was stopped by --minutes at step 190, before the learning rate began to fall.",
)
