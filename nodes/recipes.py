"""Recipes of style codes: they travel with the codes from node to node, and into saved files.

Codes are plain tensors on their sockets, so that other packs' nodes can work with them; codes that come from
such a node begin a recipe of their own.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor

from ..facemug_core.latents import Latent
from ..facemug_core.model import FaceMug
from . import host

RECIPE = "facemug_latent"
"""Attribute of codes that holds where they come from."""


def latent_of(codes: Tensor) -> Latent:
    """Codes with their recipe."""
    return getattr(codes, RECIPE, Latent(codes))


def codes_of(latent: Latent) -> Tensor:
    """Codes that carry their recipe, for a socket."""
    codes = host.hand_over(latent.codes)
    codes = codes.view_as(codes)  # an object of its own: the same values may be on another socket, too
    setattr(codes, RECIPE, latent)
    return codes


def begun(model: FaceMug, codes: Tensor) -> Tensor:
    """New codes of a model, which begin a recipe."""
    return codes_of(model.as_latent(codes))


def then(before: Tensor, codes: Tensor, operation: str, **details: Any) -> Tensor:
    """Codes that an operation has made of others, with the recipe of these and the operation."""
    return codes_of(latent_of(before).then(codes, operation, **details))
