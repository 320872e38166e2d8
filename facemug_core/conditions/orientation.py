"""Orientation of masks, guides, boxes and landmarks: of the upright photo, or of the pixels in its file."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from ..choices import DrawnOn
from ..errors import InputError

TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""The operation that brings a picture upright, by EXIF orientation."""

ON_ITS_SIDE = 5
"""From this EXIF orientation on, width and height are swapped."""

MOST_STRETCH = 1.02
"""Largest ratio of two aspect ratios that count as equal."""

MOST_OF_1 = 1.5
"""Coordinates up to this are shares of the photo's width and height; larger ones are pixels."""

Size = tuple[int, int]
"""(width, height)."""


def raw_size(size: Size, orientation: int) -> Size:
    """The size of a photo in its file, from that of the upright photo."""
    return size[::-1] if orientation >= ON_ITS_SIDE else size


def same_shape(size: Size, other: Size) -> bool:
    """Whether two pictures have about the same aspect ratio."""
    ratio = size[0] * other[1] / (size[1] * other[0])
    return max(ratio, 1 / ratio) <= MOST_STRETCH


def turned_along(
    image: Image.Image, name: str, says: bool, photo_size: Size, orientation: int, drawn_on: DrawnOn | None
) -> Image.Image:
    """A picture that belongs to a photo, turned upright together with the photo.

    Args:
        image: with its own EXIF orientation applied.
        name: the name of its file, for errors.
        says: whether its own EXIF has an orientation.
        photo_size: of the upright photo.
        orientation: EXIF orientation of the photo's file.
        drawn_on: what the picture was drawn on, if known.

    Raises:
        InputError: `drawn_on` is needed.
    """
    if orientation not in TURNS:
        return image
    fits = same_shape(image.size, raw_size(photo_size, orientation)), same_shape(image.size, photo_size)
    if _is_raw(name, fits, "turned" if says else drawn_on, orientation):
        return image.transpose(TURNS[orientation])
    return image


def points_along(
    points: ArrayLike, name: str, photo_size: Size, orientation: int, drawn_on: DrawnOn | None
) -> NDArray[np.float64]:
    """Points `[N, 2]` as (x, y) in pixels of the upright photo, from pixels or shares of its size.

    Arguments and errors as `turned_along`.
    """
    found = np.asarray(points, np.float64)
    if found.ndim != 2 or found.shape[1] != 2 or len(found) == 0:
        return found
    shares = bool(np.abs(found).max() <= MOST_OF_1)
    if orientation not in TURNS:
        return found * photo_size if shares else found
    width, height = raw_size(photo_size, orientation)
    fits = bool((found <= (width, height)).all()), bool((found <= photo_size).all())
    raw = _is_raw(name, fits, drawn_on, orientation)
    if shares:
        found = found * ((width, height) if raw else photo_size)
    if not raw:
        return found
    x, y = found.T
    mirrored_x, mirrored_y = width - x, height - y
    upright = {
        2: (mirrored_x, y), 3: (mirrored_x, mirrored_y), 4: (x, mirrored_y), 5: (y, x), 6: (mirrored_y, x),
        7: (mirrored_y, mirrored_x), 8: (y, mirrored_x),
    }[orientation]  # fmt: skip
    return np.stack(upright, 1)


def boxes_along(
    boxes: Sequence[tuple[float, float, float, float]],
    photo_size: Size,
    orientation: int,
    drawn_on: DrawnOn | None,
) -> list[tuple[float, float, float, float]]:
    """Boxes (left, top, right, bottom) in the upright photo. Arguments and errors as `turned_along`."""
    turned = []
    for x0, y0, x1, y1 in boxes:
        corners = points_along([(x0, y0), (x1, y1)], "the box", photo_size, orientation, drawn_on)
        (left, top), (right, bottom) = corners.min(0).tolist(), corners.max(0).tolist()
        turned.append((left, top, right, bottom))
    return turned


def _is_raw(name: str, fits: tuple[bool, bool], drawn_on: DrawnOn | None, orientation: int) -> bool:
    """Whether it was drawn on the file's pixels; `fits`: its shape fits (the file, the upright photo)."""
    as_raw, as_turned = fits
    if as_raw != as_turned:
        return as_raw
    if drawn_on is None:
        raise InputError(
            f"The photo's file has EXIF orientation {orientation}, so programs rotate it. It is unknown "
            f"whether {name} was made on the rotated photo or on the file's pixels. Give --drawn-on turned "
            "(most programs show it so), or --drawn-on raw."
        )
    return drawn_on == "raw"
