from __future__ import annotations


def get_executing_context() -> None:
    """No host runs a node."""
