"""LPIPS: the learned weights of each layer's differences (`vgg.pth`, `alex.pth`, `squeeze.pth`)."""

from __future__ import annotations

from ..stored import Checkpoint
from .base import Found

KEYS = tuple(f"lin{layer}.model.1.weight" for layer in range(5))
NETWORKS: dict[tuple[int, ...], str] = {
    (64, 128, 256, 512, 512): "VGG16",
    (64, 192, 384, 256, 256): "AlexNet",
}


def find(checkpoint: Checkpoint) -> Found | None:
    """The five layers of weights."""
    if not all(key in checkpoint.tensors for key in KEYS):
        return None
    channels = tuple(checkpoint.tensors[key].shape[1] for key in KEYS)
    return Found(
        "LPIPS weights",
        {"network": NETWORKS.get(channels, "unknown")},
        "none yet: LPIPS needs the network itself as well, which this project does not run",
    )
