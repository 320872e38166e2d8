"""Overhead of the host in a warm edit: time from queue to picture minus the library's time.

    python benchmarks/host_overhead.py [--rounds N]

Host and library alternate, so that drifts of the machine affect both; the results are medians. The bar is 50
ms. On a busy machine use `overhead_ratio`, the overhead in units of an edit.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

import torch

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from facemug_core.conditions.reading import read_mask, read_photo  # noqa: E402
from facemug_core.model import FaceMug  # noqa: E402
from facemug_core.photo import Photo  # noqa: E402
from facemug_core.pipeline.editor import EditRequest, PhotoEditor  # noqa: E402
from tests.host.running import Host, Prompt  # noqa: E402
from tests.host.workflows import FOLDER, MOUTH_MASK  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    editor = PhotoEditor(FaceMug.load())
    file = FOLDER / "inputs" / MOUTH_MASK
    picture, mask = Photo.from_image(read_photo(file).convert("RGB")), read_mask(file)
    in_host, in_library = [], []
    with tempfile.TemporaryDirectory() as folder, Host(Path(folder)) as host, torch.inference_mode():
        settings = {
            name: spec[1]["default"]
            for section in host.nodes()["FACEMUG_Edit"]["input"].values()
            for name, spec in section.items()
            if len(spec) > 1 and "default" in spec[1]
        }
        for seed in range(rounds + 2):
            in_host.append(host.run(_prompt(settings, seed)).seconds)
            start = time.perf_counter()
            editor.edit(picture, EditRequest(mask=mask, style="random", seeds=(seed,)))
            in_library.append(time.perf_counter() - start)
    host_seconds, library_seconds = (statistics.median(times[2:]) for times in (in_host, in_library))
    figures = {
        "host_seconds": round(host_seconds, 4),
        "library_seconds": round(library_seconds, 4),
        "overhead_ms": round(1000 * (host_seconds - library_seconds), 1),
        "overhead_ratio": round(host_seconds / library_seconds - 1, 4),
    }
    print(json.dumps(figures))


def _prompt(settings: dict[str, object], seed: int) -> Prompt:
    edit = {"model": ["1", 0], "image": ["2", 0], "mask": ["2", 1], "style": "random", "seed": seed}
    return {
        "1": {"class_type": "FACEMUG_LoadModel", "inputs": {"size": "light", "precision": "float32"}},
        "2": {"class_type": "LoadImage", "inputs": {"image": MOUTH_MASK}},
        "3": {"class_type": "FACEMUG_Edit", "inputs": settings | edit},
        "4": {"class_type": "PreviewImage", "inputs": {"images": ["3", 0]}},
    }


if __name__ == "__main__":
    main()
