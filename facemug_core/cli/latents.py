"""`latent`: combines saved style codes, and undoes their operations."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ..errors import InputError
from . import values
from .declaring import add_actions, add_command, argument
from .options import OUTPUT

if TYPE_CHECKING:
    from ..latents import Latent


@dataclass(frozen=True)
class ShowOptions:
    """Arguments of `latent show`."""

    latent: Path = argument(type=Path)


@dataclass(frozen=True)
class OutputOptions:
    """Output file of codes."""

    output: Path = argument(*OUTPUT, type=Path, required=True, metavar="FILE")


@dataclass(frozen=True)
class BlendOptions(OutputOptions):
    """Arguments of `latent blend`."""

    latents: Sequence[tuple[Path, float]] = argument(
        type=values.latent_weight, nargs="+", metavar="FILE[=WEIGHT]"
    )


@dataclass(frozen=True)
class PairOptions(OutputOptions):
    """Two input files."""

    latent: Path = argument(type=Path)
    other: Path = argument(type=Path)


@dataclass(frozen=True)
class MixOptions(PairOptions):
    """Arguments of `latent mix`."""

    crossover: int = argument("--crossover", type=values.at_least_zero, default=8, metavar="CODE")


@dataclass(frozen=True)
class AddOptions(PairOptions):
    """Arguments of `latent add` and `latent subtract`."""

    amount: float = argument("--amount", type=values.number, default=1.0)


@dataclass(frozen=True)
class UndoOptions(OutputOptions):
    """Arguments of `latent undo`."""

    latent: Path = argument(type=Path)
    steps: int = argument("--steps", type=values.at_least_one, default=1)


def add_commands(commands: Any) -> None:
    """Add `latent` with its actions."""
    actions = add_actions(commands, "latent", "Combine saved style codes, and undo their operations.")
    add_command(actions, "show", "Print the content and the recipe of a latent file.", ShowOptions, show)
    add_command(actions, "blend", "Mix several people by weight.", BlendOptions, blend)
    about = "Take the coarse codes of one face, the fine ones of another."
    add_command(actions, "mix", about, MixOptions, mix)
    about = "Add what sets another person apart from the mean face."
    add_command(actions, "add", about, AddOptions, partial(add, operation="add"))
    about = "Take away what sets another person apart from the mean face."
    add_command(actions, "subtract", about, AddOptions, partial(add, operation="subtract"))
    add_command(actions, "undo", "Go back to the codes before the last operations.", UndoOptions, undo)


def show(options: ShowOptions) -> None:
    """Print the content of a file."""
    from ..latents import load_latent

    latent = load_latent(options.latent)
    print(f"{len(latent.codes)} face(s), made with the {latent.size or 'unknown'} model")
    for i, step in enumerate(latent.recipe, 1):
        print(f"{i}. {json.dumps(step)}")


def blend(options: BlendOptions) -> None:
    """Write the codes of several people, mixed by weight."""
    from .. import latents

    paths, weights = zip(*options.latents, strict=True)
    people = _load(paths)
    codes = latents.blend([person.codes for person in people], weights)
    recipe = {path.name: weight for path, weight in options.latents}
    latents.save_latent(options.output, people[0].then(codes, "blend", people=recipe))


def mix(options: MixOptions) -> None:
    """Write the coarse codes of one face with the fine ones of another."""
    from ..latents import mix_layers, save_latent

    latent, other = _load((options.latent, options.other))
    codes = mix_layers(latent.codes, other.codes, options.crossover)
    step = {"other": options.other.name, "crossover": options.crossover}
    save_latent(options.output, latent.then(codes, "mix", **step))


def add(options: AddOptions, operation: Literal["add", "subtract"]) -> None:
    """Write the codes of one face with another's difference from the mean face added or subtracted."""
    from .. import latents

    latent, other = _load((options.latent, options.other))
    if other.mean_code is None:
        raise InputError(f"{options.other} does not contain the mean face; save it again with --save-latent.")
    amount = options.amount if operation == "add" else -options.amount
    codes = latents.add(latent.codes, other.codes, amount, other.mean_code)
    step = {"other": options.other.name, "amount": options.amount}
    latents.save_latent(options.output, latent.then(codes, operation, **step))


def undo(options: UndoOptions) -> None:
    """Write the codes as they were before."""
    from ..latents import load_latent, save_latent

    save_latent(options.output, load_latent(options.latent).undone(options.steps))


def _load(paths: Sequence[Path]) -> list[Latent]:
    """Latents that can be combined: all of the same number of faces, or of one."""
    from ..batches import common_batch
    from ..latents import load_latent

    found = [load_latent(path) for path in paths]
    common_batch({path.name: len(latent.codes) for path, latent in zip(paths, found, strict=True)})
    return found
