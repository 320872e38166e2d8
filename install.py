"""Run by ComfyUI-Manager after the requirements: fetches the weights that editing needs.

Never fails the install: what is missing can be fetched later, and nodes say how.
"""

from __future__ import annotations

import sys
from pathlib import Path


def main() -> None:
    """Fetch, with progress on the screen."""
    sys.path.insert(0, str(Path(__file__).parent))
    print("FACEMUG: fetching about 115 MB of weights …", flush=True)
    try:
        from facemug_core.cli import main as command

        failed = command(["fetch", "run"]) != 0
    except Exception as error:  # whatever it is, the pack is installed
        print(f"FACEMUG: {error}", flush=True)
        failed = True
    if failed:
        print(
            "FACEMUG: the weights are not complete. The pack is installed; bring them later with\n"
            f"  {sys.executable} -m facemug_core fetch\nin {Path(__file__).parent}",
            flush=True,
        )


if __name__ == "__main__":
    main()
