"""Speed and memory of the light model, as ratios to one picture of the bank by plain code, in one run.

    python benchmarks/speed.py [--json FILE] [--edits 200] [--threads N]

Reference: one 1024 px picture of the bank, torch fp32, batch 1, by `plain_mobile_stylegan.py`. Sides take
turns, so that a machine that drifts drifts for both; medians are quoted.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.plain_mobile_stylegan import MobileStyleGAN as PlainBank  # noqa: E402
from facemug_core.conditions import Conditions  # noqa: E402
from facemug_core.model import FaceMug  # noqa: E402

FIRST_EDIT = """
import sys, time
from PIL import Image
from facemug_core.photos import EditRequest, Photo, PhotoEditor
from facemug_core.model import FaceMug
import torch
photo = Photo.from_image(Image.open(sys.argv[1]))
mask = torch.zeros(1, 1, *photo.size)
mask[..., 64:192, 64:192] = 1
start = time.perf_counter()
PhotoEditor(FaceMug.load("light", "cpu")).edit(photo, EditRequest(mask=mask, aligned=True))
print(time.perf_counter() - start)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--edits", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    options = parser.parse_args()
    torch.set_num_threads(options.threads)

    model = FaceMug.load("light", "cpu")
    conditions, exemplar = _everything()
    plain = PlainBank().eval()
    plain.load_state_dict(model.bank.state_dict())
    codes = model.random_codes([1])
    features = model.aggregate(conditions)
    sides: dict[str, Callable[[], object]] = {
        "reference": lambda: plain(codes),
        "edit": lambda: model.edit(conditions, exemplar=exemplar),
        "style": lambda: model.generate(features, codes),
    }
    with torch.inference_mode():
        times = _in_turns(sides, options.rounds)
        stages = _stages(model, conditions, exemplar, codes, options.rounds)
        growth = _growth(lambda: model.edit(conditions, exemplar=exemplar), options.edits)
    reference = times["reference"]
    figures = {
        "threads": options.threads,
        "reference_seconds": reference,
        "warm_edit_ratio": times["edit"] / reference,
        "style_change_ratio": times["style"] / reference,
        "first_edit_ratio": _first_edit() / times["edit"],
        "import_ratio": _import_seconds("facemug_core") / _import_seconds("torch"),
        "command_peak_mb_12_megapixels": _command_peak(),
        "memory_growth_mb": growth,
        **{f"stage_seconds.{name}": value for name, value in stages.items()},
    }
    for name, value in figures.items():
        print(f"{name:36} {value:.4g}")
    if options.json is not None:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


def _everything() -> tuple[Conditions, torch.Tensor]:
    """A photo with a hole and every guide, and an exemplar; speed does not depend on what they show."""
    generator = torch.Generator().manual_seed(0)
    mask = torch.zeros(1, 1, 256, 256)
    mask[..., 64:192, 64:192] = 1
    labels = torch.randint(19, (1, 256, 256), generator=generator)
    conditions = Conditions.build(
        image=torch.rand(1, 3, 256, 256, generator=generator) * 2 - 1,
        mask=mask,
        sketch=(torch.rand(1, 1, 256, 256, generator=generator) > 0.95).float(),
        semantic=torch.nn.functional.one_hot(labels, 19).permute(0, 3, 1, 2).float(),
        color=torch.rand(1, 3, 256, 256, generator=generator) * 2 - 1,
    )
    return conditions, torch.rand(1, 3, 256, 256, generator=generator) * 2 - 1


def _in_turns(sides: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Median seconds of each side; all sides once per round, after two warm-up rounds."""
    times: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds + 2):
        for name, run in sides.items():
            start = time.perf_counter()
            run()
            times[name].append(time.perf_counter() - start)
    return {name: statistics.median(values[2:]) for name, values in times.items()}


def _stages(
    model: FaceMug, conditions: Conditions, exemplar: torch.Tensor, codes: torch.Tensor, rounds: int
) -> dict[str, float]:
    """Where the time of an edit goes."""
    features = model.aggregate(conditions)
    finest = max(model.config.generator.bank_channels)
    bank = model.bank.features(codes, up_to=finest)
    return _in_turns(
        {
            "encode exemplar": lambda: model.encode(exemplar),
            "project conditions": lambda: model.project(conditions),
            "aggregate": lambda: model.aggregate(conditions),
            "bank": lambda: model.bank.features(codes, up_to=finest),
            "decode": lambda: model.generator.decode(features, bank, codes),
        },
        rounds,
    )


def _growth(run: Callable[[], object], edits: int) -> float:
    """Growth of the resident memory in MB over many edits, after a warm-up."""
    for _ in range(10):
        run()
    before = _resident()
    for _ in range(edits):
        run()
    return (_resident() - before) / 1e6


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def _first_edit() -> float:
    """Seconds of the first edit in a new process, loading weights included, after the picture is read."""
    with tempfile.TemporaryDirectory() as folder:
        path = _noise_photo(Path(folder, "photo.png"), 256, 256)
        runs = [
            float(subprocess.run([sys.executable, "-c", FIRST_EDIT, path], cwd=ROOT, check=True,
                                 capture_output=True, text=True).stdout)
            for _ in range(3)
        ]  # fmt: skip
    return statistics.median(runs)


def _import_seconds(module: str) -> float:
    code = f"import time; s = time.perf_counter(); import {module}; print(time.perf_counter() - s)"
    runs = [
        float(
            subprocess.run(
                [sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True
            ).stdout
        )
        for _ in range(5)
    ]
    return statistics.median(runs)


def _command_peak() -> float:
    """Peak memory in MB of the edit command on a 12-megapixel photo."""
    with tempfile.TemporaryDirectory() as folder:
        path = _noise_photo(Path(folder, "photo.png"), 4000, 3000)
        mask = Path(folder, "mask.png")
        Image.fromarray(np.pad(np.full((1000, 1000), 255, np.uint8), ((1000, 1000), (1500, 1500)))).save(mask)
        code = (
            "import resource, sys; from facemug_core.cli import main; code = main(sys.argv[1:]); "
            "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr); sys.exit(code)"
        )
        command = [sys.executable, "-c", code, "edit", path, "--mask", str(mask), "--aligned", "-o"]
        done = subprocess.run(
            [*command, str(Path(folder, "out.png"))], cwd=ROOT, check=True, capture_output=True, text=True
        )
    return int(done.stderr.split()[-1]) * 1024 / 1e6


def _noise_photo(path: Path, width: int, height: int) -> str:
    pixels = np.random.default_rng(0).integers(0, 255, (height // 8, width // 8, 3), dtype=np.uint8)
    Image.fromarray(pixels).resize((width, height), Image.Resampling.BICUBIC).save(path)
    return str(path)


if __name__ == "__main__":
    main()
