"""Latent warping: codes of one person in another's pose."""

from __future__ import annotations

from ..options import Settings
from .recipe import Recipe

RECIPE = Recipe(
    data=("prepare DIR --faces 12000",),
    phases=(Settings("warping", steps=2670, batch=32, precision="bf16", seed=41),),
    bars=("warp.pose_ratio", "warp.identity_ratio"),
    lost="The shipped file learned from the codes of an encoder before the shipped one.",
)
