"""What belongs to the photos of a folder: files that are called as they are, and names of results."""

from __future__ import annotations

import re
import unicodedata
import zlib
from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path

from PIL import Image

from .errors import InputError

TEXTS = frozenset({".json", ".txt", ".csv", ".tsv"})
"""Endings of landmark files."""

LATENTS = frozenset({".safetensors"})


def in_order(paths: Sequence[Path]) -> list[Path]:
    """Paths in the order of their names, numbers in them counted as numbers: 9 comes before 10."""

    def parts(path: Path) -> tuple[list[str | int], str]:
        split = re.split(r"(\d+)", path.name)
        return [int(part) if i % 2 else part for i, part in enumerate(split)], path.name

    return sorted(paths, key=parts)


def companion(path: Path, source: Path, endings: Collection[str]) -> Path:
    """The file, or in a folder of such files the one that is called as the photo is, with one of the endings.

    A whole name goes before one without the ending: of face.jpg, face.jpg, then face.jpg.png, then face.png.

    Raises:
        InputError: the folder has none, or several.
    """
    if not path.is_dir():
        return path
    files = [file for file in path.iterdir() if file.suffix.lower() in endings]
    name, stem = _same(source.name), _same(source.stem)
    for found in (
        [file for file in files if _same(file.name) == name],
        [file for file in files if _same(file.stem) == name],
        [file for file in files if _same(file.stem) == stem],
    ):
        if len(found) == 1:
            return found[0]
        if found:
            names = " and ".join(sorted(file.name for file in found))
            raise InputError(
                f"The folder {path} has {names}, and {source.name} can go with either: keep one."
            )
    raise InputError(
        f"The folder {path} has no file called {source.stem}, as the photo is, that ends in "
        f"{', '.join(sorted(endings)) if len(endings) < 5 else 'the ending of a picture'}."
    )


def results(sources: Sequence[Path], folder: Path, most: int = 1) -> dict[Path, Path]:
    """A picture in the folder for each photo, of its name; with its ending where two would share a result.

    Args:
        sources: the photos.
        folder: of the results.
        most: results that a photo may have, numbered from 1.
    """
    names = {source: source.stem for source in sources}
    for apart in (lambda path: path.name, lambda path: f"{path.name}~{zlib.crc32(path.name.encode()):08x}"):
        taken = {source: _taken(name, most) for source, name in names.items()}
        counts = Counter(name for all_of_one in taken.values() for name in all_of_one)
        names |= {s: apart(s) for s, own in taken.items() if any(counts[name] > 1 for name in own)}
    return {source: folder / f"{name}.png" for source, name in names.items()}


def picture_kind(path: Path) -> str:
    """The picture format that a name's ending stands for.

    Raises:
        InputError: it stands for none that can be written.
    """
    kind = Image.registered_extensions().get(path.suffix.lower())
    if kind not in Image.SAVE:
        raise InputError(
            f"{path} has no ending of a picture format that can be written; call it {path.stem}.png."
        )
    return str(kind)


def _taken(name: str, most: int) -> set[str]:
    """The names that the results of a photo may have, as file systems that know no case tell them apart."""
    same = _same(name).casefold()
    return {same, *(f"{same}_{number}" for number in range(1, most + 1) if most > 1)}


def _same(name: str) -> str:
    """The name in one of the forms in which accents are written."""
    return unicodedata.normalize("NFC", name)
