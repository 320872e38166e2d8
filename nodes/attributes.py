"""Attribute directions: loaded, applied, swept, and a slider for each that ships."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..facemug_core.conventions import NUM_CODES
from ..facemug_core.editing.directions import (
    Direction,
    Layers,
    Linear,
    Within,
    named,
    shipped_directions,
    sweep,
)
from ..facemug_core.editing.foreign import FILE_ENDINGS, parse_component, read_direction
from ..facemug_core.errors import InputError
from ..facemug_core.latents import check_codes
from ..facemug_core.pipeline.style import Move, slider_move
from . import host
from .host import io
from .recipes import then


@cache
def shipped() -> dict[str, Linear]:
    """The pack's own directions by name, in the order of their sliders; hosts ask for schemas often."""
    return shipped_directions()


def slider_moves(amounts: Mapping[str, float]) -> list[Move]:
    """The moves of the sliders that are not at 0, in the order of the sliders."""
    moved = ((name, direction, amounts.get(name, 0.0)) for name, direction in shipped().items())
    return [slider_move(name, direction, amount) for name, direction, amount in moved if amount != 0]


class LoadDirection(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return host.schema(
            node_id="FACEMUG_LoadDirection",
            category="styles",
            search_aliases=["interfacegan", "ganspace", "styleclip mapper", "latent direction", "boundary"],
            inputs=[
                io.Combo.Input("direction", options=[*shipped(), *host.direction_files(FILE_ENDINGS)]),
                io.String.Input("component", default="", placeholder="lipstick, or 12:5"),
            ],
            outputs=[host.Direction.Output(display_name="direction")],
        )

    @classmethod
    def validate_inputs(cls, direction: str) -> bool | str:
        if direction in shipped() or direction in host.direction_files(FILE_ENDINGS):
            return True
        return (
            f"There is no direction {direction}: put the file into models/{host.MODEL_FOLDER} or into the "
            f"input folder, or choose one of {', '.join(shipped())}."
        )

    @classmethod
    def fingerprint_inputs(cls, direction: str, component: str) -> str:
        path = host.direction_files(FILE_ENDINGS).get(direction)
        return "" if path is None else host.content_hash(path)

    @classmethod
    def execute(cls, direction: str, component: str) -> io.NodeOutput:
        path = host.direction_files(FILE_ENDINGS).get(direction)
        if path is None:
            return io.NodeOutput(named(shipped(), direction))
        which, target = parse_component(component)
        with torch.inference_mode(False):
            return io.NodeOutput(read_direction(path, component=which, target=target))


def layer_inputs() -> list[Any]:
    """Inputs that say which style codes are changed."""
    last = NUM_CODES - 1
    return [
        host.advanced(io.Int.Input("first_layer", default=0, min=0, max=last)),
        host.advanced(io.Int.Input("last_layer", default=last, min=0, max=last)),
    ]


def layers(first: int, last: int) -> Layers:
    """What the two inputs say."""
    if first > last:
        raise InputError(f"`first_layer` is {first} and `last_layer` {last}; the first must not lie behind.")
    return first, last + 1


def in_layers(direction: Direction, first: int, last: int) -> Within:
    """The direction, kept to what the two inputs say."""
    return Within(direction, layers(first, last))


class ApplyDirection(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return host.schema(
            node_id="FACEMUG_ApplyDirection",
            category="styles",
            search_aliases=["latent direction", "attribute", "smile", "age", "latent editing"],
            inputs=[
                host.Latent.Input("latent"),
                host.Direction.Input("direction"),
                io.Float.Input("amount", default=1.0, min=-100.0, max=100.0, step=0.05),
                *layer_inputs(),
            ],
            outputs=[host.Latent.Output(display_name="latent_out")],
        )

    @classmethod
    def execute(
        cls, latent: Tensor, direction: Direction, amount: float, first_layer: int, last_layer: int
    ) -> io.NodeOutput:
        codes = in_layers(direction, first_layer, last_layer).apply(latent, amount)
        return io.NodeOutput(then(latent, codes, "direction", amount=amount))


class SweepDirection(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return host.schema(
            node_id="FACEMUG_SweepDirection",
            category="styles",
            search_aliases=["grid of values", "xy plot", "latent walk", "attribute sheet"],
            inputs=[
                host.Latent.Input("latent"),
                host.Direction.Input("direction"),
                io.Float.Input("start", default=-1.0, min=-100.0, max=100.0, step=0.05),
                io.Float.Input("end", default=1.0, min=-100.0, max=100.0, step=0.05),
                io.Int.Input("steps", default=5, min=1, max=64),
                *layer_inputs(),
            ],
            outputs=[host.Latent.Output(display_name="latent_out")],
        )

    @classmethod
    def execute(
        cls,
        latent: Tensor,
        direction: Direction,
        start: float,
        end: float,
        steps: int,
        first_layer: int,
        last_layer: int,
    ) -> io.NodeOutput:
        if steps < 1:  # linked inputs can be out of range
            raise InputError(f"`steps` is {steps}, but a sweep has at least 1.")
        amounts = np.linspace(start, end, steps).tolist()
        moved = in_layers(direction, first_layer, last_layer)
        return io.NodeOutput(
            then(latent, sweep(latent, moved, amounts, host.Watch()), "sweep", amounts=amounts)
        )


class AttributeSliders(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return host.schema(
            node_id="FACEMUG_AttributeSliders",
            category="styles",
            search_aliases=["smile", "age", "head pose", "yaw pitch", "face sliders", "lipstick", "lighting"],
            inputs=[
                host.Latent.Input("latent"),
                # Optional, so that what was saved before there were more of them still runs.
                *(slider(name, *direction.safe) for name, direction in shipped().items()),
            ],
            outputs=[host.Latent.Output(display_name="latent_out")],
        )

    @classmethod
    def execute(cls, latent: Tensor, **amounts: float) -> io.NodeOutput:
        check_codes(latent)
        for name, direction in shipped().items():
            if (amount := amounts.get(name, 0.0)) != 0:
                moved = direction.apply(latent, amount)
                latent = then(latent, moved, "attribute", name=name, amount=amount)
        return io.NodeOutput(latent)


def slider(name: str, low: float, high: float) -> io.Float.Input:
    """A slider of a direction, between amounts at which faces stay faces."""
    return io.Float.Input(
        name, default=0.0, min=low, max=high, step=0.05, display_mode=io.NumberDisplay.slider, optional=True
    )
