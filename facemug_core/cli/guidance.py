"""Guides, sliders and texts that options ask for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

from PIL import Image
from tqdm import tqdm

from ..batches import seeds_from
from ..conditions.reading import read_color, read_opacity, read_semantic, read_sketch
from ..editing.directions import Direction, shipped_directions
from ..editing.foreign import parse_direction
from ..editing.text import TextGoal, TextOptions, text_direction
from ..guides import Guide
from .loading import load_text_model
from .options import GuidanceOptions


def guides_of(
    options: GuidanceOptions,
    size: tuple[int, int] | None,
    opened: Callable[[Path], Image.Image],
    say: Callable[[str], None],
) -> dict[str, Guide]:
    """The guides given, as `opened` opens their files, brought to (width, height), with their strengths.

    Without a size each keeps its own. `say` hears what of them was changed.
    """
    readers: dict[str, Callable[[Image.Image], Guide]] = {
        "sketch": lambda image: Guide(read_sketch(image, size)),
        "semantic": lambda image: Guide(read_semantic(image, size, options.semantic_numbering, say)),
        "color": lambda image: Guide(
            read_color(image, size, options.no_color), opacity=read_opacity(image, size)
        ),
    }
    return {
        name: replace(read(opened(given[0])), strength=given[1])
        for name, read in readers.items()
        if (given := getattr(options, name)) is not None
    }


def seeds_of(options: GuidanceOptions) -> list[int]:
    """One for each variant."""
    return seeds_from(options.seed, options.variants)


def directions_of(options: GuidanceOptions) -> list[tuple[Direction, float]]:
    """Sliders with their amounts, and the direction of a text that is not searched for."""
    asked: list[tuple[Direction, float]] = [
        (parse_direction(name, lambda: shipped_directions(options.weights)), amount)
        for name, amount in options.attribute
    ]
    if options.text is not None and options.text_mode == "direction":
        direction = text_direction(load_text_model(options), options.text, _text_options(options))
        asked.append((direction, options.text_strength))
    return asked


def text_goal_of(options: GuidanceOptions) -> TextGoal | None:
    """What codes are to be optimized for, with a bar that shows the steps; Ctrl+C keeps the best so far."""
    if options.text is None or options.text_mode != "optimize":
        return None
    # Drawn with the first step: what is wrong with the text or its model is told on a line of its own.
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
