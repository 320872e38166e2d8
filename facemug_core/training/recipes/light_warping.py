"""Latent warping of the light model."""

from __future__ import annotations

from ..options import Settings
from .recipe import Recipe

RECIPE = Recipe(
    data=("prepare DIR --faces 12000",),
    phases=(Settings("warping", steps=2670, batch=32, precision="bf16", seed=41),),
    bars=("warp.pose_ratio", "warp.identity_ratio"),
    lost="The shipped file was trained with an encoder older than the shipped one.",
)
