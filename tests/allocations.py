"""How much memory operations take."""

from __future__ import annotations

from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class Allocations(TorchDispatchMode):
    """Bytes of the memory behind every tensor that torch's operations return, by its address."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes: dict[int, int] = {}

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        returned = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(returned):
            if isinstance(leaf, torch.Tensor):
                memory = leaf.untyped_storage()
                self.bytes[memory.data_ptr()] = max(memory.nbytes(), self.bytes.get(memory.data_ptr(), 0))
        return returned

    def as_large_as(self, tensor: torch.Tensor) -> set[int]:
        """Addresses of memory of at least the tensor's size."""
        return {address for address, size in self.bytes.items() if size >= tensor.nbytes}
