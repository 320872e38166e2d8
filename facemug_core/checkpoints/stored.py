"""Content of a weights file of any kind: tensors and plain values by name."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ..errors import CheckpointError

if TYPE_CHECKING:
    from torch import Tensor

ITEM_BYTES: Mapping[str, int] = MappingProxyType(
    {
        "float64": 8, "float32": 4, "float16": 2, "bfloat16": 2, "float8_e4m3fn": 1, "float8_e5m2": 1,
        "int64": 8, "int32": 4, "int16": 2, "int8": 1, "uint8": 1, "bool": 1,
        "complex64": 8, "complex128": 16,
    }
)  # fmt: skip
"""Types of number that a file may hold, by torch's names, and the bytes that a number takes."""


@dataclass(frozen=True, eq=False)
class StoredTensor:
    """A tensor that has not been read from its file."""

    shape: tuple[int, ...]
    dtype: str
    """Type of number, a key of `ITEM_BYTES`."""
    load: Callable[[], Tensor]
    """Reads the tensor: contiguous, on the CPU."""

    @property
    def nbytes(self) -> int:
        """Size in memory."""
        return math.prod(self.shape) * ITEM_BYTES[self.dtype]

    def mapped(self, shape: tuple[int, ...], change: Callable[[Tensor], Tensor]) -> StoredTensor:
        """The tensor after `change`, which has this shape."""
        return StoredTensor(shape, self.dtype, lambda: change(self.load()))


def stored_at(
    path: Path, start: int, dtype: str, shape: tuple[int, ...], strides: tuple[int, ...]
) -> StoredTensor:
    """A tensor that starts at a byte of a file, little-endian."""

    def load() -> Tensor:
        import torch

        extent = extent_of(shape, strides)
        raw = torch.empty(extent * ITEM_BYTES[dtype], dtype=torch.uint8)
        with path.open("rb") as file:
            file.seek(start)
            if file.readinto(raw.numpy().data) < len(raw):
                raise CheckpointError(f"{path} was cut short while it was read.")
        if not extent:
            return torch.empty(shape, dtype=getattr(torch, dtype))
        return raw.view(getattr(torch, dtype)).as_strided(shape, strides).contiguous()

    return StoredTensor(shape, dtype, load)


def extent_of(shape: tuple[int, ...], strides: tuple[int, ...]) -> int:
    """Number of storage elements from the first to the last of a tensor, inclusive."""
    if 0 in shape:
        return 0
    return 1 + sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True))


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A weights file of which only names and shapes have been read."""

    path: Path
    tensors: Mapping[str, StoredTensor]
    """Tensors by name; names of nested containers are joined by dots, as in `state_dict.body.0.weight`."""
    values: Mapping[str, Any] = field(default_factory=dict)
    """Numbers, texts, booleans and None by names of the same form, as in `opts.encoder_type`."""

    def under(self, prefix: str) -> dict[str, StoredTensor]:
        """Tensors whose names begin with a prefix, without it."""
        return {
            name.removeprefix(prefix): tensor
            for name, tensor in self.tensors.items()
            if name.startswith(prefix)
        }
