"""The report of the paper's evaluation: tables as CSV, JSON and on a page, with curves and sheets."""

from __future__ import annotations

import csv
import html
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
from PIL import Image

from ...checkpoints.files import replacing
from ...sheets import contact_sheet
from ..photos import GIVEN
from ..suites.subsets import SUBSETS
from .curves import Curves, curve_svg
from .faces import CHANGED, MEMORY, ROUNDS, SECONDS, FaceRecord, picture_file
from .methods import name_of
from .networks import MetricNetworks
from .sets import discriminability, fid

ALL = "all"
"""In place of a kind of mask."""

SHEET_FACES = 12
"""Rows of the sheet of methods: the worst faces by our first method."""

SHOWN_ROUNDS = (1, 5, 10, 15, 20)
"""Of a chain of edits, on its sheet."""

Row = dict[str, Any]


@dataclass(frozen=True)
class Report:
    """All that was measured."""

    records: Sequence[FaceRecord]
    networks: MetricNetworks
    methods: Sequence[str]
    seconds: float
    """Of the whole run; faces that were there already took none."""

    @property
    def columns(self) -> list[str]:
        """Of the tables of methods."""
        names = self.networks
        sets = names.crowd[:3]
        return [
            "method", "mask", "faces", *sets, names.distance.name, names.identity.name, "PSNR", "SSIM", "MAE",
            CHANGED, SECONDS, MEMORY,
        ]  # fmt: skip

    def methods_table(self) -> list[Row]:
        """A row for each method and kind of mask, and for each method over all masks."""
        kinds = [ALL, *sorted({record.kind for record in self.records})]
        return [
            self._row(method, kind, found)
            for kind in kinds
            for method in self.methods
            if (found := [r for r in self.records if method in r.edits and kind in (ALL, r.kind)])
        ]

    def edits_table(self) -> list[Row]:
        """A row for each edit."""
        return [
            {"face": record.name, "mask": record.kind, "method": method, **numbers}
            for record in self.records
            for method, numbers in record.edits.items()
        ]

    def rounds_table(self) -> list[Row]:
        """A row for each edit of a chain, means over the faces that have one."""
        chains = [record.rounds for record in self.records if record.rounds]
        return [
            {"round": number + 1, **_means([chain[number] for chain in chains])}
            for number in range(ROUNDS if chains else 0)
        ]

    def frontal(self) -> dict[str, float]:
        """Likeness of frontal views to their photos, mean over the faces that have them."""
        return _means([record.frontal for record in self.records if record.frontal])

    def time_table(self) -> list[Row]:
        """Where the time went: seconds of one thread by part, over all faces."""
        parts = {part: 0.0 for record in self.records for part in record.seconds}
        for record in self.records:
            for part, spent in record.seconds.items():
                parts[part] += spent
        return [{"part": part, SECONDS: spent} for part, spent in parts.items()]

    def _row(self, method: str, kind: str, found: Sequence[FaceRecord]) -> Row:
        row = {"method": method, "mask": kind, "faces": len(found)}
        with_truth = [record for record in found if record.kind != GIVEN]
        if len(with_truth) > 1:
            photos, edits = (np.stack([r.features[name] for r in with_truth]) for name in ("photo", method))
            crowd = self.networks.crowd
            row[crowd.fid] = fid(photos, edits)
            row[crowd.u_ids], row[crowd.p_ids] = discriminability(photos, edits)
        return row | _means([record.edits[method] for record in found])


