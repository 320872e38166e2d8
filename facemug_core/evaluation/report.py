"""Runs suites and writes the report: numbers, an HTML page, and sheets of best and worst cases."""

from __future__ import annotations

import html
import io
import json
import math
import os
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import torch
from PIL import Image, ImageDraw, ImageFont

from ..checkpoints.files import replacing
from ..checkpoints.weights import SHIPPED, Weights
from ..config import LIGHT
from ..errors import InputError
from ..pipeline.editor import PhotoEditor
from ..sheets import crop_image
from .bars import BARS, Bar
from .faces import BankFaces, Faces
from .photos import FolderFaces
from .suites import PAIRS, ROWS, SOLID, SUITES
from .suites.rows import rows_of
from .trials import Case, Judges, Suite, Trial

if TYPE_CHECKING:
    from ..model import FaceMug

DEFAULT_COUNT = 300
"""Faces of a full evaluation."""
BATCH = 6
"""Faces in a batch."""
WORKERS = 2
"""Batches computed at a time; a laptop has no memory for more."""
PORTRAITS = 12
"""Bank faces on which `SOLID` runs. They are few, because real photos matter more for it."""
SHOWN = {"best": 6, "median": 6, "worst": 20}
"""Cases on each contact sheet."""
SOLID_WORST = 60
"""Cases on the sheet of the worst of `SOLID`."""
LINE = 16
"""Height, in pixels, of a line of text on a contact sheet."""
REAL = "real."
"""Prefix of keys and sheets of real faces."""

Item = TypeVar("Item")
Result = TypeVar("Result")

Progress = Callable[[int], None]
"""Called with the number of faces done so far."""


class _Row(NamedTuple):
    """A case with its pictures as JPEG: hundreds of tensors would not fit in memory."""

    case: Case
    jpeg: bytes

    @classmethod
    def of(cls, case: Case) -> _Row:
        return cls(replace(case, panels={}), _strip(case))


@dataclass
class _Run:
    """Cases of some suites on one source of faces."""

    prefix: str
    rows: dict[Suite, list[_Row]]
    seconds: dict[str, float] = field(default_factory=dict)
    kept_pixels_changed: int = 0
    faces: int = 0

    def add(self, other: _Run) -> None:
        """Add the cases of the same suites on more faces."""
        for suite, rows in other.rows.items():
            self.rows[suite] += rows
        for name, spent in other.seconds.items():
            self.seconds[name] = self.seconds.get(name, 0.0) + spent
        self.kept_pixels_changed += other.kept_pixels_changed


@dataclass(frozen=True)
class Report:
    """All measured values."""

    values: dict[str, float]
    """Keys with their values."""
    missing: dict[str, str]
    """Keys without a value, and why."""
    seconds: dict[str, float]
    """Time of each suite for one case: a face, or an edit of `SOLID`."""

    def verdicts(self) -> list[tuple[Bar, bool | None]]:
        """Every bar, and whether it holds; None if it was not measured."""
        return [(bar, bar.verdict(self.values)) for bar in BARS]


def cache_folder() -> Path:
    """The user's cache folder."""
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "facemug"


