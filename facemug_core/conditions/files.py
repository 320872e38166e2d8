"""Reads picture files upright, with warnings about losses and mismatches.

Sizes are (width, height), as in Pillow; `None` keeps the picture's own. `InputError` names the path and what
was found.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from PIL import ExifTags, Image, ImageOps, PngImagePlugin, UnidentifiedImageError
from torch import Tensor

from ..choices import DrawnOn
from ..errors import InputError
from .foreign import RAW, how_to_read, is_picture, plug_in
from .orientation import TURNS, same_shape, turned_along

Source = str | Path | Image.Image
Size = tuple[int, int] | None

LOST = "lost"
"""Key of a picture's `info`: sentences about what was lost in reading its file."""

EXIF_FIELDS = ("exif", "Raw profile type exif")
"""Keys of EXIF in a picture's `info`."""

PNG_COLORS = "png_colors"
"""Key of a picture's `info`: the color chunks of its PNG file."""

COLOR_CHUNKS = (b"gAMA", b"cHRM", b"cICP", b"sRGB")
"""Chunks that define a PNG file's colors, beside its color profile."""

LARGEST_TEXT = 2**26
"""Maximal size in bytes of an unpacked text or profile in a PNG file."""

NAME = "name"
"""Key of a picture's `info`: the name of its file."""

EXIF_ORIENTATION = "exif_orientation"
"""Key of a picture's `info`: EXIF orientation of its file; 1 = upright."""

STILL_FORMATS = ("MPO", "ICO", "ICNS")
"""Formats whose further frames are other versions of the first."""


def unheard(sentence: str) -> None:
    """Discards a reader's warning."""


def pictures_in(folder: str | Path, nested: bool = False) -> list[Path]:
    """The pictures of a folder, recognized by extension and sorted by name; no hidden files.

    `nested` includes subfolders.
    """
    paths = Path(folder).glob("**/[!.]*" if nested else "[!.]*")
    return sorted(path for path in paths if is_picture(path))


def picture_files(folder: str | Path, nested: bool = False) -> list[Path]:
    """`pictures_in`, at least one.

    Raises:
        InputError: the folder has none.
    """
    pictures = pictures_in(folder, nested)
    if not pictures:
        raise InputError(f"There are no photos in {folder}.")
    return pictures


def read_photo(source: Source) -> Image.Image:
    """The picture in its own mode, upright by its EXIF orientation; the first of several frames.

    A picture read from a file has `LOST` and `EXIF_ORIENTATION` in its `info`.
    """
    if isinstance(source, Image.Image):
        upright = source.getexif().get(ExifTags.Base.Orientation, 1) == 1
        return source if upright else ImageOps.exif_transpose(source)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", Image.DecompressionBombWarning
            )  # from twice its size on, an error
            image: Image.Image
            with _large_texts(), _opened(Path(source)) as image:
                lost = _lost(image)
                image.load()
                colors = _png_colors(Path(source)) if image.format == "PNG" else {}
        lost += _turn_upright(image)
        image.info |= {NAME: str(source), LOST: lost, PNG_COLORS: colors}
        return image
    except InputError:
        raise
    except FileNotFoundError as error:
        raise InputError(f"There is no file {source}.") from error
    except UnidentifiedImageError as error:
        raise InputError(how_to_read(Path(source))) from error
    except Exception as error:  # damaged files raise many kinds of errors in Pillow
        raise InputError(f"{source} cannot be read as a picture: {error}.") from error


def _opened(path: Path) -> Image.Image:
    """Open a picture file; by a plug-in if Pillow alone does not know the format."""
    try:
        image = Image.open(path)
    except UnidentifiedImageError:
        if not plug_in(path):
            raise
        return Image.open(path)
    if path.suffix.lower() in RAW and image.format == "TIFF":  # the preview in a raw file
        raise InputError(how_to_read(path))
    return image


@contextmanager
def _large_texts() -> Iterator[None]:
    """Raise Pillow's limit for color profiles and texts in PNG files."""
    before = PngImagePlugin.MAX_TEXT_CHUNK
    PngImagePlugin.MAX_TEXT_CHUNK = LARGEST_TEXT
    try:
        yield
    finally:
        PngImagePlugin.MAX_TEXT_CHUNK = before


def _png_colors(path: Path) -> dict[bytes, bytes]:
    """The color chunks of a PNG file, which Pillow does not keep."""
    chunks = {}
    with path.open("rb") as file:
        file.seek(8)
        while len(head := file.read(8)) == 8 and head[4:] != b"IDAT":
            length = int.from_bytes(head[:4], "big")
            if head[4:] in COLOR_CHUNKS:
                chunks[head[4:]] = file.read(length)
                length = 0
            file.seek(length + 4, 1)
    return chunks


def _lost(image: Image.Image) -> list[str]:
    """Sentences about what is lost in reading an opened, not yet loaded picture file."""
    lost = []
    frames = getattr(image, "n_frames", 1)
    if frames > 1 and image.format not in STILL_FORMATS:
        lost.append(f"The file has {frames} frames; only the first is used.")
    deep = any(";16" in str(tile) for tile in getattr(image, "tile", ())) or image.mode in ("I", "F")
    if deep or image.info.get("bit_depth", 8) > 8:  # set by the plug-in for HEIC
        lost.append("The file has more than 8 bits for each color; 8 are used and kept.")
    if image.mode in ("CMYK", "LAB"):
        lost.append(f"The file's colors are {image.mode}; the result's are RGB.")
    return lost


