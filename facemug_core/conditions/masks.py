"""Masks from gray pictures, photos with an erased part, and paint on a transparent layer."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from ..errors import NothingToEditError
from .files import Size, Source, alpha_of, gray_of, name_of, read_photo, resized, unheard

NEAR_END = 1 / 128
"""Tolerance at 0 and 1 for values that hosts and files have rounded."""

FEW_COLORS = 4
"""Largest number of colors of paint, ..."""
PAINT_SHARE = 0.95
"""... which this share of its pixels have; photos have more."""

COLOR_STEP = 32
"""8-bit values that count as one color, because brushes and JPEG vary slightly."""

WHITE_PAINT = 250
"""Gray from which on paint is white, as in a mask."""


def snapped(mask: Tensor) -> Tensor:
    """A mask in [0, 1] with values near 0 or 1 rounded to them."""
    return torch.where(mask <= NEAR_END, 0.0, torch.where(mask >= 1 - NEAR_END, 1.0, mask))


def is_soft(mask: Tensor) -> bool:
    """Whether a mask has values between 0 and 1."""
    return bool(((mask > 0) & (mask < 1)).any())


def read_mask(source: Source, size: Size = None, say: Callable[[str], None] = unheard) -> Tensor:
    """A mask `[1, 1, H, W]` in [0, 1]: white = edit, gray = blend edit and photo.

    In a picture with transparent parts, these are the mask, as in photos with an erased part. In a layer of
    paint on transparency, the paint is the mask. Otherwise gray values are the mask.

    Args:
        source: file or picture.
        size: (width, height) to bring it to.
        say: called with a warning if the mask is ambiguous.

    Raises:
        InputError: the file is no picture.
        NothingToEditError: the mask is empty.
    """
    image = read_photo(source)
    alpha = alpha_of(image)
    values = gray_of(image) if alpha is None else _shown_by_alpha(image, alpha, name_of(source), say)
    picture = Image.fromarray(values)
    soft = bool(((values > 2) & (values < 253)).any())
    brought = resized(picture, size, Image.Resampling.BILINEAR if soft else Image.Resampling.NEAREST)
    mask = snapped(torch.from_numpy(np.array(brought)) / 255)
    if not mask.any():
        raise NothingToEditError(
            f"The mask {name_of(source)} is empty: paint white, or erase, where to edit."
        )
    return mask[None, None]


def _shown_by_alpha(
    image: Image.Image, alpha: NDArray[np.uint8], name: str, say: Callable[[str], None]
) -> NDArray[np.uint8]:
    """8-bit values `[H, W]` of a mask in a picture of which parts are transparent."""
    paint = alpha > (127 if (alpha > 127).any() else 0)
    much = 2 * (alpha > 0).sum() > alpha.size
    colors = np.array(image.convert("RGB"))[paint]
    if not _few(colors):
        return 255 - alpha
    white = bool((colors >= WHITE_PAINT).all(-1).mean() > PAINT_SHARE)
    if much and not white:
        return 255 - alpha
    if much:
        say(
            f"{name} is white on transparency: what is white is edited. To edit the rest, fill it with black."
        )
    return alpha


def _few(colors: NDArray[np.uint8]) -> bool:
    """Whether nearly all of the colors `[N, 3]` are alike to one of a few."""
    steps = (colors.astype(np.int64) + COLOR_STEP // 2) // COLOR_STEP
    _, counts = np.unique(steps @ (1, 32, 1024), return_counts=True)
    return bool(np.sort(counts)[-FEW_COLORS:].sum() >= PAINT_SHARE * len(colors))
