"""Reads photos, masks and guides from picture files onto one grid.

Sizes are (width, height), as in Pillow; `None` keeps the picture's own. Every reader raises `InputError` with
the path and what was found.
"""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..choices import NoColor, Numbering
from .files import (
    Size,
    Source,
    alpha_of,
    fit_warnings,
    picture_files,
    read_beside,
    read_photo,
    resized,
    resized_plane,
    rgb_of,
    sheer_alpha_of,
    sketchable,
    stretch_warnings,
)
from .label_maps import read_semantic
from .masks import read_mask
from .strokes import strokes_of

__all__ = [
    "Numbering", "Source", "fit_warnings", "picture_files", "read_beside", "read_color", "read_mask",
    "read_opacity", "read_photo", "read_semantic", "read_sketch", "stretch_warnings",
]  # fmt: skip

NEAR_BLACK, NEAR_WHITE = 10, 245
"""8-bit values up to which black, and from which white, stand for "no color here"."""

GRAY_NUDGE = 1 / 255
"""Value of mid-gray 128 in [-1, 1]; it stands for exactly 0, which would mean "no color here"."""


def read_sketch(source: Source, size: Size = None) -> Tensor:
    """Strokes `[1, 1, H, W]` in {0, 1}: pixels that differ from the ground, in any colors.

    On a transparent ground, all paint is strokes. If the picture shrinks, a pixel is a stroke if any stroke
    touches it, so that thin lines survive.
    """
    image = read_photo(source)
    strokes = strokes_of(sketchable(image), alpha_of(image))
    shares = resized(Image.fromarray(strokes.astype(np.float32)), size, Image.Resampling.BOX)
    return (torch.from_numpy(np.array(shares)) > 0).float()[None, None]


def read_color(source: Source, size: Size = None, no_color: NoColor = "none") -> Tensor:
    """A color map `[1, 3, H, W]` in [-1, 1], zero where there is no color.

    In a picture with transparent parts, all other parts have colors, with the weight of `read_opacity`. In
    other pictures `no_color` is the color that means none. No channel of a color is exactly 0 (`GRAY_NUDGE`).
    """
    image = read_photo(source)
    rgb = rgb_of(image)
    alpha = sheer_alpha_of(image)
    present = _color_shares(rgb, no_color) if alpha is None else _shares(alpha)
    weight = resized_plane(present, size)
    none = (weight if alpha is None else resized_plane((present > 0).float(), size)) <= 0.5
    color = torch.empty(1, 3, *weight.shape)
    # Channel by channel: all at once would take almost a gigabyte for a camera's photo.
    for result, values in zip(color[0], rgb.unbind(-1), strict=True):
        # Premultiplied, so that pixels without color do not bleed into others.
        plane = resized_plane((values / 127.5).sub_(1).mul_(present), size).div_(weight.clamp(min=1e-3))
        plane.clamp_(-1, 1).masked_fill_(plane == 0, GRAY_NUDGE)
        result.copy_(plane.masked_fill_(none, 0.0))
    return color


def read_opacity(source: Source, size: Size = None) -> Tensor | None:
    """Weights `[1, 1, H, W]` in [0, 1] of the colors of a color map: their alpha. None without alpha."""
    alpha = sheer_alpha_of(read_photo(source))
    if alpha is None:
        return None
    opacity = _shares(alpha)
    covered = resized_plane((opacity > 0).float(), size).clamp(min=1e-3)
    return (resized_plane(opacity, size) / covered).clamp(0, 1)[None, None]


def _shares(alpha: np.ndarray) -> Tensor:
    """8-bit alpha in [0, 1]."""
    return torch.from_numpy(alpha.astype(np.float32) / 255)


def _color_shares(rgb: Tensor, no_color: NoColor) -> Tensor:
    """Float32 `[H, W]`: 1 for colors, 0 for the color that means none."""
    if no_color == "black":
        return (rgb > NEAR_BLACK).any(-1).float()
    if no_color == "white":
        return (rgb < NEAR_WHITE).any(-1).float()
    return torch.ones(rgb.shape[:2])