def _turn_upright(image: Image.Image) -> list[str]:
    """Apply the EXIF orientation, even if EXIF is damaged otherwise. Returns sentences about what is lost."""
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation)
    except Exception:  # damaged EXIF raises many kinds of errors in Pillow
        return ["The file's EXIF cannot be read. If the photo lies on its side, rotate it."]
    lost = []
    if orientation is not None:
        image.info[EXIF_ORIENTATION] = orientation
    if orientation in TURNS:
        try:
            image.getexif().tobytes()
        except Exception:
            for name in EXIF_FIELDS:  # rotation would rewrite them
                image.info.pop(name, None)
            lost.append("The file's EXIF is damaged: only its rotation is applied, and the rest is lost.")
    ImageOps.exif_transpose(image, in_place=True)
    return lost


def read_beside(
    source: str | Path, photo_size: tuple[int, int], orientation: int = 1, drawn_on: DrawnOn | None = None
) -> tuple[Image.Image, list[str]]:
    """A picture that belongs to a photo, such as its mask, and warnings if it does not fit.

    The photo's EXIF rotation is applied to the picture, too, if it was drawn on the file's own pixels.

    Args:
        source: the file.
        photo_size: (width, height) of the photo, upright.
        orientation: EXIF orientation of the photo's file.
        drawn_on: what it was drawn on; needed if neither its shape nor its own EXIF decides.

    Raises:
        InputError: `drawn_on` is needed.
    """
    image = read_photo(source)
    image = turned_along(
        image, str(source), EXIF_ORIENTATION in image.info, photo_size, orientation, drawn_on
    )
    return image, stretch_warnings(str(source), image.size, photo_size)


def stretch_warnings(name: str, size: tuple[int, int], photo_size: tuple[int, int]) -> list[str]:
    """A warning if a picture's aspect ratio differs from its photo's; sizes are (width, height)."""
    (width, height), (photo_width, photo_height) = size, photo_size
    if same_shape(size, photo_size):
        return []
    return [
        f"{name} is {width} × {height}, but the photo is {photo_width} × {photo_height}: it is "
        "stretched to the photo's shape, and may be in the wrong place."
    ]


def fit_warnings(name: str, size: tuple[int, int]) -> list[str]:
    """A warning if a guide for a new face is not square; `size` is (width, height)."""
    if not stretch_warnings(name, size, (1, 1)):
        return []
    return [
        f"{name} is {size[0]} × {size[1]}, but a new face is square: the whole guide is placed in its "
        "middle, and the sides are left free."
    ]


def gray_of(image: Image.Image) -> np.ndarray:
    """8-bit gray values `[H, W]`; 16-bit values are scaled; if the largest value is 1, 1 is white."""
    gray = _own_gray(image)
    numbers = np.array(image) if image.mode in ("P", "F") else gray
    if gray.max() < 128 and numbers.max() == 1:
        return np.where(numbers >= 0.5, 255, 0).astype(np.uint8)
    return gray


def _own_gray(image: Image.Image) -> np.ndarray:
    """8-bit gray values `[H, W]`; values 0 and 1 are not scaled."""
    if image.mode.startswith("I"):
        values = np.array(image).astype(np.float64)
        return (values / (257 if values.max() > 255 else 1)).clip(0, 255).astype(np.uint8)
    return np.array(image.convert("RGB").convert("L"))


def rgb_of(image: Image.Image) -> Tensor:
    """uint8 `[H, W, 3]`."""
    if image.mode.startswith("I"):
        image = Image.fromarray(gray_of(image))
    return torch.from_numpy(np.array(image.convert("RGBA")))[..., :3]


def alpha_of(image: Image.Image) -> np.ndarray | None:
    """8-bit alpha `[H, W]`, or None if it is constant."""
    alpha = sheer_alpha_of(image)
    return alpha if alpha is not None and alpha.min() < alpha.max() else None


def sheer_alpha_of(image: Image.Image) -> np.ndarray | None:
    """8-bit alpha `[H, W]`, or None if all pixels are opaque."""
    if not image.has_transparency_data:
        return None
    alpha = np.array(image.convert("RGBA").getchannel("A"))
    return alpha if (alpha < 255).any() else None


def sketchable(image: Image.Image) -> np.ndarray:
    """Colors uint8 `[H, W, 3]` to find strokes in; grays of 16 bits, and of 0 and 1, are scaled to 0…255."""
    gray = gray_of(image)
    if image.mode.startswith(("I", "F")) or gray.max() != _own_gray(image).max():
        return np.repeat(gray[..., None], 3, 2)
    return rgb_of(image).numpy()


def resized(image: Image.Image, size: Size, resampling: Image.Resampling) -> Image.Image:
    return image if size in (None, image.size) else image.resize(size, resampling)


def resized_plane(values: Tensor, size: Size) -> Tensor:
    """Float32 `[H, W]`, resized bilinearly."""
    plane = resized(Image.fromarray(values.numpy()), size, Image.Resampling.BILINEAR)
    return torch.from_numpy(np.array(plane))


def name_of(source: Source) -> str:
    return str(source.info.get(NAME, "picture") if isinstance(source, Image.Image) else source)
