"""Pasting an edited crop into its photo, and masks between crop and photo.

A photo pixel whose mask is 0 keeps its bits. Results are therefore selected from the caller's tensor, without
any conversion of range or type.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ..conventions import WORKING_SIZE
from ..errors import InputError
from .alignment import BAND_PIXELS, Matrix, covered, inverse, resample, translation
from .regions import distance_to


def paste(
    photo: Tensor, crop: Tensor, mask: Tensor, matrix: Matrix, feather: int = 0, opacity: float = 1.0
) -> Tensor:
    """Paste a crop into a photo, inside a mask.

    Args:
        photo: `[B, C, H, W]`, any type; integers are rounded to.
        crop: `[B, C, h, w]`, floating point, in the value range of the photo.
        mask: `[B or 1, 1, H, W]`, 1 = take the crop, 0 = keep the photo, in between = blend.
        matrix: the alignment matrix, crop pixel → photo pixel.
        feather: width in photo pixels of the blend from photo to crop, inwards from the edge of the mask, or
            of the crop if the mask exceeds it. A softer mask takes precedence.
        opacity: share of the crop, 0 to 1.

    Returns:
        A new tensor like `photo`. Pixels with mask 0 and pixels beyond the crop have the photo's bits; at
        opacity 0 all have.

    Raises:
        InputError: the opacity or the feather is out of range.
    """
    if not (0 <= opacity <= 1 and feather >= 0):  # also catches NaN
        raise InputError(
            f"The opacity must lie between 0 and 1 and the feather be 0 or more, but they are {opacity} and "
            f"{feather}."
        )
    result = photo.clone()
    size, crop_size = (photo.shape[2], photo.shape[3]), (crop.shape[2], crop.shape[3])
    # Only the crop's part of the photo is computed: a small face under a large mask would take minutes.
    top, bottom, left, right = _shared(_bounds(mask), _reach(matrix, crop_size, size))
    if opacity == 0 or top >= bottom or left >= right:
        return result

    to_crop = inverse(matrix)
    band = max(1, BAND_PIXELS // (right - left), feather)
    for y in range(top, bottom, band):
        end = min(bottom, y + band)
        first, last = max(top, y - feather), min(bottom, end + feather)  # what the ramp can depend on
        within = covered(to_crop @ translation(left, first), (last - first, right - left), crop_size)
        weight = mask[..., first:last, left:right].float() * within.to(mask.device)
        weight = torch.minimum(weight, _ramp(weight > 0, feather)).mul_(opacity)[
            ..., y - first : end - first, :
        ]
        new = resample(crop, to_crop @ translation(left, y), (end - y, right - left))
        place = (..., slice(y, end), slice(left, right))
        result[place] = _blend(photo[place], _as_type(new, photo.dtype), weight)
    return result


def _blend(old: Tensor, new: Tensor, weight: Tensor) -> Tensor:
    """old + weight · (new − old); where the weight is 0 or 1, the bits of old or new."""
    blended = _as_type(torch.lerp(old.float(), new.float(), weight), old.dtype)
    return torch.where(weight == 0, old, torch.where(weight == 1, new, blended))


def mask_to_crop(mask: Tensor, matrix: Matrix, size: int = WORKING_SIZE) -> Tensor:
    """A photo's mask `[B, 1, H, W]` as the crop's mask `[B, 1, size, size]` in {0, 1}.

    Every crop pixel that the mask touches is edited, so that each masked photo pixel gets new content.
    """
    # Rounding leaves values of a millionth next to the mask; one pixel of a huge photo gives more.
    return (resample(mask > 0, matrix, (size, size), border="zeros", mode="bilinear") > 1e-4).float()


def mask_to_photo(mask: Tensor, matrix: Matrix, photo_size: tuple[int, int]) -> Tensor:
    """A crop's mask `[B, 1, h, w]` as the photo's `[B, 1, height, width]`, in {0, 1}; 0 beyond the crop."""
    result = torch.zeros(*mask.shape[:2], *photo_size, device=mask.device)
    top, bottom, left, right = _reach(matrix, (mask.shape[2], mask.shape[3]), photo_size)
    if left == right:
        return result
    band = max(1, BAND_PIXELS // (right - left))
    for y in range(top, bottom, band):
        rows = result[..., y : min(y + band, bottom), left:right]
        to_crop = inverse(matrix) @ translation(left, y)
        shares = resample(mask, to_crop, (rows.shape[2], rows.shape[3]), border="zeros", mode="bilinear")
        rows.copy_(shares >= 0.5)
    return result


def beyond_crop(mask: Tensor, matrix: Matrix, size: int = WORKING_SIZE) -> Tensor:
    """The part of a photo's mask `[B, 1, H, W]` outside the crop, which `paste` leaves unchanged."""
    photo_size = (mask.shape[2], mask.shape[3])
    return mask * ~covered(inverse(matrix), photo_size, (size, size)).to(mask.device)


def _ramp(edited: Tensor, feather: int) -> Tensor:
    """Weight of the crop: rises smoothly from the edge of the edited area to 1, `feather` pixels in."""
    share = distance_to(~edited, feather) / (feather + 1)
    return share.square() * (3 - 2 * share)


Bounds = tuple[int, int, int, int]
"""Top, bottom, left, right."""


def _shared(a: Bounds, b: Bounds) -> Bounds:
    """The intersection; empty if bottom ≤ top or right ≤ left."""
    return max(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), min(a[3], b[3])


def _reach(matrix: Matrix, crop_size: tuple[int, int], photo_size: tuple[int, int]) -> Bounds:
    """Bounds of the crop in a photo of this (height, width), with a margin of a pixel."""
    height, width = crop_size
    corners = matrix[:2] @ np.array([[0, width, 0, width], [0, 0, height, height], [1, 1, 1, 1]])
    limit = photo_size[::-1]
    left, top = (np.floor(corners.min(1)) - 1).clip(0, limit).astype(int).tolist()
    right, bottom = (np.ceil(corners.max(1)) + 1).clip(0, limit).astype(int).tolist()
    return top, bottom, left, right


def _bounds(mask: Tensor) -> Bounds:
    """Bounds of the mask, with a margin of a pixel; all 0 if it is empty."""
    edited = (mask > 0).any(0).any(0)
    rows, columns = edited.any(1).nonzero()[:, 0], edited.any(0).nonzero()[:, 0]
    if len(rows) == 0:
        return 0, 0, 0, 0
    height, width = edited.shape
    return (
        max(0, int(rows[0]) - 1),
        min(height, int(rows[-1]) + 2),
        max(0, int(columns[0]) - 1),
        min(width, int(columns[-1]) + 2),
    )


def _as_type(values: Tensor, dtype: torch.dtype) -> Tensor:
    """Convert to a type; integers are rounded and clamped."""
    if dtype.is_floating_point:
        return values.to(dtype)
    limits = torch.iinfo(dtype)
    return values.round().clamp(limits.min, limits.max).to(dtype)
