"""Directions in the space of codes: InterFaceGAN, GANSpace, StyleCLIP mappers.

They are recognized here; `editing.foreign` reads them.
"""

from __future__ import annotations

from ...conventions import CODE_DIM, NUM_CODES
from ..stored import Checkpoint
from .base import Found, prefixes_of
from .ours import KIND

GANSPACE_KEYS = ("mean", "comp", "std")
MAPPER_KEY = "mapping.1.weight"


def find_vector(checkpoint: Checkpoint) -> Found | None:
    """A file with one tensor that is `[512]`, `[1, 512]`, `[T, 512]` or `[1, T, 512]`, as InterFaceGAN's."""
    shapes = [tensor.shape for tensor in checkpoint.tensors.values()]
    if len(shapes) != 1 or KIND in checkpoint.values:  # our files have a kind
        return None
    *outer, codes, length = (1, 1, *shapes[0])
    if length != CODE_DIM or codes > NUM_CODES or set(outer) != {1}:
        return None
    facts = {"codes": codes if codes > 1 else "the same for all"}
    return Found("direction (InterFaceGAN)", facts, "attribute slider of both models")


def find_ganspace(checkpoint: Checkpoint) -> Found | None:
    """Mean, principal components and their deviations."""
    tensors = checkpoint.tensors
    if not all(key in tensors for key in GANSPACE_KEYS):
        return None
    count = tensors["std"].shape[0]
    fits = tensors["comp"].shape in ((count, 1, CODE_DIM), (count, CODE_DIM))
    lacks = [] if fits else [f"components of {CODE_DIM} numbers"]
    return Found("GANSpace analysis", {"components": count}, "attribute sliders of both models", lacks=lacks)


def find_mapper(checkpoint: Checkpoint) -> Found | None:
    """A text mapper of three levels, each of which may be missing."""
    prefixes = [p.removesuffix("_mapping.") for p in prefixes_of(checkpoint, (MAPPER_KEY,))]
    if not prefixes:
        return None
    from ...networks.style_mapper import StyleMapper

    levels = [level for level in StyleMapper.LEVELS if any(p.endswith(f"mapper.{level}") for p in prefixes)]
    if not levels:
        return None
    facts = {"levels": " ".join(levels).replace("course", "coarse")}
    return Found("StyleCLIP mapper", facts, "text edit of both models")
