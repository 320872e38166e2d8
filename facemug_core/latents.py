"""W+ style codes `[B, 18, 512]`: interpolate, mix, combine, save and load."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .checkpoints.files import LATENT_KIND
from .checkpoints.reading import read_safetensors, save_safetensors
from .conventions import CODE_DIM, NUM_CODES
from .errors import CheckpointError, InputError, ShapeError

CODES, MEAN, BEFORE = "codes", "mean_code", "before."
"""Names of the tensors in a latent file; the codes before each step of the recipe are numbered from 0."""


LARGEST_CODE = 200.0
"""Up to this, numbers in codes give a picture; those of faces lie within about ±10."""


def check_codes(codes: Tensor) -> Tensor:
    """The codes in float32, if they are `[B, 18, 512]` and of a size that a picture can be made of.

    Raises:
        ShapeError: another shape, or no codes at all.
        InputError: NaN, infinity, or numbers far beyond those of any face.
    """
    if codes.ndim != 3 or codes.shape[1:] != (NUM_CODES, CODE_DIM) or len(codes) == 0:
        raise ShapeError(f"Expected style codes [B, {NUM_CODES}, {CODE_DIM}], but got {list(codes.shape)}.")
    if not bool((codes.detach().abs() <= LARGEST_CODE).all()):  # also catches NaN
        raise InputError(
            f"The style codes hold numbers beyond ±{LARGEST_CODE:g}, or NaN, but those of faces lie within "
            "about ±10: a slider or amount is too large, or the codes are damaged."
        )
    return codes.float()


def broadcast(w: Tensor) -> Tensor:
    """One code per face `[B, 512]` → the same for all layers `[B, 18, 512]`."""
    return w[:, None].expand(-1, NUM_CODES, -1)


def interpolate(codes: Tensor, other: Tensor, amount: float) -> Tensor:
    """codes + λ (other − codes) (PAPER section 4); λ = 0 returns the codes' own bits, 1 the other's.

    Raises:
        InputError: λ is NaN or infinite, or as `check_codes`.
        ShapeError: as `check_codes`.
    """
    codes, other = check_codes(codes), check_codes(other)
    if not math.isfinite(amount):
        raise InputError(f"The amount by which styles are mixed is {amount}; give a number, mostly 0 to 1.")
    if amount == 0:
        return codes.expand(torch.broadcast_shapes(codes.shape, other.shape))
    if amount == 1:
        return other.expand(torch.broadcast_shapes(codes.shape, other.shape))
    return codes + amount * (other - codes)


def mix_layers(coarse: Tensor, fine: Tensor, crossover: int) -> Tensor:
    """Codes before `crossover` from one face, the others from another (style mixing, PAPER section 3).

    Raises:
        InputError: there are not so many codes, or as `check_codes`.
        ShapeError: as `check_codes`.
    """
    if not 0 <= crossover <= NUM_CODES:
        raise InputError(f"The crossover is {crossover}; it must lie between 0 and {NUM_CODES}.")
    coarse, fine = torch.broadcast_tensors(check_codes(coarse), check_codes(fine))
    return torch.cat([coarse[:, :crossover], fine[:, crossover:]], 1)


def blend(people: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
    """Weighted mean of several people's codes, each `[B, 18, 512]`.

    Weights count relative to their sum. A person of weight 0 leaves no trace, and one alone keeps the bits.
    Batches of 1 are repeated.

    Raises:
        InputError: not as many weights as people, a negative weight, or none above 0, or as `check_codes`.
        ShapeError: as `check_codes`.
    """
    if len(people) != len(weights) or min(weights, default=0) < 0 or sum(weights) == 0:
        raise InputError(
            f"Expected a weight of 0 or more for each of the {len(people)} people, and one above 0, "
            f"but got {', '.join(f'{weight:g}' for weight in weights) or 'none'}."
        )
    total = 0.0
    repeated = torch.broadcast_tensors(*map(check_codes, people))
    result = repeated[0]
    for codes, weight in zip(repeated, weights, strict=True):
        if weight > 0:
            total += weight
            result = interpolate(result, codes, weight / total)
    return result


def add(codes: Tensor, other: Tensor, amount: float, mean_code: Tensor) -> Tensor:
    """Codes plus what sets another person apart from the mean face, `amount` times; negative takes it away.

    An amount of 0 returns the codes' bits. A batch of 1 is repeated.

    Raises:
        InputError, ShapeError: as `check_codes`.
    """
    codes, other = check_codes(codes), check_codes(other)
    if amount == 0:
        return codes.expand(torch.broadcast_shapes(codes.shape, other.shape))
    return codes + amount * (other - mean_code.to(other))


# --- files --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Latent:
    """Codes with their model's name, mean code and recipe, as files keep them."""

    codes: Tensor
    """`[B, 18, 512]`."""
    size: str = ""
    """The model size that made them; empty where unknown. Both sizes can use them."""
    mean_code: Tensor | None = None
    """`[512]`, the mean face of the space that they lie in."""
    recipe: tuple[dict[str, Any], ...] = ()
    """The operations, oldest first: {"operation": name, …}."""
    before: tuple[Tensor, ...] = ()
    """The codes before each operation."""

    def __getitem__(self, rows: slice) -> Latent:
        """Some of the people."""
        return self._mapped(lambda codes: codes[rows] if len(codes) == len(self.codes) else codes)

    def expanded(self, count: int) -> Latent:
        """One person's codes as often as asked for; those of as many people as they are."""
        return self._mapped(lambda codes: codes.expand(count, -1, -1))

    @staticmethod
    def cat(parts: Sequence[Latent]) -> Latent:
        """The people of several latents of the same recipe."""
        before = zip(*(part.before for part in parts), strict=True)
        codes = torch.cat([part.codes for part in parts])
        return replace(parts[0], codes=codes, before=tuple(map(torch.cat, before)))

    def _mapped(self, function: Callable[[Tensor], Tensor]) -> Latent:
        return replace(self, codes=function(self.codes), before=tuple(map(function, self.before)))

    def then(self, codes: Tensor, operation: str, **details: Any) -> Latent:
        """The latent after one more operation, which gave these codes."""
        step = {"operation": operation, **details}
        return replace(self, codes=codes, recipe=(*self.recipe, step), before=(*self.before, self.codes))

    def undone(self, steps: int = 1) -> Latent:
        """The latent before its last operations, with the bits of then.

        Raises:
            InputError: there were not so many operations.
        """
        if not 0 <= steps <= len(self.recipe):
            raise InputError(f"{steps} operations are to be undone, but the recipe has {len(self.recipe)}.")
        if steps == 0:
            return self
        return replace(
            self, codes=self.before[-steps], recipe=self.recipe[:-steps], before=self.before[:-steps]
        )


