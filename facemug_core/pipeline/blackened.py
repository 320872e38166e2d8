"""Photos that are black under their mask, as some editors export them."""

from __future__ import annotations

from torch import Tensor

from ..photo import Photo

BLACK = 8
"""Highest 8-bit value that counts as painted black: JPEG leaves values above 0."""

BLACKENED = (
    "The photo is black under its mask, as some editors export it. What is there helps to find the face: "
    "give the untouched photo, and the mask apart from it."
)
BLACKENED_FACE = (
    "Much of the face whose style is taken is black. If a mask was painted over it, give the untouched "
    "photo: the style would be that of the black, too."
)


def is_black(photo: Photo, mask: Tensor) -> bool:
    """Whether a photo is black all over its mask `[1, 1, H, W]`; not if the mask is empty."""
    masked = mask > 0
    count = int(masked.sum())
    black = sum(int(((channel <= BLACK) & masked[0, 0]).sum()) for channel in photo.rgb[0])
    # Some pixels of the mask's edge are half covered.
    return count > 0 and black > 0.95 * 3 * count


def is_black_face(crop: Tensor) -> bool:
    """Whether the middle of a crop `[1, 3, 256, 256]` in [-1, 1] has more black than shadows explain."""
    side = crop.shape[-1]
    middle = crop[..., side // 4 : side - side // 4, side // 4 : side - side // 4]
    return float(((middle + 1) * 127.5 <= BLACK).all(1).float().mean()) > 0.25
