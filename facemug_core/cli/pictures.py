"""Writes pictures, and names them."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from ..writing import fitted, save_picture
from .console import show_warning


def numbered(path: Path, count: int) -> list[Path]:
    """The path, or one numbered path for each variant."""
    if count == 1:
        return [path]
    return [fitted(path.with_name(f"{path.stem}_{i + 1}{path.suffix}")) for i in range(count)]


def save(image: Image.Image, path: Path) -> None:
    """Write a picture, and print what its format loses."""
    for loss in save_picture(image, path):
        show_warning(loss)
