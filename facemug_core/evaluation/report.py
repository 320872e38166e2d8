"""Running suites and writing what came out: numbers, a page to read, and sheets of best and worst cases."""

from __future__ import annotations

import html
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import torch
from PIL import Image, ImageDraw, ImageFont

from ..checkpoints.assembling import Folders, load_bank, load_parser, load_trained
from ..checkpoints.reading import replacing
from ..config import LIGHT
from ..errors import InputError
from ..faces.parsing import Parser
from ..sheets import crop_image
from .efficientnet import EfficientNetLite0
from .faces import BankFaces, Faces
from .metrics import EfficientNetDistance
from .suites import SUITES, Case, Suite, Trial

if TYPE_CHECKING:
    from ..model import FaceMug

DEFAULT_COUNT = 300
"""Faces of a full evaluation."""
BATCH = 6
"""Faces edited at a time."""
SHOWN = 6
"""Cases on each contact sheet."""
LINE = 16
"""Height, in pixels, of a line of text on a contact sheet."""

Progress = Callable[[int], None]
"""Called with the number of faces done so far."""


class _Row(NamedTuple):
    """A case with its pictures as a finished JPEG: hundreds of raw ones would not fit in memory."""

    case: Case
    jpeg: bytes


def evaluate(
    model: FaceMug,
    suites: Sequence[str],
    *,
    limit: int = DEFAULT_COUNT,
    report_dir: str | Path,
    cache_dir: str | Path,
    folders: Folders = (),
    progress: Progress | None = None,
) -> dict[str, float]:
    """Run suites on the first `limit` bank faces and write the report.

    Args:
        model: what is judged.
        suites: names out of `SUITES`.
        limit: how many faces.
        report_dir: gets `report.json` (the returned keys), `index.html` and the contact sheets; each file is
            written under another name first. Other files in it stay.
        cache_dir: keeps the faces for the next evaluation.
        folders: where weights are looked for first.
        progress: told how far it is after each batch.

    Returns:
        The report: the suites' keys, `faces`, and `kept_pixels_changed` over all edits (to be 0).

    Raises:
        InputError: a suite is unknown, none is named, or `limit` is below 1.
        WeightsMissingError: a network of the evaluation has no weights.
    """
    chosen = _chosen(suites)
    if limit < 1:
        raise InputError(f"The limit is {limit}; at least one face is needed to evaluate.")
    faces = BankFaces(*load_bank(LIGHT, folders), Parser(load_parser(folders)), cache_dir)
    network = load_trained(EfficientNetLite0, "efficientnet_lite0", folders)
    judge = EfficientNetDistance(network.to(model.device))
    return run_suites(model, chosen, faces.batches(limit, BATCH), judge, report_dir, progress)


def run_suites(
    model: FaceMug,
    suites: Sequence[Suite],
    batches: Iterable[Faces],
    judge: EfficientNetDistance,
    report_dir: str | Path,
    progress: Progress | None = None,
) -> dict[str, float]:
    """Run suites on batches of faces and write the report; `evaluate` without loading anything."""
    rows = _run(model, suites, batches, judge, progress)
    cases = {suite.name: [row.case for row in rows[suite.name]] for suite in suites}
    report = {
        "faces": float(max(len(of_suite) for of_suite in cases.values())),
        "kept_pixels_changed": sum(
            case.numbers["kept_pixels_changed"] for of_suite in cases.values() for case in of_suite
        ),
    }
    for suite in suites:
        report |= {f"{suite.name}.{key}": value for key, value in suite.summary(cases[suite.name]).items()}
    _write(Path(report_dir), report, rows, judge.name)
    return report


def _chosen(names: Sequence[str]) -> list[Suite]:
    unknown = [name for name in names if name not in SUITES]
    if unknown or not names:
        what = f"There is no suite called {', '.join(unknown)}." if unknown else "No suite is named."
        raise InputError(f"{what} Choose among: {', '.join(SUITES)}.")
    return [SUITES[name] for name in dict.fromkeys(names)]


@torch.no_grad()
def _run(
    model: FaceMug,
    suites: Sequence[Suite],
    batches: Iterable[Faces],
    judge: EfficientNetDistance,
    progress: Progress | None,
) -> dict[str, list[_Row]]:
    rows: dict[str, list[_Row]] = {suite.name: [] for suite in suites}
    done = 0
    for batch in batches:
        trial = Trial(batch.to(model.device), judge)
        for suite in suites:
            rows[suite.name] += [_Row(case, _strip(case)) for case in suite.run(model, trial)]
        done += len(batch)
        if progress:
            progress(done)
    return rows


def _write(folder: Path, report: Mapping[str, float], rows: Mapping[str, list[_Row]], judge: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    sheets = {}
    for name, of_suite in rows.items():
        for title, shown in _best_median_worst(of_suite).items():
            sheets[f"{name}_{title}.jpg"] = _sheet(shown)
    for file, sheet in sheets.items():
        _replace(folder / file, sheet)
    _replace(folder / "index.html", _page(report, list(sheets), judge).encode())
    _replace(folder / "report.json", (json.dumps(report, indent=2) + "\n").encode())


def _replace(path: Path, content: bytes) -> None:
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def _best_median_worst(rows: Sequence[_Row]) -> dict[str, Sequence[_Row]]:
    ranked = sorted(rows, key=lambda row: row.case.score)
    middle = max(0, (len(ranked) - SHOWN) // 2)
    return {
        "best": ranked[:SHOWN],
        "median": ranked[middle : middle + SHOWN],
        "worst": ranked[::-1][:SHOWN],
    }


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
    width, height = strips[0].size
    canvas = Image.new("RGB", (width, height * len(strips)))
    for i, strip in enumerate(strips):
        canvas.paste(strip, (0, i * height))
    return _jpeg(canvas, quality=88)


def _jpeg(image: Image.Image, quality: int) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def _page(report: Mapping[str, float], sheets: Sequence[str], judge: str) -> str:
    numbers = "\n".join(
        f"<tr><td>{html.escape(key)}</td><td>{value:.4g}</td></tr>" for key, value in report.items()
    )
    pictures = "\n".join(
        f"<h2>{html.escape(file.removesuffix('.jpg').replace('_', ': '))}</h2>\n"
        f'<a href="{html.escape(file)}"><img src="{html.escape(file)}" alt=""></a>'
        for file in sheets
    )
    return _PAGE.format(judge=html.escape(judge), numbers=numbers, pictures=pictures)


_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>FACEMUG evaluation</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 110em; padding: 0 1em }}
td {{ padding: 0 1.5em 0 0; border-bottom: 1px solid #ddd }}
td + td {{ text-align: right; font-variant-numeric: tabular-nums }}
img {{ width: 100% }}
</style>
<h1>FACEMUG evaluation</h1>
<p>Perceptual distances to the truth inside the mask are {judge}s; lower is better. A ratio compares the mean
distance of the edits with that of a baseline: <em>perceptual</em> with biharmonic inpainting, <em>paste</em>
with the bank's rendering of the same codes pasted into the hole. Below 1 the edits are better.</p>
<table>
{numbers}
</table>
{pictures}
</html>
"""
