"""Time of a warm edit by stage and by kind of operation, as the table of README.md.

    python -m benchmarks.profile_edit [--rounds 9] [--threads N]

Times are torch's self times; Python's time between operations is not included.
"""

from __future__ import annotations

import argparse
import re
from collections import Counter
from collections.abc import Callable

import torch
from torch.profiler import ProfilerActivity, profile

from benchmarks.speed import everything, stages
from facemug_core.model import FaceMug

KINDS = {
    "convolutions": "conv",
    "matrix products": "mm$",
    "resampling": "upsample|pool|pad|pixel",
    "copies": "copy|cat$|clone|empty|fill_|zero_",
}
"""Kinds of operation, and what their names match."""

REST = "pointwise and other"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    options = parser.parse_args()
    torch.set_num_threads(options.threads)

    model = FaceMug.load("light", "cpu")
    conditions, exemplar = everything()
    with torch.inference_mode():
        runs = stages(model, conditions, exemplar, model.random_codes([1]))
        table = {name: _profile(run, options.rounds) for name, run in runs.items()}
    # An edit has one source of style: here the exemplar.
    table["whole edit with an exemplar"] = sum(
        (times for name, times in table.items() if name != "project conditions"), start=Counter()
    )
    columns = [*KINDS, REST]
    print("| stage | ms | " + " | ".join(columns) + " |")
    print("|---" * (2 + len(columns)) + "|")
    for name, times in table.items():
        shares = " | ".join(f"{times[kind] / times.total():.0%}" for kind in columns)
        print(f"| {name} | {times.total() * 1e3:.0f} | {shares} |")


def _profile(run: Callable[[], object], rounds: int) -> Counter[str]:
    """Seconds of one run by kind of operation."""
    for _ in range(2):
        run()
    with profile(activities=[ProfilerActivity.CPU]) as profiled:
        for _ in range(rounds):
            run()
    seconds: Counter[str] = Counter()
    for event in profiled.key_averages():
        seconds[kind_of(event.key)] += event.self_cpu_time_total / 1e6 / rounds
    return seconds


def kind_of(name: str) -> str:
    """The kind of a torch operation."""
    return next((kind for kind, pattern in KINDS.items() if re.search(pattern, name)), REST)


if __name__ == "__main__":
    main()
