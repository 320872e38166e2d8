"""Pictures written to files: as little lost as the format allows, and what is lost is said."""

from __future__ import annotations

import io
import os
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image, PngImagePlugin

from .checkpoints.files import replacing
from .companions import picture_kind
from .conditions.files import PNG_COLORS
from .errors import InputError

SAVE_OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "PNG": {"compress_level": 4},  # half the time of Pillow's 6, files larger by 4 %
    "JPEG": {"quality": 95, "subsampling": 0},
    "WEBP": {"lossless": True, "exact": True},
    "AVIF": {"quality": 95},
}

LOSSY = {
    "JPEG": "JPEG changes all pixels a little, those outside the mask too",
    "AVIF": "AVIF changes all pixels a little, those outside the mask too",
    "GIF": "GIF has 256 colors, so that pixels outside the mask change too",
}
"""Formats that do not keep every pixel, and why."""

LARGEST_PROFILE = {"PNG": 1_000_000, "JPEG": 16_000_000, "WEBP": 2**31, "TIFF": 2**31, "AVIF": 2**31}
"""Formats that have a place for a color profile, and how large it may be so that it can be read again."""

TIFF_XMP = 700
"""Tag of XMP in TIFF files."""

LONGEST_NAME = 255
"""Bytes that a file name can have nearly everywhere."""

KEEPS_ALPHA = ("PNG", "WEBP", "TIFF", "AVIF", "JPEG2000", "TGA", "GIF", "ICO")
KEEPS_METADATA = ("PNG", "JPEG", "WEBP", "TIFF", "AVIF")


def save_picture(image: Image.Image, path: Path) -> list[str]:
    """Write a picture: it is there whole, or as it was before. Tells in sentences what the format loses.

    Raises:
        InputError: the name stands for no format that can hold the picture.
        UnwritableError: as `replacing`.
    """
    kind = picture_kind(path)
    options, lost = _save_options(image, kind)
    # Not straight to the disk: if it is full, Pillow takes half a JPEG for whole, and never ends a JPEG 2000.
    whole = io.BytesIO()
    try:
        image.save(whole, format=kind, **options)
    except Exception as error:  # each format has its own errors for what it cannot hold
        raise InputError(
            f"{path} cannot be written: {error}. PNG holds every photo: call it {path.stem}.png."
        ) from error
    with replacing(path) as temporary:
        temporary.write_bytes(whole.getbuffer())
    return [f"{path.name}: {loss}. Name the result .png to keep it." for loss in lost]


def fitted(path: Path) -> Path:
    """The path, its name cut where it is longer than file systems allow, but still unlike all others."""
    name = os.fsencode(path.name)
    if len(name) <= LONGEST_NAME:
        return path
    end = os.fsencode(f"~{zlib.crc32(name):08x}{path.suffix}")
    cut = os.fsdecode(name[: LONGEST_NAME - len(end)]).encode("utf-8", "ignore").decode()
    return path.with_name(f"{cut}{os.fsdecode(end)}")


def _save_options(image: Image.Image, kind: str) -> tuple[dict[str, Any], list[str]]:
    """As little loss as the format allows, what the picture's info holds of profile and metadata, and what of
    it is lost."""
    options: dict[str, Any] = dict(SAVE_OPTIONS.get(kind, {}))
    info = image.info
    lost = [LOSSY[kind]] if kind in LOSSY else []
    if "A" in image.mode and kind not in KEEPS_ALPHA:
        lost.append(f"{kind} has no place for transparency")
    profile = info.get("icc_profile")
    if profile and len(profile) <= LARGEST_PROFILE.get(kind, 0):
        options["icc_profile"] = profile
    elif profile:
        options["icc_profile"] = None  # or Pillow takes it from the picture
        lost.append(
            f"its color profile of {len(profile)} bytes has no place in {kind}: colors look different"
        )
    colors = info.get(PNG_COLORS, {})
    if colors and kind != "PNG":
        names = ", ".join(chunk.decode() for chunk in colors)
        lost.append(f"what the photo's file tells about its colors ({names}) has no place in {kind}")
    if kind not in KEEPS_METADATA and {"exif", "xmp"} & info.keys():
        lost.append(f"{kind} has no place for EXIF and XMP")
    options |= {name: info[name] for name in ("xmp", "dpi") if name in info}
    if "exif" in info:
        options["exif"] = _without_thumbnail(image)
    if kind == "TIFF" and "xmp" in options:
        options["tiffinfo"] = {TIFF_XMP: options.pop("xmp")}
    if kind == "PNG":
        options["pnginfo"] = chunks = PngImagePlugin.PngInfo()
        for chunk, data in colors.items():
            chunks.add(chunk, data)
        if "xmp" in options:
            chunks.add_itxt("XML:com.adobe.xmp", options.pop("xmp").decode("utf-8", "replace"))
    return options, lost


def _without_thumbnail(image: Image.Image) -> bytes:
    """The picture's EXIF, read and written anew: without its thumbnail, which shows the face as it was."""
    try:
        return image.getexif().tobytes()
    except Exception as error:  # whatever a damaged one makes Pillow stumble over
        raise InputError(
            f"The photo's EXIF is damaged and cannot be kept ({error}): leave out --keep-metadata."
        ) from error