def write_report(folder: Path, report: Report) -> None:
    """Write all files of the report; each is there whole, or as it was before."""
    tables = {
        "methods": report.methods_table(),
        "edits": report.edits_table(),
        "chain": report.rounds_table(),
        "time": report.time_table(),
    }
    for name, rows in tables.items():
        if rows:
            _write(folder / f"{name}.csv", _csv(rows).encode())
    content = {**tables, "frontal": report.frontal(), SECONDS: report.seconds}
    _write(folder / "report.json", (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode())
    sheets = _sheets(folder, report)
    for name, sheet in sheets.items():
        buffer = io.BytesIO()
        sheet.save(buffer, "JPEG", quality=88)
        _write(folder / f"{name}.jpg", buffer.getvalue())
    _write(folder / "index.html", _page(report, tables, sheets).encode())


def _means(numbers: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Mean of each number over those that have it."""
    names = dict.fromkeys(name for one in numbers for name in one)
    return {name: fmean(one[name] for one in numbers if name in one) for name in names}


def _sheets(folder: Path, report: Report) -> dict[str, Image.Image]:
    """Pictures side by side, by the name of the file: methods with the worst faces first, all subsets, chains
    and frontal views."""
    first, distance = report.methods[0], report.networks.distance.name
    ranked = sorted(report.records, key=lambda r: -r.edits[first].get(distance, math.inf))
    worst = [record.name for record in ranked[:SHEET_FACES]]
    extra = [record for record in report.records if record.rounds]
    columns = {
        "methods": (worst, ["photo", "hole", *report.methods]),
        "chain": ([r.name for r in extra], ["photo", *(f"chain/{number:02}" for number in SHOWN_ROUNDS)]),
        "frontal": ([r.name for r in extra if r.frontal], ["photo", "frontal/inverted", "frontal/encoded"]),
        **{
            f"subsets_{record.name}": ([record.name], [f"subsets/{name_of(chosen)}" for chosen in SUBSETS])
            for record in extra
        },
    }
    return {
        name: _sheet(folder, faces, whats, columns=8 if name.startswith("subsets") else len(whats))
        for name, (faces, whats) in columns.items()
        if faces
    }


def _sheet(folder: Path, faces: Iterable[str], whats: Sequence[str], columns: int) -> Image.Image:
    panels = []
    for face in faces:
        for what in whats:
            path = picture_file(folder, what, face)
            blank = Image.new("RGB", (1, 1), "white")  # only a few faces have the slow methods
            picture = Image.open(path) if path.exists() else blank
            panels.append((what.rpartition("/")[2].removeprefix("FACEMUG "), picture))
    return contact_sheet(panels, columns)


def _csv(rows: Sequence[Row]) -> str:
    columns = dict.fromkeys(name for row in rows for name in row)
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _write(path: Path, content: bytes) -> None:
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def _page(report: Report, tables: Mapping[str, Sequence[Row]], names: Iterable[str]) -> str:
    methods = tables["methods"]
    curves = ""
    if tables["chain"]:
        rounds = [row["round"] for row in tables["chain"]]
        curves = "\n".join(
            curve_svg(Curves(name, "round", rounds, {name: [row[name] for row in tables["chain"]]}))
            for name in (report.networks.distance.name, report.networks.identity.name, CHANGED)
        )
    sheets = "\n".join(
        f'<h3>{html.escape(name)}</h3>\n<a href="{html.escape(name)}.jpg">'
        f'<img src="{html.escape(name)}.jpg" alt="" loading="lazy"></a>'
        for name in names
    )
    frontal = ", ".join(f"{key} {value:.3f}" for key, value in report.frontal().items()) or "not measured"
    return _PAGE.format(
        overall=_table([row for row in methods if row["mask"] == ALL], report.columns),
        by_mask=_table([row for row in methods if row["mask"] != ALL], report.columns),
        curves=curves or "<p>Not measured.</p>",
        frontal=html.escape(frontal),
        identity=html.escape(report.networks.identity.name),
        time=_table(tables["time"], ["part", SECONDS]),
        total=f"{report.seconds:.0f}",
        sheets=sheets,
    )


def _table(rows: Iterable[Row], columns: Sequence[str]) -> str:
    lines = ["<tr>" + "".join(f"<th>{html.escape(name)}</th>" for name in columns) + "</tr>"]
    for row in rows:
        cells = (f"<td>{html.escape(_cell(row.get(name)))}</td>" for name in columns)
        lines.append(f"<tr>{''.join(cells)}</tr>")
    return "<table>\n" + "\n".join(lines) + "\n</table>"


def _cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>The paper's evaluation</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 120em; padding: 0 1em }}
table {{ border-collapse: collapse }}
th, td {{ padding: 0 1em 0 0; border-bottom: 1px solid #ddd; text-align: right; vertical-align: bottom }}
th:first-child, td:first-child, th:nth-child(2), td:nth-child(2) {{ text-align: left }}
td {{ font-variant-numeric: tabular-nums }}
img {{ max-width: 100% }}
</style>
<h1>The paper's evaluation</h1>
<p>FID, LPIPS and CSIM are called so only where the published networks measured. Other names are stand-ins
with scales of their own. What each number means, and what is weak about it:
docs/paper-evaluation.md.</p>
<h2>Methods</h2>
{overall}
<h2>By mask</h2>
{by_mask}
<h2>Edits in a chain</h2>
{curves}
<h2>Frontal views</h2>
<p>{identity} to the photo: {frontal}.</p>
<h2>Time</h2>
<p>The run took {total} seconds. Seconds of one thread by part, all faces together:</p>
{time}
<h2>Pictures</h2>
{sheets}
</html>
"""
