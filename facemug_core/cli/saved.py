"""Style codes in files: those that an edit begins with, and those that it leaves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from ..companions import LATENTS, companion
from ..editing.directions import Direction
from ..latents import Latent, load_latent, save_latent
from ..model import FaceMug
from .guidance import seeds_of
from .options import GuidanceOptions


def saved_codes(options: GuidanceOptions, source: Path | None = None) -> torch.Tensor | None:
    """The codes of the latent file given, or of the photo's in a folder of them."""
    latent = _saved(options, source)
    return None if latent is None else latent.codes


def begun(
    options: GuidanceOptions,
    model: FaceMug,
    styles: torch.Tensor,
    source: Path | None = None,
    fit: int | None = None,
) -> Latent:
    """What an edit began with: new codes, or those of a latent file, whose recipe goes on.

    Args:
        options: of the command.
        model: that made the codes.
        styles: the codes before sliders and text, [B, 18, 512].
        source: the photo, where latent files are a folder.
        fit: steps of the fit that were asked for.
    """
    latent, saved = model.as_latent(styles), _saved(options, source)
    if saved is None:
        return latent
    first = replace(latent, codes=saved.codes, recipe=saved.recipe, before=saved.before)
    if options.style_mix > 0:
        others = model.random_codes(seeds_of(options))
        mixed = model.interpolate(saved.codes.to(others), others, options.style_mix).cpu()
        first = first.then(mixed, "interpolate", seed=options.seed, amount=options.style_mix)
    if torch.equal(first.codes.expand_as(latent.codes), latent.codes):
        return replace(first, codes=latent.codes)
    return first.then(latent.codes, "fit", steps=fit)


def save_edited(
    options: GuidanceOptions,
    path: Path,
    first: Latent,
    codes: torch.Tensor,
    directions: Sequence[tuple[Direction, float]],
) -> None:
    """Write the codes of an edit, with what sliders and text did to those that it began with."""
    steps: list[dict[str, Any]] = [
        {"operation": "attribute", "name": name, "amount": amount} for name, amount in options.attribute
    ]
    if options.text is not None:
        asked = {"text": options.text, "mode": options.text_mode, "strength": options.text_strength}
        steps.append({"operation": "text", **asked})
    latent = first
    for step, (direction, amount) in zip(steps, directions, strict=False):
        latent = latent.then(direction.apply(latent.codes, amount), **step)
    if len(steps) > len(directions):  # the text was searched for
        latent = latent.then(codes, **steps[-1])
    save_latent(path, replace(latent, codes=codes))


def _saved(options: GuidanceOptions, source: Path | None) -> Latent | None:
    if options.latent is None:
        return None
    return load_latent(options.latent if source is None else companion(options.latent, source, LATENTS))
