"""What a weights file holds, of whatever kind the file is: tensors and plain values by name."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..errors import CheckpointError


@dataclass(frozen=True, eq=False)
class StoredTensor:
    """A tensor that is still in its file."""

    shape: tuple[int, ...]
    dtype: torch.dtype
    load: Callable[[], Tensor]
    """Reads it: contiguous, on the CPU."""

    @property
    def nbytes(self) -> int:
        """Bytes that it takes in memory."""
        return math.prod(self.shape) * self.dtype.itemsize

    def mapped(self, shape: tuple[int, ...], change: Callable[[Tensor], Tensor]) -> StoredTensor:
        """The tensor that `change` will make of it, of this shape."""
        return StoredTensor(shape, self.dtype, lambda: change(self.load()))


def stored_at(
    path: Path, start: int, dtype: torch.dtype, shape: tuple[int, ...], strides: tuple[int, ...]
) -> StoredTensor:
    """A tensor whose numbers begin at a byte of a file, little-endian."""

    def load() -> Tensor:
        extent = extent_of(shape, strides)
        raw = torch.empty(extent * dtype.itemsize, dtype=torch.uint8)
        with path.open("rb") as file:
            file.seek(start)
            if file.readinto(raw.numpy().data) < len(raw):
                raise CheckpointError(f"{path} was cut short while it was read.")
        if not extent:
            return torch.empty(shape, dtype=dtype)
        return raw.view(dtype).as_strided(shape, strides).contiguous()

    return StoredTensor(shape, dtype, load)


def extent_of(shape: tuple[int, ...], strides: tuple[int, ...]) -> int:
    """How many numbers lie between the first and the last of a tensor, both counted."""
    if 0 in shape:
        return 0
    return 1 + sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True))


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A weights file, of which nothing but names and shapes has been read."""

    path: Path
    tensors: Mapping[str, StoredTensor]
    """By name; names of nested containers are joined by dots, as in `state_dict.encoder.body.0.weight`."""
    values: Mapping[str, Any] = field(default_factory=dict)
    """Numbers, text, truth values and None beside the tensors, named alike, as in `opts.encoder_type`."""

    def under(self, prefix: str) -> dict[str, StoredTensor]:
        """Tensors whose names begin with a prefix, without it."""
        return {
            name.removeprefix(prefix): tensor
            for name, tensor in self.tensors.items()
            if name.startswith(prefix)
        }