def save_latent(path: str | Path, latent: Latent) -> None:
    """Write a latent file: one .safetensors that any reader of these opens, numpy's included."""
    tensors = {CODES: check_codes(latent.codes)}
    tensors |= {f"{BEFORE}{i}": codes for i, codes in enumerate(latent.before)}
    if latent.mean_code is not None:
        tensors[MEAN] = latent.mean_code
    about = {"kind": LATENT_KIND, "size": latent.size, "recipe": json.dumps(latent.recipe)}
    save_safetensors(path, {name: value.float() for name, value in tensors.items()}, about)


def load_latent(path: str | Path) -> Latent:
    """Read a latent file.

    Raises:
        CheckpointError: the file is damaged or holds something else; says what.
        ShapeError: its codes are of another shape.
    """
    tensors, about = read_safetensors(path)
    if CODES not in tensors:
        found = about.get("kind") or ", ".join(sorted(tensors)[:3]) or "nothing"
        raise CheckpointError(
            f"{path} is not a latent file: expected a tensor called {CODES}, found {found}."
        )
    codes = check_codes(tensors[CODES])
    try:
        recipe = tuple(json.loads(about.get("recipe", "[]")))
        before = tuple(tensors[f"{BEFORE}{i}"] for i in range(len(recipe)))
    except (ValueError, KeyError) as error:
        raise CheckpointError(
            f"{path} has a recipe that cannot be followed ({error}): another program has changed the file. "
            f"Its codes alone can be kept: save the tensor {CODES} without metadata."
        ) from error
    return Latent(codes, about.get("size", ""), tensors.get(MEAN), recipe, before)


def save_codes(path: str | Path, codes: Tensor, size: str = "") -> None:
    """Write codes `[B, 18, 512]` without a recipe as a latent file."""
    save_latent(path, Latent(codes, size))


def load_codes(path: str | Path) -> Tensor:
    """Codes `[B, 18, 512]` of a latent file; errors as `load_latent`."""
    return load_latent(path).codes
