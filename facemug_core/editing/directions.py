"""Directions of style codes, along which attribute sliders move (PAPER section 6).

Every direction takes codes `[B, 18, 512]` and an amount, and returns codes of the same shape; an amount of 0
returns the same bits. There are three kinds:

- `Linear` adds: codes + amount · vector (InterFaceGAN, and our own).
- `Coordinate` moves one coordinate of a principal component analysis to a target (GANSpace); the amount is
the
  share of the way.
- `Mapped` adds the output of a trained network (StyleCLIP's mappers).

`Within` limits any of them to some layers; `sweep` makes codes at several amounts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from ..batches import Progress, no_progress, one_by_one
from ..checkpoints.files import DIRECTIONS_KIND
from ..checkpoints.reading import read_kind, save_safetensors
from ..checkpoints.weights import SHIPPED, Weights
from ..conventions import CODE_DIM, NUM_CODES
from ..errors import InputError, ShapeError
from ..latents import check_codes
from .direction_facts import DIRECTIONS_FILE, NO_DIRECTIONS, Layers, facts_in

ALL_LAYERS: Layers = (0, NUM_CODES)

MAPPER_GAIN = 0.1
"""Factor of a mapper's output at an amount of 1 (StyleCLIP)."""


class Direction(Protocol):
    """A change of codes."""

    def apply(self, codes: Tensor, amount: float) -> Tensor:
        """Changed codes `[B, 18, 512]`; an amount of 0 returns the given codes.

        Raises:
            ShapeError: the codes are not `[B, 18, 512]`.
        """


@dataclass(frozen=True, eq=False)
class Linear:
    """Adds a vector."""

    vector: Tensor
    """`[512]`, the same for all layers, or `[18, 512]`."""
    layers: Layers = ALL_LAYERS
    safe: tuple[float, float] = (-1.0, 1.0)
    """Range of amounts with realistic faces."""
    about: Mapping[str, Any] = field(default_factory=dict)
    """Measurements, and how the direction was found, for readers."""

    def __post_init__(self) -> None:
        check_layers(self.layers)
        if self.vector.shape not in ((CODE_DIM,), (NUM_CODES, CODE_DIM)):
            raise ShapeError(
                f"Expected a direction [{CODE_DIM}] or [{NUM_CODES}, {CODE_DIM}], "
                f"but got {list(self.vector.shape)}."
            )

    @cached_property
    def offset(self) -> Tensor:
        """The offset `[18, 512]` of an amount of 1."""
        first, end = self.layers
        offset = torch.zeros(NUM_CODES, CODE_DIM)
        offset[first:end] = self.vector.float().expand(NUM_CODES, -1)[first:end]
        return offset

    def apply(self, codes: Tensor, amount: float) -> Tensor:
        """codes + amount · vector, in the layers (Eq. 3)."""
        codes = check_codes(codes)
        if amount == 0:
            return codes
        return codes + amount * self.offset.to(codes)


@dataclass(frozen=True, eq=False)
class Coordinate:
    """Sets one coordinate of a principal component analysis (GANSpace)."""

    mean: Tensor
    """`[512]`"""
    component: Tensor
    """`[512]`, of length 1."""
    deviation: float
    """Standard deviation along the component: the unit of coordinates."""
    target: float
    """The coordinate at an amount of 1."""
    layers: Layers = ALL_LAYERS

    def __post_init__(self) -> None:
        check_layers(self.layers)

    def of(self, codes: Tensor) -> Tensor:
        """The coordinate `[B]` of codes, from their first layer alone."""
        centered = codes[:, 0] - self.mean.to(codes)
        return centered @ self.component.to(codes) / self.deviation

    def apply(self, codes: Tensor, amount: float) -> Tensor:
        """Move the coordinate by the share `amount` towards the target."""
        codes = check_codes(codes)
        if amount == 0:
            return codes
        step = amount * (self.target - self.of(codes)) * self.deviation  # [B]
        first, end = self.layers
        changed = codes.clone()
        changed[:, first:end] += step[:, None, None] * self.component.to(codes)
        return changed


@dataclass(frozen=True, eq=False)
class Mapped:
    """Adds a network's output for the codes (StyleCLIP's latent mapper)."""

    mapper: nn.Module
    """Codes `[B, 18, 512]` to a change of the same shape."""

    @torch.no_grad()
    def apply(self, codes: Tensor, amount: float) -> Tensor:
        """codes + amount · 0.1 · mapper(codes)."""
        codes = check_codes(codes)
        if amount == 0:
            return codes
        return codes + amount * MAPPER_GAIN * self.mapper.to(codes.device)(codes)


@dataclass(frozen=True, eq=False)
class Within:
    """Another direction, limited to some layers."""

    direction: Direction
    layers: Layers

    def __post_init__(self) -> None:
        check_layers(self.layers)

    def apply(self, codes: Tensor, amount: float) -> Tensor:
        """The direction's codes in the layers, the given ones elsewhere."""
        moved = self.direction.apply(codes, amount)
        first, end = self.layers
        return codes if amount == 0 else torch.cat([codes[:, :first], moved[:, first:end], codes[:, end:]], 1)


def check_layers(layers: Layers) -> None:
    """Check a range of layers.

    Raises:
        InputError: it is no range within 0…18.
    """
    first, end = layers
    if not 0 <= first < end <= NUM_CODES:
        raise InputError(
            f"Layers {first}:{end} are no range of the {NUM_CODES} style codes; give START:END with "
            f"0 <= START < END <= {NUM_CODES}."
        )


def sweep(
    codes: Tensor, direction: Direction, amounts: Sequence[float], progress: Progress = no_progress
) -> Tensor:
    """Each of the codes `[B, 18, 512]` at all amounts in turn: `[B · amounts, 18, 512]`.

    A second sweep of the result makes a grid with a row for each amount of the first. `progress` is called
    for every amount.
    """
    moved = one_by_one(lambda amount: direction.apply(codes, *amount), {"amounts": amounts}, progress)
    return torch.stack(moved, 1).flatten(0, 1)


# --- files --------------------------------------------------------------------------------------------------


def save_directions(path: str | Path, directions: Mapping[str, Linear]) -> None:
    """Write directions by name to one .safetensors file, in half precision."""
    tensors = {name: direction.vector.half() for name, direction in directions.items()}
    about = {
        name: {"layers": direction.layers, "safe": direction.safe, **direction.about}
        for name, direction in directions.items()
    }
    save_safetensors(path, tensors, {"kind": DIRECTIONS_KIND, "directions": json.dumps(about)})


def load_directions(path: str | Path) -> dict[str, Linear]:
    """Directions by name from a file by `save_directions`.

    Raises:
        CheckpointError: the file is damaged or has another content.
    """
    tensors, metadata = read_kind(path, DIRECTIONS_KIND, NO_DIRECTIONS)
    return {name: Linear(tensors[name].float(), *facts) for name, facts in facts_in(metadata).items()}


def shipped_directions(weights: Weights = SHIPPED) -> dict[str, Linear]:
    """The shipped directions by name.

    Raises:
        WeightsMissingError: their file is missing.
    """
    return load_directions(weights.path(DIRECTIONS_FILE))


def named(directions: Mapping[str, Linear], name: str) -> Linear:
    """One of the directions.

    Raises:
        InputError: there is none of this name; the message lists all.
    """
    if name not in directions:
        raise InputError(f"There is no attribute called {name!r}. Choose among: {', '.join(directions)}.")
    return directions[name]
