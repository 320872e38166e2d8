"""As much of the host's server as our nodes touch, for tests without a host."""

from __future__ import annotations


class PromptServer:
    """Without an instance: no server runs."""
