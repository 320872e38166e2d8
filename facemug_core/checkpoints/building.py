"""Builds networks without weights, and compares them with tensors."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from .stored import StoredTensor

Network = TypeVar("Network", bound=nn.Module)


class TooLargeError(Exception):
    """The network is larger than allowed."""


class _Undrawn(TorchFunctionMode):
    """Skips the random initialization of weights, which loading replaces; keeps the global random state.

    The meta device would do the same, but its first arithmetic imports torch's compiler, which takes seconds.
    """

    def __init__(self, numbers: float) -> None:
        super().__init__()
        self.left = numbers

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func in (torch.empty, torch.ones, torch.randn, torch.zeros):
            self.left -= math.prod(args[0] if isinstance(args[0], Sequence) else args)
            if self.left < 0:
                raise TooLargeError
        if func is torch.randn:
            return torch.empty(*args, **kwargs)
        if func.__name__ in ("normal_", "uniform_", "kaiming_uniform_"):  # of tensors and of nn.init
            return args[0] if args else kwargs["tensor"]
        return func(*args, **kwargs)


def build_empty(build: Callable[[], Network], numbers: float = math.inf) -> Network:
    """A network with uninitialized weights.

    Raises:
        TooLargeError: it has more than `numbers` weights; raised before the memory is allocated.
    """
    with _Undrawn(numbers):
        return build()


def misfit(network: nn.Module, tensors: Mapping[str, Tensor | StoredTensor]) -> str | None:
    """The first difference between the names and shapes of a network and of tensors, if there is one."""
    wanted = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    for name in sorted(wanted.keys() | tensors.keys()):
        if name not in tensors:
            return f"{name} {list(wanted[name])} is missing"
        if name not in wanted:
            return f"{name} is one too many"
        if tuple(tensors[name].shape) != wanted[name]:
            return f"{name} is {list(tensors[name].shape)} instead of {list(wanted[name])}"
    return None
