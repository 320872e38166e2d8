"""From the shell to the result: commands ÷ importing torch.

    python -m benchmarks.start [--rounds 5] [--threads N]

Each round starts every command once, in a process of its own. Processor seconds are quoted: other work on the
machine changes them less than the time on the clock.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

from facemug_core.checkpoints.manifest import WEIGHTS
from facemug_core.checkpoints.places import Places

ROOT = Path(__file__).parents[1]
SIDE = 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        photo = Path(folder, "photo.jpg")
        with Image.open(Places().path("astronaut.png")) as image:
            image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BICUBIC).save(photo, quality=95)
        seconds = in_turns(commands(photo), options.rounds, options.threads)
    torch = seconds["import torch"]
    for name, value in seconds.items():
        print(f"{name:40} {value:6.2f} s  {value / torch:5.2f}")


def commands(photo: Path) -> dict[str, list[str]]:
    """What Python is started with, by name."""
    edit = ["edit", str(photo), "--region", "mouth", "-o", str(photo.with_name("out.png"))]
    asked = {
        "--help": ["--help"],
        "directions list": ["directions", "list"],
        "info FILE": ["info", str(WEIGHTS / "light_encoder.safetensors")],
        "edit": edit,
        "edit --inversion 0": [*edit, "--inversion", "0"],
    }
    ours = {name: ["-m", "facemug_core", *arguments] for name, arguments in asked.items()}
    return {"import torch": ["-c", "import torch"], **ours}


def in_turns(commands: dict[str, list[str]], rounds: int, threads: int) -> dict[str, float]:
    """Median processor seconds of each command, after a round that warms the disk's cache."""
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(rounds + 1):
        for name, arguments in commands.items():
            before = _spent()
            subprocess.run(
                [sys.executable, *arguments],
                cwd=ROOT,
                env=dict(os.environ, OMP_NUM_THREADS=str(threads)),
                stdout=subprocess.DEVNULL,
                check=True,
            )
            seconds[name].append(_spent() - before)
    return {name: statistics.median(values[1:]) for name, values in seconds.items()}


def _spent() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
