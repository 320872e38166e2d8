"""Runs nodes as a host does, on pictures made up here."""

from __future__ import annotations

import sys
from typing import Any

import torch
from torch import Tensor

from ..pack import NAME, load_nodes
from ..tiny import random_conditions

NODES = load_nodes()
tensors = sys.modules[f"{NAME}.nodes.tensors"]
host = sys.modules[f"{NAME}.nodes.host"]
loading = sys.modules[f"{NAME}.nodes.loading"]
text_nodes = sys.modules[f"{NAME}.nodes.text"]


def run(name: str, **values: Any) -> tuple[Any, ...]:
    """Execute a node as the host does: defaults for what is not given, in inference mode."""
    node = NODES[f"FACEMUG_{name}"]
    defaults = {
        one.id: one.default
        for one in node.GET_SCHEMA().inputs
        if not one.optional and hasattr(one, "default")
    }
    with torch.inference_mode():
        return node.execute(**{**defaults, **values}).args


def image(batch: int = 1, height: int = 200, width: int = 240, channels: int = 3, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(batch, height, width, channels, generator=generator)


def photo(batch: int = 1, height: int = 200, width: int = 240, seed: int = 0) -> Tensor:
    """Values as Load Image gives them."""
    return (image(batch, height, width, seed=seed) * 255).round() / 255


def center_mask(batch: int = 1, height: int = 200, width: int = 240) -> Tensor:
    mask = torch.zeros(batch, height, width)
    mask[:, height // 4 : height // 2, width // 4 : width // 2] = 1
    return mask


def aligned(model: Any, pictures: Tensor) -> Any:
    return run("DetectFaces", model=model, image=pictures, aligned=True)[0]


def wired(
    model: Any, pictures: Tensor, mask: Tensor, latent: Tensor | None = None, **guides: Any
) -> tuple[Any, ...]:
    """The edit stage by stage."""
    faces = aligned(model, pictures)
    (conditions,) = run("Conditions", faces=faces, mask=mask, **guides)
    if latent is None:
        (latent,) = run("ProjectConditions", model=model, conditions=conditions)
    (features,) = run("Aggregate", model=model, conditions=conditions)
    (crops,) = run("Generate", model=model, features=features, latent=latent)
    return run("PasteFaces", faces=faces, crops=crops, mask=mask)


def latent_of(model: Any, variants: int = 1) -> Tensor:
    return run("RandomStyle", model=model, variants=variants)[0]


def features_of(model: Any) -> Any:
    return run("Aggregate", model=model, conditions=random_conditions())[0]