def evaluate(
    model: FaceMug,
    suites: Sequence[str],
    *,
    limit: int = DEFAULT_COUNT,
    report_dir: str | Path,
    cache_dir: str | Path | None = None,
    faces_dir: str | Path | None = None,
    pairs_dir: str | Path | None = None,
    peers: Mapping[str, Path] = MappingProxyType({}),
    weights: Weights = SHIPPED,
    progress: Progress | None = None,
) -> Report:
    """Run suites on the first `limit` bank faces and write the report.

    Args:
        model: to evaluate.
        suites: names from `SUITES`.
        limit: number of faces; some suites use fewer, see `Suite.max_faces`.
        report_dir: gets `report.json`, `seconds.json`, `index.html` and the contact sheets. Each file is
            replaced in one step. Other files in the folder stay.
        cache_dir: keeps the faces for the next evaluation; by default the user's cache folder.
        faces_dir: real photos (`FolderFaces`) for the same suites; their keys begin with "real.".
        pairs_dir: real photos with masks and exemplars (`FolderFaces.pairs`) for `PAIRS`.
        peers: folders with other systems' edits of these, by the system's name.
        weights: of the judges and of the bank.
        progress: called after each batch.

    Raises:
        InputError: a suite is unknown, none is named, `limit` is below 1, or a photo cannot be used.
        WeightsMissingError: a network of the evaluation has no weights.
    """
    chosen = _chosen(suites)
    if limit < 1:
        raise InputError(f"The limit is {limit}, but evaluation needs at least one face.")
    judges = Judges(weights, model.device)
    bank = BankFaces(weights.mapping(LIGHT), weights.bank(LIGHT), judges.parser, cache_dir or cache_folder())
    real: Iterable[Faces] = ()
    real_portraits: Iterable[Faces] = ()
    real_rows: Iterable[Faces] = ()
    pairs: Iterable[Faces] = ()
    editor = PhotoEditor(model, weights)
    if faces_dir is not None:
        photos = FolderFaces(faces_dir, editor, judges.parser)
        real, real_portraits = photos.batches(limit, BATCH), photos.portraits(limit)
        real_rows = rows_of(photos.portraits(limit), judges)
    if pairs_dir is not None:
        pairs = FolderFaces(pairs_dir, editor, judges.parser, peers).pairs(BATCH)
    return run_suites(
        model,
        chosen,
        bank.batches(limit, BATCH),
        judges,
        report_dir,
        portraits=bank.batches(min(limit, PORTRAITS), 1),
        real=real,
        real_portraits=real_portraits,
        real_rows=real_rows,
        pairs=pairs,
        progress=progress,
    )


def run_suites(
    model: FaceMug,
    suites: Sequence[Suite],
    batches: Iterable[Faces],
    judges: Judges,
    report_dir: str | Path,
    *,
    portraits: Iterable[Faces] = (),
    real: Iterable[Faces] = (),
    real_portraits: Iterable[Faces] = (),
    real_rows: Iterable[Faces] = (),
    pairs: Iterable[Faces] = (),
    progress: Progress | None = None,
) -> Report:
    """Run suites on faces, `SOLID` on portraits, `ROWS` on rows of portraits, and write the report."""
    done = 0

    def count(faces: int) -> None:
        nonlocal done
        done += faces
        if progress:
            progress(done)

    run = partial(_run, model, judges, count)
    solid = [suite for suite in suites if suite is SOLID]
    others = [suite for suite in suites if suite not in (SOLID, ROWS)]
    # Real photos first: an unusable one is reported at once, not after a long run.
    of_real = [
        run(REAL, [PAIRS], pairs),
        run(REAL, [suite for suite in others if suite.on_real_faces], real),
        run(REAL, solid, real_portraits),
        run(REAL, [suite for suite in suites if suite is ROWS], real_rows),
    ]
    runs = [run("", others, batches), run("", solid, portraits), *of_real]
    report = _report(runs)
    _write(Path(report_dir), report, runs)
    return report


def _chosen(names: Sequence[str]) -> list[Suite]:
    unknown = [name for name in names if name not in SUITES]
    if unknown or not names:
        what = f"There is no suite called {', '.join(unknown)}." if unknown else "No suite was given."
        raise InputError(f"{what} Choose among: {', '.join(SUITES)}.")
    return [SUITES[name] for name in dict.fromkeys(names)]


def _run(
    model: FaceMug,
    judges: Judges,
    count: Callable[[int], None],
    prefix: str,
    suites: Sequence[Suite],
    batches: Iterable[Faces],
) -> _Run:
    run = _Run(prefix, {suite: [] for suite in suites})
    most = max((suite.max_faces for suite in suites), default=0)
    measure = partial(_measure, model, suites, judges, prefix)
    for part, faces in side_by_side(measure, _placed(batches, most)):
        run.add(part)
        run.faces += faces
        count(faces)
    return run


