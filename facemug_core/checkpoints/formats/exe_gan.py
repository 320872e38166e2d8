"""EXE-GAN, the predecessor of FACEMUG; its encoder is the refinement encoder with another entry."""

from __future__ import annotations

from ..stored import Checkpoint
from .base import Found, prefixes_of

KEYS = (
    "down_from_big.0.weight",
    "encoder_convs.0.0.weight",
    "encoder_convs.0.1.bias",
    "encoder_convs.1.1.weight",
    "encoder_convs.1.2.bias",
    "final_layer.0.weight",
    "final_linear.0.weight",
    "final_transfer.weight",
    "conv1.conv.modulation.weight",
)


def find(checkpoint: Checkpoint) -> Found | None:
    """The generator, whose encoder can start training."""
    for prefix in prefixes_of(checkpoint, KEYS):
        theirs = checkpoint.under(prefix)
        levels = sum(name.startswith("encoder_convs.") and name.endswith(".0.weight") for name in theirs)
        names = {"final_layer.0.weight": "keep.4.weight", "final_layer.1.bias": "keep.4.bias"}
        for level in range(levels):
            side = 4 << (levels - level)
            names[f"encoder_convs.{2 * level}.0.weight"] = f"keep.{side}.weight"
            names[f"encoder_convs.{2 * level}.1.bias"] = f"keep.{side}.bias"
            names[f"encoder_convs.{2 * level + 1}.1.weight"] = f"down.{side}.weight"
            names[f"encoder_convs.{2 * level + 1}.2.bias"] = f"down.{side}.bias"
        for kind in ("weight", "bias"):
            names[f"final_linear.0.{kind}"] = f"to_global.{kind}"
            names[f"final_transfer.{kind}"] = f"from_global.{kind}"
        return Found(
            "EXE-GAN generator",
            {"picture": f"{4 << levels} px", "global vector": theirs["final_linear.0.weight"].shape[0]},
            "start of the training of the full generator (its refinement encoder)",
            starts={"full_generator": {f"encoder.{ours}": theirs[name] for name, ours in names.items()}},
        )
    return None
