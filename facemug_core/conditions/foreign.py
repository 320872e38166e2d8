"""Picture formats that need a plug-in of Pillow or another program."""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module
from pathlib import Path

from PIL import Image

PLUGINS = {
    ".heic": ("HEIC", "pillow_heif"), ".heif": ("HEIC", "pillow_heif"), ".hif": ("HEIC", "pillow_heif"),
    ".avif": ("AVIF", "pillow_avif"), ".jxl": ("JPEG XL", "pillow_jxl"),
}  # fmt: skip
"""Extensions of formats, their names, and the packages with Pillow's plug-ins."""

PACKAGES = {
    "pillow_heif": "pillow-heif",
    "pillow_avif": "pillow-avif-plugin",
    "pillow_jxl": "pillow-jxl-plugin",
}
"""Names of these packages for pip."""

PICTURES = frozenset(Image.registered_extensions()) | PLUGINS.keys()
"""Extensions of readable pictures, some with a plug-in."""

RAW = frozenset(
    {
        ".3fr", ".arw", ".cr2", ".cr3", ".dng", ".erf", ".iiq", ".kdc", ".nef", ".nrw", ".orf", ".pef",
        ".raf", ".raw", ".rw2", ".rwl", ".sr2", ".srf", ".srw", ".x3f",
    }
)  # fmt: skip
"""Extensions of cameras' raw photos."""


def is_picture(path: Path) -> bool:
    """Whether Pillow reads files of this name, by itself or with an installed plug-in."""
    return path.suffix.lower() in Image.registered_extensions() or plug_in(path)


def is_foreign_photo(path: Path) -> bool:
    """Whether files of this name are photos that Pillow alone does not read."""
    return path.suffix.lower() in PLUGINS or path.suffix.lower() in RAW


def plug_in(path: Path) -> bool:
    """Register the plug-in for a file; returns False if its package is not installed."""
    _, package = PLUGINS.get(path.suffix.lower(), ("", ""))
    with suppress(ImportError):
        if package:
            module = import_module(package)
            if package == "pillow_heif":  # the others register themselves
                module.register_heif_opener()
            return True
    return False


def how_to_read(path: Path) -> str:
    """A sentence on how to read a file that Pillow cannot read."""
    ending = path.suffix.lower()
    if ending in RAW:
        return (
            f"{path} is a camera's raw photo, which must be developed first: save it as TIFF, PNG or JPEG "
            "in your raw developer."
        )
    if ending in PLUGINS:
        name, package = PLUGINS[ending]
        return (
            f"{path} is named as a {name} photo, which your Pillow does not read: `pip install "
            f"{PACKAGES[package]}`, or save it as PNG or JPEG."
        )
    return f"{path} is not a picture that can be read (PNG, JPEG, WebP …)."
