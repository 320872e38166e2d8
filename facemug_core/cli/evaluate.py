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
class PaperOptions(ModelOptions):
    """Photos, how many of them, what is compared, and where the report goes."""

    faces: Path = argument("--faces", type=Path, required=True, metavar="DIR", help="photos")
    report: Path = argument(
        "--report", type=Path, required=True, metavar="DIR", help="an interrupted run goes on in its folder"
    )
    limit: int = argument(
        "--limit", type=values.at_least_one, default=60, metavar="N", help="number of faces (60)"
    )
    extras: int = argument(
        "--extras", type=values.at_least_zero, default=2, metavar="N",
        help="faces with the slow parts: optimization in W+, twenty edits in a chain, all subsets (2)",
    )  # fmt: skip
    networks: Path | None = argument(
        "--networks", type=Path, metavar="DIR",
        help="files of the published networks of FID, LPIPS and CSIM; stand-ins measure without them",
    )  # fmt: skip
    results: Sequence[tuple[str, Path]] = argument(
        "--results", type=values.named_folder, action="append", default=[], metavar="NAME=DIR",
        help="compare another system's result_X of each photo",
    )  # fmt: skip


@dataclass(frozen=True)
class StudyOptions:
    """Which pictures people compare, or whose votes are counted."""

    report: Path = argument("--report", type=Path, required=True, metavar="DIR", help="folder of the study")
    between: Sequence[tuple[str, Path]] = argument(
        "--between", type=values.named_folder, action="append", either=True, metavar="NAME=DIR",
        help="write a page about pictures of the same name in two folders",
    )  # fmt: skip
    votes: Sequence[Path] = argument(
        "--votes", type=Path, nargs="+", either=True, metavar="FILE",
        help="count the votes that the page has saved",
    )  # fmt: skip
    pairs: int = argument(
        "--pairs", type=values.at_least_one, default=20, metavar="N", help="number of pairs (20)"
    )
    seed: int = argument("--seed", type=values.whole, default=0, help="of pairs, order and sides")


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
    about = "Measure by the paper's protocol, beside other methods."
    add_command(commands, "evaluate paper", about, PaperOptions, measure_as_paper)
    about = "Ask people which of two pictures is better, and count their votes."
    add_command(commands, "evaluate study", about, StudyOptions, study)


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


def measure_as_paper(options: PaperOptions) -> None:
    """Measure, write the report, and print the table over all masks."""
    from tqdm import tqdm

    from ..evaluation.paper import ALL, evaluate_paper
    from .loading import load_model

    model = load_model(options)
    with tqdm(unit="face", total=options.limit) as bar:
        report = evaluate_paper(
            model, options.faces, options.report, limit=options.limit, extras=options.extras,
            networks_dir=options.networks, results=dict(options.results), weights=options.all_weights(),
            progress=lambda done: bar.update(done - bar.n),
        )  # fmt: skip
    for row in report.methods_table():
        if row["mask"] == ALL:
            numbers = [f"{key} {value:.4g}" for key, value in row.items() if isinstance(value, float)]
            print(f"{row['method']:32} {', '.join(numbers)}")
    print(f"Look at {options.report / 'index.html'}.")


def study(options: StudyOptions) -> None:
    """Write the page, or count its votes."""
    from ..evaluation.study import count_votes, write_study

    if options.between:
        count = write_study(options.report, dict(options.between), options.pairs, options.seed)
        page = options.report / "page"
        print(f"{page} has {count} pairs: show people this folder, and keep {options.report / 'key.json'}.")
        return
    for question, shares in count_votes(options.report, options.votes).items():
        for name, one in shares.items():
            interval = f"95 % interval {one.low:.1%} to {one.high:.1%}"
            print(f"{question:12} {name:24} {one.share:.1%} of {one.of} votes, {interval}")


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
