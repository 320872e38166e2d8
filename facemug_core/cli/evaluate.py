"""`evaluate` and `demo`: the model's results in numbers and in pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import InputError
from . import values
from .declaring import add_command, argument
from .options import OUTPUT, ModelOptions


@dataclass(frozen=True)
class EvaluateOptions(ModelOptions):
    """Arguments of `evaluate`."""

    suites: Sequence[str] = argument(
        nargs="*", metavar="SUITE", help="see docs/evaluation.md; all by default"
    )
    report: Path = argument("--report", type=Path, required=True, metavar="DIR")
    limit: int = argument(
        "--limit", type=values.at_least_one, default=300, metavar="N", help="number of faces"
    )
    faces: Path | None = argument(
        "--faces", type=Path, metavar="DIR", help="evaluate on these real photos as well"
    )
    pairs: Path | None = argument(
        "--pairs", type=Path, metavar="DIR", help="edit each photo_X of this folder in mask_X by exemplar_X"
    )
    beside: Sequence[tuple[str, Path]] = argument(
        "--beside", type=values.named_folder, action="append", default=[], metavar="NAME=DIR",
        help="judge result_X of another system beside the edits of --pairs",
    )  # fmt: skip
    cache: Path | None = argument(
        "--cache", type=Path, metavar="DIR",
        help="keep the rendered faces here (by default in your cache folder)",
    )  # fmt: skip


@dataclass(frozen=True)
class DemoOptions(ModelOptions):
    """Arguments of `demo`."""

    output: Path = argument(*OUTPUT, type=Path, default=Path("demo"), metavar="FOLDER")


def add_commands(commands: Any) -> None:
    """Add `demo` and `evaluate`."""
    about = "Edit a public-domain photo in several ways, on one sheet."
    add_command(commands, "demo", about, DemoOptions, demo)
    about = "Measure the model, and write a report with pictures."
    add_command(commands, "evaluate", about, EvaluateOptions, measure)


def measure(options: EvaluateOptions) -> None:
    """Measure, write the report, and print its numbers."""
    if options.beside and options.pairs is None:
        raise InputError("--beside has no effect without --pairs: add --pairs DIR.")
    from tqdm import tqdm

    from ..evaluation import SUITES, evaluate
    from .loading import load_model

    model = load_model(options)
    with tqdm(unit="face") as bar:
        report = evaluate(
            model, options.suites or list(SUITES), limit=options.limit, report_dir=options.report,
            cache_dir=options.cache, faces_dir=options.faces, pairs_dir=options.pairs,
            peers=dict(options.beside), weights=options.all_weights(),
            progress=lambda done: bar.update(done - bar.n),
        )  # fmt: skip
    for name, value in report.values.items():
        print(f"{name:48} {value:.4g}")
    for name, reason in report.missing.items():
        print(f"{name:48} {reason}")
    missed = [f"{bar.key} {bar.text}" for bar, holds in report.verdicts() if holds is False]
    print(f"Bars missed: {', '.join(missed) or 'none'}.")


def demo(options: DemoOptions) -> None:
    """Draw the sheet."""
    from ..demo import demonstrate
    from ..photo import Photo
    from .loading import load_editor
    from .pictures import save

    editor = load_editor(options)
    photo = Photo.from_file(editor.weights.path("astronaut.png"))
    drawn = demonstrate(editor, photo, progress=print)
    options.output.mkdir(parents=True, exist_ok=True)
    path = options.output / "demo.png"
    save(drawn, path)
    print(f"Look at {path}: all pixels outside the masks keep their bits.")
