"""Curves as SVG: small enough to read as text, and to commit."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

WIDTH, HEIGHT, MARGIN = 420, 240, 44
COLORS = ("#1b5e9e", "#c4441e", "#2c7a3f", "#7a4b9e")


@dataclass(frozen=True)
class Curves:
    """Values over common places, by the name of the curve."""

    title: str
    across: str
    """What the places are."""
    places: Sequence[float]
    values: Mapping[str, Sequence[float]]


def curve_svg(curves: Curves) -> str:
    """A plot, whose vertical axis starts at 0 or at the least value below it."""
    everything = [value for values in curves.values.values() for value in values]
    low, high = min(0.0, *everything), max(0.0, *everything)
    across = (WIDTH - 2 * MARGIN) / ((curves.places[-1] - curves.places[0]) or 1)
    up = (HEIGHT - 2 * MARGIN) / ((high - low) or 1)
    bottom = HEIGHT - MARGIN

    def points(values: Sequence[float]) -> str:
        return " ".join(
            f"{MARGIN + (place - curves.places[0]) * across:.1f},{bottom - (value - low) * up:.1f}"
            for place, value in zip(curves.places, values, strict=True)
        )

    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" font-family="sans-serif" '
        'font-size="11">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        f'<path d="M{MARGIN} {MARGIN}V{bottom}H{WIDTH - MARGIN}" fill="none" stroke="#888"/>',
        _text(MARGIN, 16, curves.title),
        _text(WIDTH - MARGIN, HEIGHT - 6, curves.across, "end"),
        _text(MARGIN - 4, bottom, f"{low:.3g}", "end"),
        _text(MARGIN - 4, MARGIN + 4, f"{high:.3g}", "end"),
        _text(MARGIN, bottom + 14, f"{curves.places[0]:g}", "middle"),
        _text(WIDTH - MARGIN, bottom + 14, f"{curves.places[-1]:g}", "middle"),
    ]
    for i, (name, values) in enumerate(curves.values.items()):
        color = COLORS[i % len(COLORS)]
        lines.append(f'<polyline points="{points(values)}" fill="none" stroke="{color}" stroke-width="2"/>')
        if len(curves.values) > 1:
            lines.append(_text(WIDTH - MARGIN, 16 + 13 * i, name, "end", color))
    return "\n".join([*lines, "</svg>"])


def _text(x: float, y: float, text: str, anchor: str = "start", color: str = "#222") -> str:
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}" fill="{color}">{html.escape(text)}</text>'
