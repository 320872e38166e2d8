"""What readers of published formats have in common."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..stored import Checkpoint, StoredTensor

if TYPE_CHECKING:
    from torch import nn

UNSTORED = 1 << 20
"""Numbers that a network may make beside those of its state dict."""


@dataclass(frozen=True, eq=False)
class Part:
    """One of our networks, as a file holds it."""

    tensors: Mapping[str, StoredTensor]
    """Its state dict."""
    build: Callable[[], nn.Module] | None = None
    """Makes the network, of the file's sizes; None where names and shapes are known to be the network's."""
    mean_code: StoredTensor | None = None
    """[18, 512]: what an encoder's codes are offsets from, where that comes with the encoder."""

    def misfit(self) -> str | None:
        """The first difference between the file's names and shapes and the network's, if there is one."""
        if self.build is None:
            return None
        from ..building import TooLargeError, build_empty, misfit

        numbers = sum(math.prod(tensor.shape) for tensor in self.tensors.values())
        try:
            # A few shapes could ask for a network of any size.
            network = build_empty(self.build, numbers + UNSTORED)
        except TooLargeError:
            return f"its shapes are those of a larger network than its {numbers} numbers fill"
        return misfit(network, self.tensors)


@dataclass(frozen=True, eq=False)
class Found:
    """What one reader sees in a file."""

    kind: str
    """What it is, as its authors call it."""
    facts: Mapping[str, object]
    """Sizes, as the shapes tell them."""
    use: str
    """What it can be used for."""
    parts: Mapping[str, Part] = field(default_factory=dict)
    """Networks that it brings, by the name of the weights file that it stands for."""
    starts: Mapping[str, Mapping[str, StoredTensor]] = field(default_factory=dict)
    """Tensors of networks that it can start the training of, by the same names."""
    lacks: Sequence[str] = ()
    """What is missing for that use."""


def prefixes_of(checkpoint: Checkpoint, keys: Sequence[str]) -> list[str]:
    """Beginnings of names under which all the keys are found; averaged weights first, then short ones."""
    first = keys[0]
    candidates = (name.removesuffix(first) for name in checkpoint.tensors if name.endswith(first))
    complete = [
        prefix
        for prefix in candidates
        if prefix[-1:] in ("", ".") and all(prefix + key in checkpoint.tensors for key in keys)
    ]
    return sorted(complete, key=lambda prefix: ("ema" not in prefix, len(prefix)))
