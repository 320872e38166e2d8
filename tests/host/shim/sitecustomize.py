"""Lets the host start beside a processor-only torch, without network and without chosen packages.

The host imports torchvision and torchaudio. PyPI's torchvision expects operators that only its own build of
torch brings, so their names are declared here; torchaudio is an empty stand-in, for audio is never run.
`HOST_WITHOUT` names modules, joined by commas, that count as not installed.
"""

import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
import types
from typing import Any


class _DeclareOperators(importlib.abc.MetaPathFinder):
    """Declares torchvision's operators just before it is imported."""

    library: Any = None

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        if name == "torchvision" and self.library is None:
            import torch

            self.library = torch.library.Library("torchvision", "DEF")
            for operator in ("nms", "qnms"):
                self.library.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")


class _StandIn(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Empty modules under `torchaudio`, whose every attribute is an empty class."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name.partition(".")[0] == "torchaudio":
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        module = types.ModuleType(spec.name)

        def attribute(name: str) -> type:
            if name.startswith("__"):
                raise AttributeError(name)
            return type(name, (), {})

        module.__getattr__ = attribute  # type: ignore[method-assign]
        return module

    def exec_module(self, module: types.ModuleType) -> None:
        pass


def _refuse_network(event: str, arguments: tuple[Any, ...]) -> None:
    """Audit hook: only this machine can be reached."""
    if event == "socket.connect":
        address = arguments[1]
        place = address[0] if isinstance(address, tuple) else "127.0.0.1"
    elif event == "socket.getaddrinfo":
        place = arguments[0] or "127.0.0.1"
    else:
        return
    place = place.decode() if isinstance(place, bytes) else place
    if place not in ("127.0.0.1", "::1", "localhost", "0.0.0.0"):
        sys.stderr.write(f"REFUSED NETWORK {place}\n")
        raise OSError(f"the tests' host has no network, but asked for {place}")


sys.addaudithook(_refuse_network)
sys.meta_path.insert(0, _DeclareOperators())
if importlib.util.find_spec("torchaudio") is None:
    sys.meta_path.append(_StandIn())
for _absent in filter(None, os.environ.get("HOST_WITHOUT", "").split(",")):
    sys.modules[_absent] = None  # type: ignore[assignment]
