"""Photos, masks and guides as people have them, read from picture files onto one grid.

Sizes are (width, height), as in Pillow; `None` keeps the picture's own. Every reader raises `InputError` with
the path and what was found.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from ..conventions import NUM_LABELS
from ..errors import InputError
from .semantic import check_labels, from_celebamask, palette_to_labels

Source = str | Path | Image.Image
Size = tuple[int, int] | None
NoColor = Literal["none", "black", "white"]

STROKE_SHARE = 0.25
"""A sketch pixel is a stroke when strokes cover this share of it: thin lines survive shrinking."""

NEAR_BLACK, NEAR_WHITE = 10, 245
"""8-bit values up to which black, and from which white, stand for "no color here"."""

GRAY_NUDGE = 1 / 255
"""Added to colors of exactly 0, mid-gray, which would otherwise mean "no color here"."""


def read_photo(source: Source) -> Image.Image:
    """The picture, turned upright as its camera says."""
    if isinstance(source, Image.Image):
        return source
    try:
        with Image.open(source) as image:
            image.load()
            return ImageOps.exif_transpose(image)
    except FileNotFoundError as error:
        raise InputError(f"There is no file {source}.") from error
    except UnidentifiedImageError as error:
        raise InputError(f"{source} is not a picture that can be read (PNG, JPEG, WebP …).") from error
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise InputError(f"{source} cannot be read as a picture: {error}.") from error


def read_mask(source: Source, size: Size = None) -> Tensor:
    """A mask [1, 1, H, W] in {0, 1}: white = edit; in a picture with transparent parts, transparent = edit.

    Raises:
        InputError: also when the mask is empty.
    """
    image = read_photo(source)
    gray = _gray(image)
    alpha = _alpha(image)
    if alpha is not None:
        gray = 255 - alpha
    mask = torch.from_numpy(np.array(_resized(Image.fromarray(gray), size, Image.Resampling.NEAREST)) >= 128)
    if not mask.any():
        raise InputError(f"The mask {_name(source)} is empty: paint white, or erase, where to edit.")
    return mask.float()[None, None]


def read_sketch(source: Source, size: Size = None) -> Tensor:
    """Strokes [1, 1, H, W] in {0, 1}, from dark lines on light or light lines on dark: the rarer is the line.

    Transparent pixels are no strokes.
    """
    image = read_photo(source)
    gray, alpha = _gray(image), _alpha(image)
    solid = np.ones_like(gray, dtype=bool) if alpha is None else alpha >= 128
    dark = (gray < 128) & solid
    # On a transparent ground all lines may be of one tone, then they are the strokes.
    lines = dark if dark.sum() * 2 <= solid.sum() or not (solid & ~dark).any() else solid & ~dark
    if alpha is not None and not dark.any():
        lines = solid
    shares = _resized(Image.fromarray(lines.astype(np.float32)), size, Image.Resampling.BOX)
    return torch.from_numpy(np.array(shares) >= STROKE_SHARE).float()[None, None]


def read_semantic(
    source: Source, size: Size = None, numbering: Literal["auto", "celebamask"] = "auto"
) -> Tensor:
    """Labels [1, H, W], −1 where unknown, from class numbers (gray or palette file) or the display palette.

    Args:
        source: file or picture.
        size: (width, height) to bring it to, nearest.
        numbering: "celebamask" for class numbers in CelebAMask-HQ's own order.
    """
    image = _resized(read_photo(source), size, Image.Resampling.NEAREST)
    try:
        if image.mode in ("L", "P", "I", "I;16", "1"):
            labels = torch.from_numpy(np.array(image).astype(np.int64))[None]
            labels = torch.where(labels == 255, -1, labels)
            if image.mode == "P" and labels.max() >= NUM_LABELS:
                labels = palette_to_labels(_rgb(image)[None])
            check_labels(labels)
        else:
            labels = palette_to_labels(_rgb(image)[None])
    except InputError as error:
        raise InputError(f"{_name(source)}: {error}") from error
    return from_celebamask(labels) if numbering == "celebamask" else labels


def read_color(source: Source, size: Size = None, no_color: NoColor = "none") -> Tensor:
    """A color map [1, 3, H, W] in [-1, 1], 0 where no color is asked for.

    With an alpha channel, opaque pixels are colors, black as well. Without one, `no_color` tells which color
    means none. Mid-gray, which would be 0, is moved by one 8-bit step.
    """
    image = read_photo(source)
    rgb, alpha = _rgb(image).float(), _alpha(image)
    if alpha is not None:
        present = torch.from_numpy(alpha.astype(np.float32) / 255)
    elif no_color == "black":
        present = (rgb > NEAR_BLACK).any(-1).float()
    elif no_color == "white":
        present = (rgb < NEAR_WHITE).any(-1).float()
    else:
        present = torch.ones(rgb.shape[:2])
    # Premultiplied, so that pixels without color do not bleed into those with one.
    planes = [*((rgb / 127.5 - 1) * present[..., None]).unbind(-1), present]
    resized = [
        np.array(_resized(Image.fromarray(p.numpy()), size, Image.Resampling.BILINEAR)) for p in planes
    ]
    *colors, weight = (torch.from_numpy(plane) for plane in resized)
    color = torch.stack(colors) / weight.clamp(min=1e-3)
    color = torch.where(color == 0, GRAY_NUDGE, color.clamp(-1, 1))
    return torch.where(weight > 0.5, color, 0.0)[None]


def _gray(image: Image.Image) -> np.ndarray:
    """8-bit gray values [H, W]; 16-bit pictures are scaled."""
    if image.mode.startswith("I"):
        values = np.array(image).astype(np.float64)
        return (values / (257 if values.max() > 255 else 1)).clip(0, 255).astype(np.uint8)
    return np.array(image.convert("RGB").convert("L"))


def _rgb(image: Image.Image) -> Tensor:
    """uint8 [H, W, 3]."""
    return torch.from_numpy(np.array(image.convert("RGBA" if image.has_transparency_data else "RGB")))[
        ..., :3
    ]


def _alpha(image: Image.Image) -> np.ndarray | None:
    """8-bit alpha [H, W], or None where nothing is transparent."""
    if not image.has_transparency_data:
        return None
    alpha = np.array(image.convert("RGBA"))[..., 3]
    return alpha if (alpha < 255).any() else None


def _resized(image: Image.Image, size: Size, resampling: Image.Resampling) -> Image.Image:
    return image if size in (None, image.size) else image.resize(size, resampling)


def _name(source: Source) -> str:
    return "picture" if isinstance(source, Image.Image) else str(source)
