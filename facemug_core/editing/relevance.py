"""Relevance: how a text-image model's embedding of a face changes with the codes; used by text directions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ..checkpoints.files import RELEVANCE_KIND
from ..checkpoints.places import Places
from ..checkpoints.reading import read_kind, save_safetensors

COMPONENTS = 100
"""Number of principal components of the codes that texts change."""


@dataclass(frozen=True, eq=False)
class Relevance:
    """Change of a text-image model's embedding of a face with its code (by channel in StyleCLIP)."""

    steps: Tensor
    """One standard deviation along each principal component of the codes, `[K, 512]`."""
    answers: Tensor
    """Change `[K, D]` of the model's embedding with each step."""
    clip: str
    """Name of the model."""


def principal_steps(codes: Tensor) -> Tensor:
    """One standard deviation along each principal component of codes w `[N, 512]`, largest first: `[K, 512]`.

    The rest of the space has no faces; it draws glaring colors.
    """
    variances, axes = torch.linalg.eigh(torch.cov(codes.double().T))
    count = min(COMPONENTS, len(codes) - 1)
    return (axes * variances.clamp(min=0).sqrt()).T.flip(0)[:count].to(codes.dtype)


def measure_relevance(codes: Tensor, views: Tensor, clip: str, ridge: float = 100.0) -> Relevance:
    """Relevance by regression of embeddings `[N, D]` of faces on their codes w `[N, 512]`."""
    codes, views = codes.double(), views.double()
    steps = principal_steps(codes)
    scores = (codes - codes.mean(0)) @ steps.T / steps.square().sum(1)  # [N, K], unit variance
    answers = torch.linalg.solve(
        scores.T @ scores + ridge * torch.eye(len(steps), dtype=torch.double),
        scores.T @ (views - views.mean(0)),
    )
    return Relevance(steps.float(), answers.float(), clip)


def relevance_name(clip: str) -> str:
    """Name of the relevance file of a model."""
    return f"{clip.replace('/', '-')}_relevance.safetensors"


def find_relevance(clip: str, places: Places) -> Relevance | None:
    """The relevance of a model, if it was measured; that of the pack's model is shipped.

    Raises:
        CheckpointError: its file is damaged or has another content.
    """
    path = places.find(relevance_name(clip))
    return None if path is None else load_relevance(path)


def save_relevance(path: str | Path, relevance: Relevance) -> None:
    """Write a relevance file, in half precision."""
    tensors = {"steps": relevance.steps.half(), "answers": relevance.answers.half()}
    save_safetensors(path, tensors, {"kind": RELEVANCE_KIND, "clip": relevance.clip})


def load_relevance(path: str | Path) -> Relevance:
    """Read a relevance file.

    Raises:
        CheckpointError: the file is damaged or has another content.
    """
    tensors, about = read_kind(path, RELEVANCE_KIND, "tells no relevance")
    return Relevance(tensors["steps"].float(), tensors["answers"].float(), about["clip"])
