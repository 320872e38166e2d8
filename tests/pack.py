"""Loads the pack as a host does, under a name of its own, with the stand-in for the host or a genuine one.

`COMFYUI_PATH` names a genuine host whose requirements the running Python has.
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import os
import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).parents[1]
NAME = "facemug_pack"


class SharedCore(MetaPathFinder, Loader):
    """Gives the pack the library that tests import, so that classes are the same on both sides."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        ours = name == f"{NAME}.facemug_core" or name.startswith(f"{NAME}.facemug_core.")
        return ModuleSpec(name, self, is_package=True) if ours else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = importlib.import_module(spec.name.removeprefix(f"{NAME}."))
        self._own_spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self._own_spec


def load_pack() -> ModuleType:
    """The pack's root module; its nodes are `facemug_pack.nodes`."""
    if NAME in sys.modules:
        return sys.modules[NAME]
    genuine = os.environ.get("COMFYUI_PATH")
    sys.path.insert(0, genuine or str(ROOT / "tests" / "stand_in"))
    if genuine:
        _ask_for_cpu()
    sys.meta_path.insert(0, SharedCore())
    spec = importlib.util.spec_from_file_location(
        NAME, ROOT / "__init__.py", submodule_search_locations=[str(ROOT)]
    )
    assert spec is not None
    assert spec.loader is not None
    pack = sys.modules[NAME] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(pack)
    return pack


def load_nodes() -> dict[str, Any]:
    """Node classes by id."""

    async def listed() -> list[Any]:
        extension = await load_pack().comfy_entrypoint()
        return await extension.get_node_list()

    return {node.GET_SCHEMA().node_id: node for node in asyncio.run(listed())}


def _ask_for_cpu() -> None:
    options = importlib.import_module("comfy.options")
    arguments, sys.argv = sys.argv, [sys.argv[0], "--cpu"]
    options.enable_args_parsing()
    importlib.import_module("comfy.cli_args")
    sys.argv = arguments
