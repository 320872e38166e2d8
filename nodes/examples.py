"""The pictures that our workflows load, put where the host's Load Image finds them."""

from __future__ import annotations

import shutil
from pathlib import Path

from . import host

INPUTS = Path(__file__).parents[1] / "workflows" / "inputs"


def place_examples() -> None:
    """Copy the example inputs into the host's input folder, unless they lie there already."""
    folder = Path(host.folder_paths.get_input_directory())
    for source in INPUTS.glob("facemug_*"):
        target = folder / source.name
        try:
            if not target.exists():
                shutil.copyfile(source, target)
        except OSError as error:
            host.warn(f"The example {source.name} could not be put into {folder}: {error}.")
