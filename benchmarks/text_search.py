"""Cost of a text search as a multiple of one warm style change, in one run.

    python -m benchmarks.text_search [--rounds N]

Needs open_clip. A search of fifty steps may cost two hundred style changes.
"""

from __future__ import annotations

import argparse

import torch

from benchmarks.speed import everything, in_turns
from facemug_core.editing.clip import load_clip
from facemug_core.editing.text import TextOptions
from facemug_core.model import FaceMug

STEPS = 50
"""Steps of a whole search."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    model, clip = FaceMug.load("light", "cpu"), load_clip()
    conditions, _ = everything()
    features, codes = model.aggregate(conditions), model.random_codes([1])

    def search(steps: int) -> None:
        model.optimize_text(features, codes, "a smiling person", clip, TextOptions(steps=steps))

    def style() -> None:
        with torch.inference_mode():
            model.generate(features, codes)

    # One-time work of a search cancels out.
    times = in_turns({"three": lambda: search(3), "one": lambda: search(1), "style": style}, rounds)
    step = (times["three"] - times["one"]) / 2
    search_ratio = (times["one"] + (STEPS - 1) * step) / times["style"]
    print(f"{STEPS} steps of a text search ÷ a style change: {search_ratio:.0f}")


if __name__ == "__main__":
    main()
