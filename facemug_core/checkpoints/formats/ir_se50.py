"""ArcFace's IR-SE50 (`model_ir_se50.pth`), from which the authors train the style encoder."""

from __future__ import annotations

from ..stored import Checkpoint
from .base import Found

KEYS = (
    "input_layer.0.weight",
    "body.0.res_layer.1.weight",
    "body.23.res_layer.5.fc2.weight",
    "output_layer.0.weight",
    "output_layer.3.weight",
    "output_layer.4.weight",
)


def find(checkpoint: Checkpoint) -> Found | None:
    """The face recognition network; it can start training, without output and first convolution."""
    if not all(key in checkpoint.tensors for key in KEYS):
        return None
    length, features = checkpoint.tensors["output_layer.3.weight"].shape
    start = {
        name: tensor
        for name, tensor in checkpoint.tensors.items()
        if name.startswith(("input_layer.", "body.")) and name != KEYS[0]
    }
    return Found(
        "IR-SE50 face recognition network",
        {"descriptor": length, "picture": f"{16 * round((features / 512) ** 0.5)} px"},
        "start of the training of the full style encoder",
        starts={"full_encoder": start},
    )