def _placed(batches: Iterable[Faces], most: int) -> Iterator[tuple[int, Faces]]:
    """Batches, each with the number of faces before it, up to `most` faces."""
    start, remaining = 0, iter(batches)
    while start < most and (batch := next(remaining, None)) is not None:
        yield start, batch
        start += len(batch)


@torch.no_grad()
def _measure(
    model: FaceMug, suites: Sequence[Suite], judges: Judges, prefix: str, start: int, batch: Faces
) -> tuple[_Run, int]:
    """Cases of the suites on a batch, and its number of faces."""
    run, trial = _Run(prefix, {}), Trial(model, batch.to(model.device), judges)
    for suite in suites:
        if start < suite.max_faces:
            begun = time.perf_counter()
            run.rows[suite] = [_Row.of(case) for case in suite.run(trial)]
            run.seconds[prefix + suite.name] = time.perf_counter() - begun
    run.kept_pixels_changed = trial.kept_pixels_changed
    return run, len(batch)


def side_by_side(work: Callable[[int, Item], Result], items: Iterable[tuple[int, Item]]) -> Iterator[Result]:
    """Results in the order of the items. Two items run at a time if torch has two threads.

    Much of the work uses one thread: two batches keep two cores busier than one batch with two threads.
    """
    threads = torch.get_num_threads()
    workers = min(WORKERS, threads)
    waiting: deque[Future[Result]] = deque()
    try:
        with ThreadPoolExecutor(workers, "suites", torch.set_num_threads, (threads // workers,)) as pool:
            for item in items:
                waiting.append(pool.submit(work, *item))
                if len(waiting) > workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
    finally:
        torch.set_num_threads(threads)


def _report(runs: Sequence[_Run]) -> Report:
    values: dict[str, float] = {
        "faces": float(max(run.faces for run in runs if not run.prefix)),
        "kept_pixels_changed": float(sum(run.kept_pixels_changed for run in runs)),
    }
    missing: dict[str, str] = {}
    seconds: dict[str, float] = {}
    for run in runs:
        for suite, rows in run.rows.items():
            if not rows and run.prefix:
                continue
            for key, value in suite.summary([row.case for row in rows]).items():
                if isinstance(value, str):
                    missing[run.prefix + key] = value
                elif math.isnan(value):
                    missing[run.prefix + key] = "no face allowed to measure it"
                else:
                    values[run.prefix + key] = float(value)
            if rows:
                name = run.prefix + suite.name
                seconds[name] = run.seconds[name] / len(rows)
    return Report(values, missing, seconds)


def _write(folder: Path, report: Report, runs: Sequence[_Run]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    sheets = {}
    for run in runs:
        for suite, rows in run.rows.items():
            for title, shown in _best_median_worst(suite, rows).items():
                sheets[f"{run.prefix}{suite.name}_{title}.jpg"] = _sheet(shown)
    for file, sheet in sheets.items():
        _replace(folder / file, sheet)
    _replace(folder / "index.html", _page(report, list(sheets)).encode())
    _replace(folder / "seconds.json", _json(report.seconds))
    _replace(folder / "report.json", _json(report.values | _verdicts(report)))


def _verdicts(report: Report) -> dict[str, object]:
    """Keys by the verdict on their bars, and missing keys."""
    verdicts = report.verdicts()
    return {
        "bars": {
            word: [f"{bar.key} {bar.text}" for bar, holds in verdicts if holds is state]
            for word, state in (("held", True), ("missed", False), ("not measured", None))
        },
        "missing": report.missing,
    }


def _json(content: Mapping[str, object]) -> bytes:
    return (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode()


def _replace(path: Path, content: bytes) -> None:
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def _best_median_worst(suite: Suite, rows: Sequence[_Row]) -> dict[str, Sequence[_Row]]:
    """Rows of each contact sheet; those of `ROWS` share one sheet, in their order."""
    if suite is ROWS and rows:
        return {"all": rows}
    most = SOLID_WORST if suite is SOLID else SHOWN["worst"]
    ranked = sorted(rows, key=lambda row: row.case.score)
    middle = max(0, (len(ranked) - SHOWN["median"]) // 2)
    chosen = {
        "best": ranked[: SHOWN["best"]],
        "median": ranked[middle : middle + SHOWN["median"]],
        "worst": ranked[::-1][:most],
    }
    return {title: shown for title, shown in chosen.items() if shown}


def _strip(case: Case) -> bytes:
    """The pictures of a case side by side under its title, as JPEG."""
    pictures = [crop_image(panel) for panel in case.panels.values()]
    width, height = pictures[0].size
    canvas = Image.new("RGB", (width * len(pictures), height + 2 * LINE), "white")
    draw, font = ImageDraw.Draw(canvas), ImageFont.load_default()
    draw.text((4, 4), case.title, fill="black", font=font)
    for i, (caption, picture) in enumerate(zip(case.panels, pictures, strict=True)):
        draw.text((i * width + 4, LINE), caption, fill="black", font=font)
        canvas.paste(picture, (i * width, 2 * LINE))
    return _jpeg(canvas, quality=95)


def _sheet(rows: Sequence[_Row]) -> bytes:
    strips = [Image.open(io.BytesIO(row.jpeg)) for row in rows]
    width, height = max(strip.width for strip in strips), strips[0].height
    canvas = Image.new("RGB", (width, height * len(strips)), "white")
    for i, strip in enumerate(strips):
        canvas.paste(strip, (0, i * height))
    return _jpeg(canvas, quality=88)


def _jpeg(image: Image.Image, quality: int) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


WORDS = {True: "holds", False: "missed", None: "not measured"}


def _page(report: Report, sheets: Sequence[str]) -> str:
    verdicts = report.verdicts()
    counts = {word: sum(holds is state for _, holds in verdicts) for state, word in WORDS.items()}
    bars = "\n".join(
        _line(
            bar.key,
            f"{report.values[bar.key]:.4g}" if bar.key in report.values else "",
            bar.text,
            WORDS[holds] if holds is not None else report.missing.get(bar.key, WORDS[None]),
            css=str(holds).lower(),
        )
        for bar, holds in verdicts
    )
    numbers = "\n".join(
        chain(
            (_line(key, f"{value:.4g}") for key, value in report.values.items()),
            (_line(key, "", reason) for key, reason in report.missing.items()),
        )
    )
    pictures = "\n".join(
        f"<h3>{html.escape(file.removesuffix('.jpg').replace('_', ': '))}</h3>\n"
        f'<a href="{html.escape(file)}"><img src="{html.escape(file)}" alt="" loading="lazy"></a>'
        for file in sheets
    )
    total = ", ".join(f"{count} {word}" for word, count in counts.items())
    return _PAGE.format(total=total, bars=bars, numbers=numbers, pictures=pictures)


def _line(*cells: str, css: str = "") -> str:
    return f'<tr class="{css}">' + "".join(f"<td>{html.escape(cell)}</td>" for cell in cells) + "</tr>"


_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>FACEMUG evaluation</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 110em; padding: 0 1em }}
td {{ padding: 0 1.5em 0 0; border-bottom: 1px solid #ddd }}
td:nth-child(2) {{ text-align: right; font-variant-numeric: tabular-nums }}
.true td:last-child {{ color: #060 }}
.false td:last-child {{ color: #a00; font-weight: bold }}
.none td {{ color: #777 }}
img {{ max-width: 100% }}
</style>
<h1>FACEMUG evaluation</h1>
<p>Perceptual distances to the truth inside the mask are EfficientNet-lite0 distances, Fréchet distances use
the same network's features, identity is a FaceRes cosine on a scale from different (0) to same people (1),
classes are BiSeNet's. No judge is a training loss. What each key means, and what is weak about it:
docs/evaluation.md.</p>
<h2>Bars: {total}</h2>
<table>
{bars}
</table>
<h2>All numbers</h2>
<table>
{numbers}
</table>
<h2>Pictures</h2>
{pictures}
</html>
"""
