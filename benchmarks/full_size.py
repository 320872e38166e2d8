"""One edit of the full size at real size, on files of random weights in their published form.

    python -m benchmarks.full_size FOLDER

Prints the seconds and peak memory of loading and of one edit, and those of `torch.load` of the e4e file, each
in a process of its own. The files, 1.7 GB, are made in the folder and stay there.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from pathlib import Path

import torch

from facemug_core.checkpoints.reading import save_safetensors
from facemug_core.config import FULL
from facemug_core.model import FaceMug
from facemug_core.networks.generator import Generator
from tests import published
from tests.tiny import random_conditions

ENCODER, GENERATOR = "e4e_ffhq_encode.pt", "full_generator.safetensors"


def make_files(folder: Path) -> None:
    """An e4e file with its decoder, and the generator, which nobody has published."""
    parts = {"encoder": published.style_encoder(), "decoder": published.stylegan2()}
    state = {
        f"{part}.{name}": tensor
        for part, shapes in parts.items()
        for name, tensor in published.random(shapes).items()
    }
    mean, options = torch.zeros(18, 512), {"encoder_type": "Encoder4Editing"}
    file = {"state_dict": state, "latent_avg": mean, "opts": options}
    torch.save(file, folder / ENCODER)
    save_safetensors(folder / GENERATOR, Generator(FULL.generator).state_dict())


def load_with_torch(folder: Path) -> None:
    start = time.perf_counter()
    torch.load(folder / ENCODER, weights_only=True)
    _say("torch.load of e4e", start)


def edit(folder: Path) -> None:
    _say("imports", time.perf_counter())
    start = time.perf_counter()
    model = FaceMug.load("full", folders=[folder])
    _say("load", start)
    for name in ("first edit", "second edit"):
        start = time.perf_counter()
        picture, codes = model.edit(random_conditions())
        _say(f"{name} (finite: {bool(torch.isfinite(picture).all())})", start)
    features = model.aggregate(random_conditions())
    start = time.perf_counter()
    model.generate(features, codes)
    _say("another style", start)


def _say(what: str, start: float) -> None:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    sys.stdout.write(f"{what}: {time.perf_counter() - start:.2f} s, peak {peak:.2f} GB\n")
    sys.stdout.flush()


STEPS = {"files": make_files, "torch": load_with_torch, "edit": edit}


def main() -> None:
    folder = Path(sys.argv[1])
    if len(sys.argv) > 2:
        STEPS[sys.argv[2]](folder)
        return
    folder.mkdir(parents=True, exist_ok=True)
    steps = [step for step in STEPS if step != "files" or not (folder / GENERATOR).exists()]
    for step in steps:
        subprocess.run([sys.executable, "-m", "benchmarks.full_size", str(folder), step], check=True)


if __name__ == "__main__":
    main()
