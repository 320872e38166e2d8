"""The style encoder of the light model."""

from __future__ import annotations

from ..options import Settings
from .recipe import Recipe

RECIPE = Recipe(
    data=("prepare DIR --faces 16000",),
    phases=(
        Settings("encoder", steps=862, batch=32, learning_rate=5e-3, precision="bf16", seed=77, drawn=64),
        Settings("encoder", steps=893, batch=32, learning_rate=4e-3, precision="bf16", seed=99, drawn=64),
    ),
    bars=("encoder.identity", "encoder.rank1_of_100", "exemplar.identity_gain"),
    lost="The backbone of the shipped file came from a narrower encoder, which no code builds any more. "
    "The first phase starts from ImageNet's backbone instead, and uses 16,000 faces instead of 12,000.",
)
