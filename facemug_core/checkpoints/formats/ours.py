"""This project's files without networks of the model; all but one have a kind in their metadata."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from types import MappingProxyType

from ...conventions import CODE_DIM
from ..files import DIRECTIONS_KIND, FACE_CLIP_KIND, KIND, LATENT_KIND, RELEVANCE_KIND
from ..stored import Checkpoint
from .base import Found

STEPS = "steps"
"""Tensor of a relevance file, and the only one of an inverter's, `[512, rank]`."""


def _directions(checkpoint: Checkpoint) -> Found:
    facts = {"directions": " ".join(sorted(checkpoint.tensors))}
    return Found("attribute directions of this project", facts, "attribute sliders of both models")


def _face_clip(checkpoint: Checkpoint) -> Found:
    facts = {"words": len(json.loads(checkpoint.values["words"]))}
    return Found("face text-image model of this project", facts, "text edits of both models, in these words")


def _latent(checkpoint: Checkpoint) -> Found:
    facts = {"faces": checkpoint.tensors["codes"].shape[0]}
    return Found("saved style codes", facts, "edits with both models")


def _relevance(checkpoint: Checkpoint) -> Found:
    components = checkpoint.tensors[STEPS].shape[0]
    facts = {"text-image model": checkpoint.values["clip"], "components": components}
    return Found("answers of a text-image model to codes", facts, "text directions, with the same model")


KINDS: Mapping[str, Callable[[Checkpoint], Found]] = MappingProxyType(
    {
        DIRECTIONS_KIND: _directions,
        FACE_CLIP_KIND: _face_clip,
        LATENT_KIND: _latent,
        RELEVANCE_KIND: _relevance,
    }
)


def find(checkpoint: Checkpoint) -> Found | None:
    """A file of ours by its kind, or the inverter."""
    kind = KINDS.get(str(checkpoint.values.get(KIND)))
    if kind is not None:
        return kind(checkpoint)
    if checkpoint.tensors.keys() == {STEPS} and checkpoint.tensors[STEPS].shape[0] == CODE_DIM:
        rank = checkpoint.tensors[STEPS].shape[1]
        return Found(
            "steps of inversion",
            {"rank": rank},
            "inversion, with the bank that they were measured on",
        )
    return None
