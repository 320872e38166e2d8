"""Work for the processes of folder runs: they import it by name, which test modules do not have."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from facemug_core.checkpoints.files import replacing
from facemug_core.errors import FaceNotFoundError, WeightsMissingError
from facemug_core.folders import Outcome


def by_name() -> Callable[[Path], Outcome]:
    """Work whose fate is the name of the file."""

    def work(source: Path) -> Outcome:
        if source.stem == "faceless":
            raise FaceNotFoundError("No face was found.")
        if source.stem == "broken":
            raise ValueError("broken data")
        if source.stem == "deadly":
            os._exit(9)
        if source.stem == "endless":
            with replacing(source) as temporary:
                temporary.touch()
                time.sleep(60)
        return Outcome(source.name, "edited", faces=1, mask_pixels=7)

    return work


def without_weights() -> Callable[[Path], Outcome]:
    raise WeightsMissingError("Run fetch.")


def deadly() -> Callable[[Path], Outcome]:
    os._exit(9)
