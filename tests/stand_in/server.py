from __future__ import annotations


class PromptServer:
    """Nobody is connected."""
