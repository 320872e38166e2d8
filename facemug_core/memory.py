"""Results of stages, kept by the content of what they were made from.

A stage gives the same bits for the same inputs, so a result that was kept is the one that would be made anew.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from threading import Lock
from typing import Any, Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor

Result = TypeVar("Result")

LIMIT = 2**27
"""Bytes of the tensors that a memory keeps: those of an edit in a few variants, and the codes of many."""


class Recall(Protocol):
    """Gives the result of a stage for its inputs; makes it if it is not known."""

    def __call__(self, stage: str, inputs: Sequence[object], make: Callable[[], Result]) -> Result: ...


def afresh(stage: str, inputs: Sequence[object], make: Callable[[], Result]) -> Result:
    """Nothing is remembered."""
    return make()


class Memory:
    """The last results of stages, up to a number of bytes. Several threads may use it.

    It knows nothing of networks: a memory serves one model. Nobody may change a result.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._kept: OrderedDict[bytes, tuple[Any, int]] = OrderedDict()
        self._bytes = 0
        self._one_at_a_time = Lock()

    def recall(self, stage: str, inputs: Sequence[object], make: Callable[[], Result]) -> Result:
        """As `Recall`. A stage that raises leaves nothing."""
        return self.noting([])(stage, inputs, make)

    def noting(self, reused: list[str]) -> Recall:
        """The same, and the names of stages whose results were known are added to a list, each once."""

        def recall(stage: str, inputs: Sequence[object], make: Callable[[], Result]) -> Result:
            key = content_key(stage, *inputs)
            with self._one_at_a_time:
                known = self._kept.get(key)
                if known is not None:
                    self._kept.move_to_end(key)
            if known is not None:
                if stage not in reused:
                    reused.append(stage)
                result: Result = known[0]
                return result
            made = make()
            self._keep(key, made)
            return made

        return recall

    def _keep(self, key: bytes, result: object) -> None:
        size = sum(leaf.nbytes for leaf in _leaves(result) if isinstance(leaf, Tensor | np.ndarray))
        if size > self._limit:
            return
        with self._one_at_a_time:
            self._bytes += size - self._kept.pop(key, (None, 0))[1]
            self._kept[key] = result, size
            while self._bytes > self._limit:
                _, (_, dropped) = self._kept.popitem(last=False)
                self._bytes -= dropped


def content_key(*values: object) -> bytes:
    """Differs where the content of values does, whichever objects hold it.

    Values are tensors, arrays, numbers, texts and None, and dataclasses, mappings and sequences of these.

    Raises:
        TypeError: a value is something else.
    """
    content = hashlib.sha256()
    for leaf in _leaves(values):
        if isinstance(leaf, Tensor):
            flat = leaf.detach().cpu().contiguous().reshape(-1)
            content.update(f"{leaf.dtype} {tuple(leaf.shape)} ".encode())
            content.update(flat.view(torch.uint8).numpy().data)
        elif isinstance(leaf, np.ndarray):
            content.update(f"{leaf.dtype} {leaf.shape} ".encode())
            content.update(np.ascontiguousarray(leaf).data)
        elif leaf is None or isinstance(leaf, bool | int | float | str | bytes | np.generic):
            content.update(f"{type(leaf).__name__} {leaf!r} ".encode())
        else:
            raise TypeError(f"The content of {type(leaf).__name__} cannot be compared.")
    return content.digest()


def _leaves(value: Any) -> Iterator[Any]:
    """What a value is made of; what holds other values comes before them, as its size."""
    if is_dataclass(value):
        for field in fields(value):
            yield from _leaves(getattr(value, field.name))
    elif isinstance(value, Mapping):
        yield len(value)
        for key, one in value.items():
            yield from _leaves(key)
            yield from _leaves(one)
    elif isinstance(value, Sequence) and not isinstance(value, str | bytes):
        yield len(value)
        for one in value:
            yield from _leaves(one)
    else:
        yield value
