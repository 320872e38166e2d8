"""The pictures that our workflows load, put where the host's Load Image finds them."""

from __future__ import annotations

import shutil
from pathlib import Path

from . import host

INPUTS = Path(__file__).parents[1] / "workflows" / "inputs"

RECORD = "facemug_examples.txt"
"""File in the host's user folder with the names of the examples that were placed, one a line."""


def place_examples() -> None:
    """Copy each example once into the host's input folder: what the person deletes does not come back."""
    folder, record = Path(host.folder_paths.get_input_directory()), host.user_file(RECORD)
    try:
        placed = set(record.read_text().split()) if record.is_file() else set()
        new = [source for source in sorted(INPUTS.glob("facemug_*")) if source.name not in placed]
        for source in new:
            if not (folder / source.name).exists():
                shutil.copyfile(source, folder / source.name)
        if new:
            record.write_text("\n".join(sorted({*placed, *(source.name for source in new)})) + "\n")
    except OSError as error:
        host.warn(f"The example pictures could not be put into {folder}: {error}.")
