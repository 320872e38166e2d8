"""Guides, sliders and texts from options."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from PIL import Image
from tqdm import tqdm

from ..batches import seeds_from
from ..companions import LATENTS, companion
from ..editing.directions import shipped_directions
from ..editing.foreign import parse_direction
from ..editing.text import TextGoal, TextOptions
from ..latents import Latent, load_latent
from ..modalities import MODALITIES, Guide, Reading
from ..pipeline.style import Move, slider_move, text_move
from .loading import load_text_model
from .options import GuidanceOptions


def guides_of(
    options: GuidanceOptions,
    size: tuple[int, int] | None,
    opened: Callable[[Path], Image.Image],
    say: Callable[[str], None],
) -> dict[str, Guide]:
    """The given guides with their strengths, opened by `opened` and resized to (width, height).

    Without a size each keeps its own. `say` is called with a message for each change.
    """
    reading = Reading(options.semantic_numbering, options.no_color)
    return {
        name: replace(modality.read(opened(given[0]), size, reading, say), strength=given[1])
        for name, modality in MODALITIES.items()
        if (given := getattr(options, name)) is not None
    }


def style_of(options: GuidanceOptions, source: Path | None = None) -> dict[str, Any]:
    """The arguments of `StylePlan` from options.

    Args:
        options: of the command.
        source: the photo, if latent files are in a folder.
    """
    return {
        "style": options.style,
        "style_mix": options.style_mix,
        "seeds": seeds_from(options.seed, options.variants),
        "latent": latent_of(options, source),
        "inversion": options.inversion,
        "directions": _moves(options),
        "text": _text_goal(options),
    }


def latent_of(options: GuidanceOptions, source: Path | None = None) -> Latent | None:
    """The given latent file, or the photo's in a folder of latent files."""
    if options.latent is None:
        return None
    return load_latent(options.latent if source is None else companion(options.latent, source, LATENTS))


def _moves(options: GuidanceOptions) -> list[Move]:
    """Sliders with their amounts, and the direction of a text in direction mode."""
    asked = [
        slider_move(name, parse_direction(name, lambda: shipped_directions(options.all_weights())), amount)
        for name, amount in options.attribute
    ]
    if options.text is not None and options.text_mode == "direction":
        clip, strength = load_text_model(options), options.text_strength
        asked.append(text_move(clip, options.text, strength, _text_options(options)))
    return asked


def _text_goal(options: GuidanceOptions) -> TextGoal | None:
    """The goal of a text search, with a progress bar; Ctrl+C keeps the best codes so far."""
    if options.text is None or options.text_mode != "optimize":
        return None
    # Drawn with the first step, so that errors of the text or its model get their own line.
    bar = cache(lambda: tqdm(unit="step", desc=options.text, leave=False))

    def progress(done: int, total: int) -> None:
        bar().total, bar().n = total, done
        bar().refresh()

    return TextGoal(options.text, load_text_model(options), _text_options(options), progress)


def _text_options(options: GuidanceOptions) -> TextOptions:
    return TextOptions(
        weight=options.text_strength,
        steps=options.text_steps,
        layers=options.text_layers,
        keep_geometry=options.keep_geometry,
    )
