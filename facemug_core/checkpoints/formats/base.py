"""Shared by readers of published formats."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..stored import Checkpoint, StoredTensor

if TYPE_CHECKING:
    from torch import nn

UNSTORED = 1 << 20
"""Allowance for a network's numbers outside its state dict."""


@dataclass(frozen=True, eq=False)
class Part:
    """One of our networks in a file."""

    tensors: Mapping[str, StoredTensor]
    """Its state dict."""
    build: Callable[[], nn.Module] | None = None
    """Makes the network, of the file's sizes; None where names and shapes are known to be the network's."""
    mean_code: StoredTensor | None = None
    """Mean code `[18, 512]` of an encoder's offsets, if it comes with the encoder."""

    def misfit(self) -> str | None:
        """The first difference between the file's names and shapes and the network's, if there is one."""
        if self.build is None:
            return None
        from ..building import TooLargeError, build_empty, misfit

        numbers = sum(math.prod(tensor.shape) for tensor in self.tensors.values())
        try:
            # A few shapes could describe a network of any size.
            network = build_empty(self.build, numbers + UNSTORED)
        except TooLargeError:
            return f"its shapes are those of a larger network than its {numbers} numbers fill"
        return misfit(network, self.tensors)


@dataclass(frozen=True, eq=False)
class Found:
    """A reader's result on a file."""

    kind: str
    """Its authors' name for it."""
    facts: Mapping[str, object]
    """Sizes from the shapes."""
    use: str
    """Its use."""
    parts: Mapping[str, Part] = field(default_factory=dict)
    """Networks in it, by the names of their weights files."""
    starts: Mapping[str, Mapping[str, StoredTensor]] = field(default_factory=dict)
    """Tensors from which networks can be trained, by the same names."""
    lacks: Sequence[str] = ()
    """Missing parts for this use."""


def prefixes_of(checkpoint: Checkpoint, keys: Sequence[str]) -> list[str]:
    """Prefixes under which all keys exist; averaged weights first, then short prefixes."""
    first = keys[0]
    candidates = (name.removesuffix(first) for name in checkpoint.tensors if name.endswith(first))
    complete = [
        prefix
        for prefix in candidates
        if prefix[-1:] in ("", ".") and all(prefix + key in checkpoint.tensors for key in keys)
    ]
    return sorted(complete, key=lambda prefix: ("ema" not in prefix, len(prefix)))
