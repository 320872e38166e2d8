"""FACEMUG for ComfyUI: multimodal local face editing. The pack's entry point."""

from __future__ import annotations

from typing import Any

__all__ = ["WEB_DIRECTORY", "comfy_entrypoint"]

WEB_DIRECTORY = "./web"


async def comfy_entrypoint() -> Any:
    """The nodes. Nothing of the host is imported before the host asks for them."""
    from .nodes import Extension

    return Extension()
