"""How a text-image model's view of a face answers to codes, which text directions are made of."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ..checkpoints.files import RELEVANCE_KIND
from ..checkpoints.places import Places
from ..checkpoints.reading import read_kind, save_safetensors

COMPONENTS = 100
"""Principal components of the codes that texts move along."""


@dataclass(frozen=True, eq=False)
class Relevance:
    """How a text-image model's view of a face answers to its code (StyleCLIP measures it by channel)."""

    steps: Tensor
    """One standard deviation along each principal component of the codes, `[K, 512]`."""
    answers: Tensor
    """How the model's view moves with each step, `[K, D]`."""
    clip: str
    """Name of the model."""


def principal_steps(codes: Tensor) -> Tensor:
    """One standard deviation along each principal component of codes w `[N, 512]`, largest first: `[K, 512]`.

    Faces lie there; what is left of the space draws glaring colors.
    """
    variances, axes = torch.linalg.eigh(torch.cov(codes.double().T))
    count = min(COMPONENTS, len(codes) - 1)
    return (axes * variances.clamp(min=0).sqrt()).T.flip(0)[:count].to(codes.dtype)


def measure_relevance(codes: Tensor, views: Tensor, clip: str, ridge: float = 100.0) -> Relevance:
    """Relevance from faces' codes w `[N, 512]` and the model's views of their pictures `[N, D]`: a
    regression."""
    codes, views = codes.double(), views.double()
    steps = principal_steps(codes)
    scores = (codes - codes.mean(0)) @ steps.T / steps.square().sum(1)  # [N, K], unit variance
    answers = torch.linalg.solve(
        scores.T @ scores + ridge * torch.eye(len(steps), dtype=torch.double),
        scores.T @ (views - views.mean(0)),
    )
    return Relevance(steps.float(), answers.float(), clip)


def relevance_name(clip: str) -> str:
    """Name of the file that holds the relevance of a model."""
    return f"{clip.replace('/', '-')}_relevance.safetensors"


def find_relevance(clip: str, places: Places) -> Relevance | None:
    """The relevance of a model, where somebody has measured it; that of the pack's own model ships.

    Raises:
        CheckpointError: its file is damaged or holds something else.
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
        CheckpointError: the file is damaged or holds something else.
    """
    tensors, about = read_kind(path, RELEVANCE_KIND, "tells no relevance")
    return Relevance(tensors["steps"].float(), tensors["answers"].float(), about["clip"])
