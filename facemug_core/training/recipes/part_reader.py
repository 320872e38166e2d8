"""The part reader: classes of a photo, with or without holes, from MobileNetV2's features."""

from __future__ import annotations

from ..options import Settings
from .recipe import Recipe

RECIPE = Recipe(
    data=("prepare DIR --faces 1150", "prepare DIR --photos PORTRAITS --aligned"),
    phases=(Settings("part_reader", steps=400, batch=16, learning_rate=3e-3),),
    bars=("semantic.miou_ratio", "real.solid.completion.skin_delta_e"),
    reaches="`right` in curves.csv 0.89",
    lost="The 436 portraits, official ones in the public domain, are not published with the project.",
)
