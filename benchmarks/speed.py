"""Speed and memory of the light model, as ratios to one picture of the bank by plain code, in one run.

    python benchmarks/speed.py [--json FILE] [--edits 200] [--threads N]

Reference: one 1024 px picture of the bank, torch fp32, batch 1, by `plain_mobile_stylegan.py`. Measurements
    alternate, so that drifts of the machine affect all; the results are medians.
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
from facemug_core.conditions import Conditions, whole_photo  # noqa: E402
from facemug_core.conventions import PALETTE  # noqa: E402
from facemug_core.model import FaceMug  # noqa: E402
from facemug_core.networks.generator import Prior, draw_prior  # noqa: E402
from facemug_core.pipeline.crop import edit_crop  # noqa: E402
from facemug_core.pipeline.style import StylePlan  # noqa: E402

LARGE = (4000, 3000)
PLAN = StylePlan(inversion=0, fit=0)
"""Width and height of a camera's photo."""

USER_IMPORTS = "facemug_core.pipeline.editor"
"""Module that users import."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--edits", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    options = parser.parse_args()
    torch.set_num_threads(options.threads)

    model = FaceMug.load("light", "cpu")
    conditions, exemplar = everything()
    plain = PlainBank().eval()
    plain.load_state_dict(model.bank.state_dict())
    codes = model.random_codes([1])
    features = model.aggregate(conditions)
    sides: dict[str, Callable[[], object]] = {
        "reference": lambda: plain(codes),
        "edit": lambda: edit_crop(model, conditions, PLAN, exemplar),
        "style": lambda: model.generate(features, codes),
    }
    with torch.inference_mode():
        times = in_turns(sides, options.rounds)
        stage_times = in_turns(stages(model, conditions, exemplar, codes), options.rounds)
        growth = _growth(lambda: edit_crop(model, conditions, PLAN, exemplar), options.edits)
    reference = times["reference"]
    figures = {
        "threads": options.threads,
        "reference_seconds": reference,
        "warm_edit_ratio": times["edit"] / reference,
        "style_change_ratio": times["style"] / reference,
        "first_edit_ratio": _in_new_processes(
            f"from benchmarks.speed import first_edit_ratio; print(first_edit_ratio({options.threads}))", 3
        ),
        "import_ratio": _import_seconds(USER_IMPORTS) / _import_seconds("torch"),
        "command_peak_mb_12_megapixels": _command_peak(guides=False),
        "command_peak_mb_12_megapixels_all_guides": _command_peak(guides=True),
        f"memory_growth_mb_over_{options.edits}_edits": growth,
        **{f"stage_seconds.{name}": value for name, value in stage_times.items()},
    }
    for name, value in figures.items():
        print(f"{name:36} {value:.4g}")
    if options.json is not None:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


def everything() -> tuple[Conditions, torch.Tensor]:
    """A photo with a hole and every guide, and an exemplar, of any content."""
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


def in_turns(sides: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Median seconds of each side; all sides once per round, after two warm-up rounds."""
    times: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds + 2):
        for name, run in sides.items():
            start = time.perf_counter()
            run()
            times[name].append(time.perf_counter() - start)
    return {name: statistics.median(values[2:]) for name, values in times.items()}


def stages(
    model: FaceMug, conditions: Conditions, exemplar: torch.Tensor, codes: torch.Tensor
) -> dict[str, Callable[[], object]]:
    """The stages of an edit, each ready to run by itself."""
    features = model.aggregate(conditions)
    finest = max(model.config.generator.bank_channels)

    def prior() -> Prior:
        return draw_prior(model.bank, model.heads, codes, finest)

    known = prior()
    return {
        "encode exemplar": lambda: model.encode(exemplar),
        "project conditions": lambda: model.project(conditions),
        "aggregate": lambda: model.aggregate(conditions),
        "bank": prior,
        "decode": lambda: model.generator.decode(features, known, codes),
        "a step of inversion": lambda: model.invert(codes, whole_photo(exemplar), steps=1),
    }


def first_edit_ratio(threads: int) -> float:
    """Time of loading and the first edit ÷ the same edit later; meaningful only in a new process."""
    torch.set_num_threads(threads)
    conditions, exemplar = everything()
    start = time.perf_counter()
    model = FaceMug.load("light", "cpu")
    edit_crop(model, conditions, PLAN, exemplar)
    first = time.perf_counter() - start
    return first / in_turns({"edit": lambda: edit_crop(model, conditions, PLAN, exemplar)}, 9)["edit"]


def _growth(run: Callable[[], object], edits: int) -> float:
    """Growth of the resident memory in MB over many edits, after a warm-up.

    The allocator keeps varying megabytes after an edit, so the minimum of the last tenth is compared with the
    minimum of the first.
    """
    resident = []
    for _ in range(10 + edits):
        run()
        resident.append(_resident())
    tenth = max(1, edits // 10)
    return (min(resident[-tenth:]) - min(resident[10 : 10 + tenth])) / 1e6


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def _import_seconds(modules: str) -> float:
    return _in_new_processes(
        f"import time; s = time.perf_counter(); import {modules}; print(time.perf_counter() - s)", 5
    )


def _in_new_processes(code: str, times: int) -> float:
    """Median of the number that some code prints."""
    command = [sys.executable, "-c", code]
    return statistics.median(
        float(subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout)
        for _ in range(times)
    )


def _command_peak(*, guides: bool) -> float:
    """Peak memory in MB of the edit command on a 12-megapixel photo, alone or with guides of its size."""
    code = (
        "import resource, sys; from facemug_core.cli import main; code = main(sys.argv[1:]); "
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr); sys.exit(code)"
    )
    with tempfile.TemporaryDirectory() as folder:
        photo, mask, output = (str(Path(folder, f"{name}.png")) for name in ("photo", "mask", "output"))
        Image.fromarray(_noise(3)).resize(LARGE, Image.Resampling.BICUBIC).save(photo)
        Image.fromarray(np.pad(np.full((1000, 1000), 255, np.uint8), ((1000, 1000), (1500, 1500)))).save(mask)
        command = [sys.executable, "-c", code, "edit", photo, "--mask", mask, "--aligned", "-o", output]
        if guides:
            pixels = {
                "sketch": (_noise(1)[..., 0] > 240).astype(np.uint8) * 255,
                "semantic": np.array(PALETTE, np.uint8)[_noise(1)[..., 0] % len(PALETTE)],
                "color": _noise(4),
            }
            for name, values in pixels.items():
                path = Path(folder, f"{name}.png")
                Image.fromarray(values).resize(LARGE, Image.Resampling.NEAREST).save(path)
                command += [f"--{name}", str(path)]
        done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return int(done.stderr.split()[-1]) * 1024 / 1e6


def _noise(channels: int) -> np.ndarray:
    """Noise `[375, 500, channels]` that becomes large pictures with areas of one color."""
    return np.random.default_rng(0).integers(0, 256, (LARGE[1] // 8, LARGE[0] // 8, channels), dtype=np.uint8)


if __name__ == "__main__":
    main()
