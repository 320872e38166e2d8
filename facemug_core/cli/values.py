"""Parsers of option values. Each raises `ArgumentTypeError` with what was expected and what came."""

from __future__ import annotations

import math
from argparse import ArgumentTypeError
from pathlib import Path
from typing import get_args

from ..choices import NamedFaces, Size


def number(text: str) -> float:
    """A number."""
    try:
        return float(text)
    except ValueError:
        raise ArgumentTypeError(f"expected a number, not {text}") from None


def whole(text: str) -> int:
    """A whole number."""
    try:
        return int(text)
    except ValueError:
        raise ArgumentTypeError(f"expected a whole number, not {text}") from None


def share(text: str) -> float:
    """A number from 0 to 1."""
    value = number(text)
    if not 0 <= value <= 1:
        raise ArgumentTypeError(f"must lie between 0 and 1, not {text}")
    return value


def at_least_one(text: str) -> int:
    """A whole number from 1 on."""
    value = whole(text)
    if value < 1:
        raise ArgumentTypeError(f"must be 1 or more, not {text}")
    return value


def at_least_zero(text: str) -> int:
    """A whole number from 0 on."""
    value = whole(text)
    if value < 0:
        raise ArgumentTypeError(f"must be 0 or more, not {text}")
    return value


def strength(text: str) -> float:
    """A finite number from 0 on."""
    value = number(text)
    if not 0 <= value < math.inf:
        raise ArgumentTypeError(f"must be 0 or more, not {text}")
    return value


def weighted_file(text: str) -> tuple[Path, float]:
    """FILE or FILE=STRENGTH."""
    path, separator, after = text.rpartition("=")
    if not separator:
        return Path(text), 1.0
    try:
        value = float(after)
    except ValueError:
        return Path(text), 1.0  # an equals sign in the file's own name
    if not 0 <= value <= 1:
        raise ArgumentTypeError(f"the strength must lie between 0 and 1, not {after}")
    return Path(path), value


def named_folder(text: str) -> tuple[str, Path]:
    """NAME=DIR."""
    name, separator, folder = text.partition("=")
    if not (name and separator and Path(folder).is_dir()):
        raise ArgumentTypeError(f"expected NAME=DIR with an existing folder, not {text}")
    return name, Path(folder)


def named_amount(text: str) -> tuple[str, float]:
    """NAME=AMOUNT."""
    name, separator, amount = text.rpartition("=")
    try:
        value = float(amount)
    except ValueError:
        value = math.nan
    if not (name and separator and math.isfinite(value)):
        raise ArgumentTypeError(f"expected NAME=AMOUNT, such as smile=0.5, not {text}")
    return name, value


def latent_weight(text: str) -> tuple[Path, float]:
    """FILE or FILE=WEIGHT."""
    if "=" not in text:
        return Path(text), 1.0
    name, weight = named_amount(text)
    return Path(name), weight


def clip_file(text: str) -> tuple[str, Path | None]:
    """NAME or NAME=FILE."""
    name, separator, file = text.partition("=")
    return name, Path(file) if separator else None


def layers(text: str) -> tuple[int, int]:
    """START:END."""
    try:
        first, end = map(int, text.split(":"))
    except ValueError:
        raise ArgumentTypeError(f"expected START:END, such as 0:8, not {text}") from None
    return first, end


def size(text: str) -> Size:
    """The side of an edited crop."""
    sizes: dict[str, Size] = {str(one): one for one in get_args(Size)}
    if text not in sizes:
        raise ArgumentTypeError(f"must be one of {', '.join(sizes)}, not {text}")
    return sizes[text]


def which(text: str) -> NamedFaces | int:
    """Which faces, by a name or an index."""
    names: dict[str, NamedFaces] = {name: name for name in get_args(NamedFaces)}
    if text not in names and not text.isdecimal():
        raise ArgumentTypeError(f"must be an index from 0 on, or one of {', '.join(names)}, not {text}")
    return names[text] if text in names else int(text)


def box(text: str) -> tuple[float, float, float, float]:
    """X,Y,W,H → left, top, right, bottom."""
    try:
        x, y, width, height = map(float, text.split(","))
    except ValueError:
        raise ArgumentTypeError(f"expected X,Y,W,H, such as 120,80,200,240, not {text}") from None
    if not (width > 0 and height > 0):
        raise ArgumentTypeError(f"width and height must be more than 0, not {text}")
    return x, y, x + width, y + height
