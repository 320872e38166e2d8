"""Edits of both sizes of the model; the full size on files of random weights in their published form.

    python -m benchmarks.sizes FOLDER [--device cuda] [--sizes light]

Prints a table of seconds per picture and peak memory by size, precision and batch. Each row is measured in a
new process, as is `torch.load` of the e4e file for comparison with loading. Without a GPU, CPU time of one
thread is measured, and half precision on one convolution only. The full size's files, 1.7 GB, are made in the
folder and stay there.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch

from facemug_core.checkpoints.reading import save_safetensors
from facemug_core.checkpoints.weights import Weights
from facemug_core.config import FULL, SIZES
from facemug_core.model import FaceMug
from facemug_core.networks.generator import Features, Generator
from tests import published
from tests.tiny import random_conditions

ENCODER, GENERATOR = "e4e_ffhq_encode.pt", "full_generator.safetensors"

CASES = {
    "cpu": [(torch.float32, batch) for batch in (1, 4)],
    "cuda": [(precision, batch) for precision in (torch.float32, torch.bfloat16) for batch in (1, 4, 16)],
}
"""Precisions, and pictures at a time, by device."""

HEADINGS = (
    "size",
    "precision",
    "batch",
    "load",
    "first edit",
    "edit ÷ batch",
    "style ÷ batch",
    "peak",
    "apart",
)

GRAYS = 127.5
"""8-bit values in one unit of a picture in [-1, 1]."""


class Measured(NamedTuple):
    """One row of the table; seconds are those of the whole batch."""

    load: float
    first: float
    edit: float
    style: float
    peak: float
    """GB"""
    apart: float
    """Mean difference from float32 inside the mask, in 8-bit values; NaN if a picture is not finite."""


def make_files(folder: Path) -> None:
    """An e4e file with its decoder, and the generator, which is unpublished."""
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


def load_with_torch(folder: Path) -> float:
    """Seconds of `torch.load` of the e4e file."""
    return timed(lambda: torch.load(folder / ENCODER, weights_only=True))[0]


def measure(size: str, folder: Path, device: str, precision: torch.dtype, batch: int) -> Measured:
    """Load a size of the model and edit a batch, projection included, in this precision."""
    torch.set_num_threads(1)
    load, model = timed(lambda: FaceMug.load(size, device, Weights(folder), precision))
    conditions = random_conditions(batch=batch)

    def edit() -> tuple[Features, torch.Tensor, torch.Tensor]:
        features, codes = model.aggregate(conditions), model.project(conditions)
        return features, codes, model.generate(features, codes)

    first, (features, codes, picture) = timed(edit)
    again, _ = timed(edit)
    style, _ = timed(lambda: model.generate(features, codes))
    peak = peak_gigabytes(device)
    model.precision = torch.float32
    exact = picture if precision == torch.float32 else edit()[-1]
    apart = (picture - exact).abs().sum() / 3 / conditions.mask.sum() * GRAYS
    return Measured(load, first, again, style, peak, float(apart))


def convolve(precision: torch.dtype) -> float:
    """Seconds of one 3×3 convolution, 64 channels at 64 px, on the CPU."""
    torch.set_num_threads(1)
    layer, x = torch.nn.Conv2d(64, 64, 3, padding=1).requires_grad_(False), torch.randn(1, 64, 64, 64)
    with torch.autocast("cpu", precision, enabled=precision != torch.float32):
        layer(x)
        return timed(lambda: layer(x))[0]


def timed(run: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds, and the result."""
    clock = time.perf_counter if torch.cuda.is_available() else time.process_time
    start = clock()
    result = run()
    if torch.cuda.is_initialized():
        torch.cuda.synchronize()
    return clock() - start, result


def peak_gigabytes(device: str) -> float:
    """Peak memory of the device so far."""
    if device == "cpu":
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    return torch.cuda.max_memory_allocated() / 1e9


def alone(function: Callable[..., Any], *arguments: Any) -> Any:
    """The function's result in a new process."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, arguments)


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure both sizes of the model at real size.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--device", choices=CASES, default="cpu")
    parser.add_argument("--sizes", choices=SIZES, nargs="+", default=list(SIZES))
    options = parser.parse_args()
    for precision in (torch.float32, torch.bfloat16):
        print(f"one convolution on the CPU, {precision}: {1000 * alone(convolve, precision):.1f} ms")
    if FULL.name in options.sizes:
        options.folder.mkdir(parents=True, exist_ok=True)
        if not (options.folder / GENERATOR).exists():
            alone(make_files, options.folder)
        print(f"torch.load of the e4e file: {alone(load_with_torch, options.folder):.1f} s")
    print(f"\n| {' | '.join(HEADINGS)} |\n|---|---|{'---:|' * (len(HEADINGS) - 2)}", flush=True)
    for size in options.sizes:
        for precision, batch in CASES[options.device]:
            row = alone(measure, size, options.folder, options.device, precision, batch)
            seconds = (row.load, row.first, row.edit / batch, row.style / batch)
            times = " | ".join(f"{each:.3g} s" for each in seconds)
            print(
                f"| {size} | {precision} | {batch} | {times} | {row.peak:.1f} GB | {row.apart:.2g} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
