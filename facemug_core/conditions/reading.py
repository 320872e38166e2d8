"""Photos, masks and guides as people have them, read from picture files onto one grid.

Sizes are (width, height), as in Pillow; `None` keeps the picture's own. Every reader raises `InputError` with
the path and what was found.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from ..errors import InputError, NothingToEditError
from .semantic import check_labels, from_celebamask, palette_to_labels

Source = str | Path | Image.Image
Size = tuple[int, int] | None
NoColor = Literal["none", "black", "white"]
Numbering = Literal["auto", "labels", "palette", "celebamask"]

NUMBER_MODES = ("1", "L", "P", "I", "I;16")
"""Pillow modes with one number per pixel."""

LOST = "lost"
"""What a picture's `info` calls the sentences that tell what of its file was not read."""

EXIF_FIELDS = ("exif", "Raw profile type exif")
"""Where a picture's `info` holds EXIF."""

NAME = "name"
"""What a picture's `info` calls its file."""

LIES = "lies"
"""What a picture's `info` calls how the pixels of its file lie, as EXIF numbers it; 1 is upright."""

ON_ITS_SIDE = {
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What brings a picture upright that lies on its side, by how it lies."""

MOST_STRETCH = 1.02
"""Up to this ratio of its aspect ratio to the photo's, a mask or guide counts as of the photo's shape."""

STILL_FORMATS = ("MPO", "ICO", "ICNS")
"""Formats whose further frames are other versions of the first."""

UNKNOWN_NUMBER = 255
"""Number of pixels without a class in many data sets."""

NEAR_BLACK, NEAR_WHITE = 10, 245
"""8-bit values up to which black, and from which white, stand for "no color here"."""

GRAY_NUDGE = 1 / 255
"""Value of mid-gray 128 in [-1, 1]; it stands for exactly 0, which would mean "no color here"."""


def picture_files(folder: str | Path, nested: bool = False) -> list[Path]:
    """The pictures of a folder, by the endings of their names, in the order of these; no hidden files.

    `nested` adds those of the folders in it.

    Raises:
        InputError: there are none.
    """
    endings = Image.registered_extensions()
    paths = Path(folder).glob("**/[!.]*" if nested else "[!.]*")
    pictures = sorted(path for path in paths if path.suffix.lower() in endings)
    if not pictures:
        raise InputError(f"There are no photos in {folder}.")
    return pictures


def read_photo(source: Source) -> Image.Image:
    """The picture, turned upright as its camera says, in its own mode; of several frames the first.

    Of a file, its `info` tells as `LOST` what of it is not read, and as `LIES` how its pixels lie.
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
            with Image.open(source) as image:
                lost = _lost(image)
                image.load()
        lost += _turn_upright(image)
        image.info |= {NAME: str(source), LOST: lost}
        return image
    except FileNotFoundError as error:
        raise InputError(f"There is no file {source}.") from error
    except UnidentifiedImageError as error:
        raise InputError(f"{source} is not a picture that can be read (PNG, JPEG, WebP …).") from error
    except Exception as error:  # Pillow lets out whatever goes wrong within a damaged file
        raise InputError(f"{source} cannot be read as a picture: {error}.") from error


def _lost(image: Image.Image) -> list[str]:
    """What of a picture file, opened and not yet loaded, Pillow or this pack does not read, in sentences."""
    lost = []
    frames = getattr(image, "n_frames", 1)
    if frames > 1 and image.format not in STILL_FORMATS:
        lost.append(f"The file has {frames} frames; only the first is used.")
    if any(";16" in str(tile) for tile in getattr(image, "tile", ())) or image.mode in ("I", "F"):
        lost.append("The file has more than 8 bits for each color; 8 are used and kept.")
    return lost


def _turn_upright(image: Image.Image) -> list[str]:
    """Turn a picture as its EXIF says, even if that is damaged otherwise; sentences tell what is lost."""
    try:
        lies = image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # Pillow lets out whatever goes wrong within damaged EXIF
        return ["The file's EXIF cannot be read: if the photo lies on its side, turn it."]
    image.info[LIES] = lies
    lost = []
    if lies != 1:
        try:
            image.getexif().tobytes()
        except Exception:
            for name in EXIF_FIELDS:  # turning would rewrite them
                image.info.pop(name, None)
            lost.append(
                "The file's EXIF is damaged: the photo is turned as it says, and nothing else is kept of it."
            )
    ImageOps.exif_transpose(image, in_place=True)
    return lost


def read_beside(
    source: str | Path, photo_size: tuple[int, int], photo_lies: int = 1
) -> tuple[Image.Image, list[str]]:
    """A picture that belongs to a photo, such as its mask, and sentences about what of it does not fit.

    One that was drawn on the photo as its file has it, before it was turned upright, is turned along.

    Args:
        source: the file.
        photo_size: (width, height) of the photo, upright.
        photo_lies: how the pixels of the photo's file lie, as EXIF numbers it.
    """
    image = read_photo(source)
    width, height = photo_size
    if image.size == (height, width) != photo_size and photo_lies in ON_ITS_SIDE:
        image = image.transpose(ON_ITS_SIDE[photo_lies])
    return image, stretch_warnings(str(source), image.size, photo_size)


def stretch_warnings(name: str, size: tuple[int, int], photo_size: tuple[int, int]) -> list[str]:
    """A sentence if a picture of a (width, height) is of another shape than the photo that it belongs to."""
    (width, height), (photo_width, photo_height) = size, photo_size
    ratio = width * photo_height / (height * photo_width)
    if max(ratio, 1 / ratio) <= MOST_STRETCH:
        return []
    return [
        f"{name} is {width} × {height}, but the photo is {photo_width} × {photo_height}: stretched to the "
        "photo's shape, it may lie in the wrong place."
    ]


def fit_warnings(name: str, size: tuple[int, int]) -> list[str]:
    """A sentence if a guide of a (width, height) for a new face is not square, as faces are."""
    if not stretch_warnings(name, size, (1, 1)):
        return []
    return [
        f"{name} is {size[0]} × {size[1]}, but a new face is square: the guide lies whole in its middle, and "
        "asks for nothing beside it."
    ]


def read_mask(source: Source, size: Size = None) -> Tensor:
    """A mask `[1, 1, H, W]` in {0, 1}: white = edit; in a picture with transparent parts, transparent = edit.

    The latter is how hosts and paint programs keep a mask in the photo itself: erase what is to change.

    Raises:
        InputError: the file is no picture.
        NothingToEditError: the mask is empty.
    """
    image = read_photo(source)
    alpha = _alpha(image)
    values = _gray(image) if alpha is None else 255 - alpha
    resized = _resized(Image.fromarray(values), size, Image.Resampling.NEAREST)
    mask = torch.from_numpy(np.array(resized)) >= 128
    if not mask.any():
        raise NothingToEditError(f"The mask {_name(source)} is empty: paint white, or erase, where to edit.")
    return mask.float()[None, None]


def read_sketch(source: Source, size: Size = None) -> Tensor:
    """Strokes `[1, 1, H, W]` in {0, 1}, from dark lines on light or light lines on dark: the rarer tone.

    Transparent pixels are no strokes; all paint on a transparent ground is a stroke if it has one tone. When
    the picture shrinks, a pixel is a stroke if any stroke touches it, so that thin lines survive.
    """
    image = read_photo(source)
    strokes = _strokes(_gray(image), _alpha(image))
    shares = _resized(Image.fromarray(strokes.astype(np.float32)), size, Image.Resampling.BOX)
    return (torch.from_numpy(np.array(shares)) > 0).float()[None, None]


def read_semantic(source: Source, size: Size = None, numbering: Numbering = "auto") -> Tensor:
    """Labels int64 `[1, H, W]`, −1 where unknown: 255, or black or transparent in the display palette.

    Args:
        source: file or picture.
        size: (width, height) to bring it to, nearest.
        numbering: what the pixels are: "labels" for our class numbers, "celebamask" for numbers in
            CelebAMask-HQ's own order, "palette" for display colors. "auto" takes colors for display colors
            and a gray picture's values for labels; a palette file's numbers count where its colors do not.
    """
    image = _resized(read_photo(source), size, Image.Resampling.NEAREST)
    try:
        if numbering == "palette":
            return _palette_labels(image)
        if numbering == "auto" and image.mode not in NUMBER_MODES:
            return _palette_labels(image)
        if numbering == "auto" and image.mode == "P":
            return _palette_file_labels(image)
        labels = _numbers(image)
    except InputError as error:
        raise InputError(f"{_name(source)}: {error}") from error
    return from_celebamask(labels) if numbering == "celebamask" else labels


def read_color(source: Source, size: Size = None, no_color: NoColor = "none") -> Tensor:
    """A color map `[1, 3, H, W]` in [-1, 1], all zero where no color is asked for.

    In a picture with transparent parts, opaque pixels are colors, black as well. Otherwise `no_color` tells
    which color means none. No channel of a color is exactly 0 (`GRAY_NUDGE`).
    """
    image = read_photo(source)
    rgb = _rgb(image)
    present = _color_shares(rgb, _alpha(image), no_color)
    weight = _resized_plane(present, size)
    none = weight <= 0.5
    color = torch.empty(1, 3, *weight.shape)
    # A channel at a time: all at once would take most of a gigabyte for a camera's photo.
    for result, values in zip(color[0], rgb.unbind(-1), strict=True):
        # Premultiplied, so that pixels without color do not bleed into those with one.
        plane = _resized_plane((values / 127.5).sub_(1).mul_(present), size).div_(weight.clamp(min=1e-3))
        plane.clamp_(-1, 1).masked_fill_(plane == 0, GRAY_NUDGE)
        result.copy_(plane.masked_fill_(none, 0.0))
    return color


def _color_shares(rgb: Tensor, alpha: np.ndarray | None, no_color: NoColor) -> Tensor:
    """How far each pixel is a color, float32 [H, W] in [0, 1]: its opacity, or 0 for the color of none."""
    if alpha is not None:
        return torch.from_numpy(alpha.astype(np.float32) / 255)
    if no_color == "black":
        return (rgb > NEAR_BLACK).any(-1).float()
    if no_color == "white":
        return (rgb < NEAR_WHITE).any(-1).float()
    return torch.ones(rgb.shape[:2])


def _strokes(gray: np.ndarray, alpha: np.ndarray | None) -> np.ndarray:
    """Where lines are, bool [H, W]."""
    dark = gray < 128
    if alpha is None:
        return dark if 2 * dark.sum() <= dark.size else ~dark
    solid = alpha >= 128
    dark, light = dark & solid, ~dark & solid
    if not (dark.any() and light.any()):
        return solid
    return dark if dark.sum() <= light.sum() else light


def _palette_labels(image: Image.Image) -> Tensor:
    """Labels [1, H, W] of display colors; transparent is unknown, as black is."""
    colors, alpha = _rgb(image), _alpha(image)
    if alpha is not None:
        colors = torch.where(torch.from_numpy(alpha)[..., None] >= 128, colors, 0)
    return palette_to_labels(colors[None])


def _palette_file_labels(image: Image.Image) -> Tensor:
    """Labels [1, H, W] by a palette file's colors, which programs reorder at will, or else by its numbers."""
    try:
        return _palette_labels(image)
    except InputError as unknown_colors:
        try:
            return _numbers(image)
        except InputError:
            raise unknown_colors from None


def _numbers(image: Image.Image) -> Tensor:
    """Class numbers int64 [1, H, W] of a gray picture or palette file; `UNKNOWN_NUMBER` becomes −1."""
    if image.mode in NUMBER_MODES:
        numbers = torch.from_numpy(np.array(image).astype(np.int64))[None]
    else:
        colors = _rgb(image)
        if (colors != colors[..., :1]).any():
            raise InputError("Expected class numbers in a gray picture or palette file, but got colors.")
        numbers = colors[None, ..., 0].long()
    labels = torch.where(numbers == UNKNOWN_NUMBER, -1, numbers)
    check_labels(labels)
    return labels


def _gray(image: Image.Image) -> np.ndarray:
    """8-bit gray values [H, W]; 16-bit pictures are scaled, and if no number is above 1, 1 is white."""
    gray = _own_gray(image)
    numbers = np.array(image) if image.mode in ("P", "F") else gray
    if gray.max() < 128 and numbers.max() == 1:
        return np.where(numbers >= 0.5, 255, 0).astype(np.uint8)
    return gray


def _own_gray(image: Image.Image) -> np.ndarray:
    """8-bit gray values [H, W] as the file tells them."""
    if image.mode.startswith("I"):
        values = np.array(image).astype(np.float64)
        return (values / (257 if values.max() > 255 else 1)).clip(0, 255).astype(np.uint8)
    return np.array(image.convert("RGB").convert("L"))


def _rgb(image: Image.Image) -> Tensor:
    """uint8 [H, W, 3]."""
    if image.mode.startswith("I"):
        image = Image.fromarray(_gray(image))
    return torch.from_numpy(np.array(image.convert("RGBA")))[..., :3]


def _alpha(image: Image.Image) -> np.ndarray | None:
    """8-bit alpha [H, W], or None where nothing is transparent."""
    if not image.has_transparency_data:
        return None
    alpha = np.array(image.convert("RGBA").getchannel("A"))
    return alpha if (alpha < 255).any() else None


def _resized(image: Image.Image, size: Size, resampling: Image.Resampling) -> Image.Image:
    return image if size in (None, image.size) else image.resize(size, resampling)


def _resized_plane(values: Tensor, size: Size) -> Tensor:
    """Float32 [H, W], brought to a size bilinearly."""
    resized = _resized(Image.fromarray(values.numpy()), size, Image.Resampling.BILINEAR)
    return torch.from_numpy(np.array(resized))


def _name(source: Source) -> str:
    return str(source.info.get(NAME, "picture") if isinstance(source, Image.Image) else source)
