"""Photos, masks and guides as people have them, read from picture files onto one grid.

Sizes are (width, height), as in Pillow; `None` keeps the picture's own. Every reader raises `InputError` with
the path and what was found.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..errors import InputError
from .files import (
    Size,
    Source,
    alpha_of,
    fit_warnings,
    gray_of,
    name_of,
    picture_files,
    read_beside,
    read_photo,
    resized,
    resized_plane,
    rgb_of,
    stretch_warnings,
)
from .masks import read_mask
from .semantic import check_labels, from_celebamask, palette_to_labels

__all__ = [
    "Source", "fit_warnings", "picture_files", "read_beside", "read_color", "read_mask", "read_photo",
    "read_semantic", "read_sketch", "stretch_warnings",
]  # fmt: skip

NoColor = Literal["none", "black", "white"]
Numbering = Literal["auto", "labels", "palette", "celebamask"]

NUMBER_MODES = ("1", "L", "P", "I", "I;16")
"""Pillow modes with one number per pixel."""

UNKNOWN_NUMBER = 255
"""Number of pixels without a class in many data sets."""

NEAR_BLACK, NEAR_WHITE = 10, 245
"""8-bit values up to which black, and from which white, stand for "no color here"."""

GRAY_NUDGE = 1 / 255
"""Value of mid-gray 128 in [-1, 1]; it stands for exactly 0, which would mean "no color here"."""


def read_sketch(source: Source, size: Size = None) -> Tensor:
    """Strokes `[1, 1, H, W]` in {0, 1}, from dark lines on light or light lines on dark: the rarer tone.

    Transparent pixels are no strokes; all paint on a transparent ground is a stroke if it has one tone. When
    the picture shrinks, a pixel is a stroke if any stroke touches it, so that thin lines survive.
    """
    image = read_photo(source)
    strokes = _strokes(gray_of(image), alpha_of(image))
    shares = resized(Image.fromarray(strokes.astype(np.float32)), size, Image.Resampling.BOX)
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
    image = resized(read_photo(source), size, Image.Resampling.NEAREST)
    try:
        if numbering == "palette":
            return _palette_labels(image)
        if numbering == "auto" and image.mode not in NUMBER_MODES:
            return _palette_labels(image)
        if numbering == "auto" and image.mode == "P":
            return _palette_file_labels(image)
        labels = _numbers(image)
    except InputError as error:
        raise InputError(f"{name_of(source)}: {error}") from error
    return from_celebamask(labels) if numbering == "celebamask" else labels


def read_color(source: Source, size: Size = None, no_color: NoColor = "none") -> Tensor:
    """A color map `[1, 3, H, W]` in [-1, 1], all zero where no color is asked for.

    In a picture with transparent parts, opaque pixels are colors, black as well. Otherwise `no_color` tells
    which color means none. No channel of a color is exactly 0 (`GRAY_NUDGE`).
    """
    image = read_photo(source)
    rgb = rgb_of(image)
    present = _color_shares(rgb, alpha_of(image), no_color)
    weight = resized_plane(present, size)
    none = weight <= 0.5
    color = torch.empty(1, 3, *weight.shape)
    # A channel at a time: all at once would take most of a gigabyte for a camera's photo.
    for result, values in zip(color[0], rgb.unbind(-1), strict=True):
        # Premultiplied, so that pixels without color do not bleed into those with one.
        plane = resized_plane((values / 127.5).sub_(1).mul_(present), size).div_(weight.clamp(min=1e-3))
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
    colors, alpha = rgb_of(image), alpha_of(image)
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
        colors = rgb_of(image)
        if (colors != colors[..., :1]).any():
            raise InputError("Expected class numbers in a gray picture or palette file, but got colors.")
        numbers = colors[None, ..., 0].long()
    labels = torch.where(numbers == UNKNOWN_NUMBER, -1, numbers)
    check_labels(labels)
    return labels
