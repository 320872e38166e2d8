"""Alignment of faces to the FFHQ crop, and resampling.

Convention: an alignment matrix is a 3×3 float64 array that maps crop pixel → photo pixel, (x, y, 1) order,
with pixel centers at .5; a picture's top left corner is (0, 0), its bottom right corner (width, height).
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from ..conditions.sketches import gaussian_blur
from ..conventions import WORKING_SIZE
from ..errors import InputError

Matrix = NDArray[np.float64]
Border = Literal["reflect", "zeros"]
Mode = Literal["bicubic", "bilinear"]

MESH_POINTS = 468
"""Points of the face mesh; further ones (irises) are ignored."""

BAND_PIXELS = 2**18
"""Samples in a band of a large picture: bands take less memory and fit the cache."""

SHRUNK_BAND_PIXELS = 2**22
"""Pixels in a band when large pictures are shrunk, for memory."""

SHRINK_MARGIN = 3
"""Reach of the low-pass filter, in pixels of the shrunk picture."""

# Mesh points nearest to the twelve eye points and two mouth corners of the 68-point scheme that made FFHQ,
# left and right as seen in the picture.
LEFT_EYE = (33, 160, 158, 133, 153, 144)
RIGHT_EYE = (362, 385, 387, 263, 373, 380)
MOUTH_CORNERS = (61, 291)

FADE_REACH = 0.3
"""Distance beyond the photo, in sides of the crop, where its reflection has faded to one color (FFHQ)."""

FADE_BLUR = 0.02
"""Standard deviation of the blur beyond the photo, in sides of the crop, as in FFHQ."""

EYES_AND_MOUTH = {
    4: ((0,), (1,), (2, 3)),
    5: ((0,), (1,), (3, 4)),
    68: (range(36, 42), range(42, 48), (48, 54)),
    MESH_POINTS: (LEFT_EYE, RIGHT_EYE, MOUTH_CORNERS),
}
"""Indices of eyes and mouth corners by the number of landmarks: eyes and corners alone; with the nose; FFHQ's
scheme; the mesh."""

EYE_SPACING = 0.98
"""Distance of the eye centers in FFHQ's scheme as a share of that in the mesh; measured on FFHQ faces."""

# The template of FFHQ: half the crop's side is the larger of these two multiples; the last number is the
# position of its center between eyes (0) and mouth (1).
EYE_DISTANCE_FACTOR = 2.0
EYE_TO_MOUTH_FACTOR = 1.8
CENTER_SHARE = 0.1


def alignment_matrix(landmarks: ArrayLike, size: int = WORKING_SIZE) -> Matrix:
    """Alignment matrix of a face, from its landmarks.

    Args:
        landmarks: `[N, 2]`, (x, y) in photo pixels: eyes and mouth corners (4), these with the nose between
            them (5), the 68-point scheme, or the mesh (468 or more). Either eye may be the first.
        size: side of the crop in pixels.

    Raises:
        InputError: the landmarks are incomplete.
    """
    points = np.asarray(landmarks, dtype=np.float64)
    count = min(len(points), MESH_POINTS) if points.ndim == 2 and points.shape[1] == 2 else 0
    if count not in EYES_AND_MOUTH:
        raise InputError(
            f"Expected {MESH_POINTS} face landmarks (or 68, 5 or 4) with x and y each, but got an array of "
            f"shape {points.shape}. Give both eyes and mouth corners by hand, or an already aligned photo."
        )
    left, right, mouth = (points[list(indices)] for indices in EYES_AND_MOUTH[count])
    eyes = np.stack([left.mean(0), right.mean(0)])
    if count == MESH_POINTS:
        eyes = eyes.mean(0) + EYE_SPACING * (eyes - eyes.mean(0))
    (x, y), (down_x, down_y) = eyes[1] - eyes[0], mouth.mean(0) - eyes.mean(0)
    if x * down_y < y * down_x:  # the mouth is above the eyes: these are swapped
        eyes = eyes[::-1]
    return matrix_from_points(eyes, mouth, size)


def matrix_from_points(eyes: ArrayLike, mouth: ArrayLike, size: int = WORKING_SIZE) -> Matrix:
    """Alignment matrix from four points: the FFHQ template (Karras et al. 2019, appendix C).

    Args:
        eyes: `[2, 2]`, centers of the eyes in photo pixels, the one on the picture's left first.
        mouth: `[2, 2]`, corners of the mouth, likewise.
        size: side of the crop in pixels.

    Raises:
        InputError: a coordinate is not a number, or the points coincide.
    """
    eyes, mouth = np.asarray(eyes, dtype=np.float64), np.asarray(mouth, dtype=np.float64)
    center_of_eyes = eyes.mean(0)
    between_eyes = eyes[1] - eyes[0]
    to_mouth = mouth.mean(0) - center_of_eyes
    right = between_eyes + np.array(
        [to_mouth[1], -to_mouth[0]]
    )  # the eye line, stabilized by the eye-to-mouth line
    length = np.hypot(*right)
    if not length > 0:  # also catches NaN
        raise InputError(
            "Expected eyes and mouth corners at different places, but the points coincide or are missing."
        )
    half_side = max(EYE_DISTANCE_FACTOR * np.hypot(*between_eyes), EYE_TO_MOUTH_FACTOR * np.hypot(*to_mouth))
    right *= half_side / length
    down = np.array([-right[1], right[0]])
    corner = center_of_eyes + CENTER_SHARE * to_mouth - right - down
    matrix = np.eye(3)
    matrix[:2] = np.stack([2 * right / size, 2 * down / size, corner], axis=1)
    return matrix


def aligned_matrix(photo_size: tuple[int, int], size: int = WORKING_SIZE) -> Matrix:
    """Alignment matrix of an already aligned photo of this (height, width).

    The crop is the smallest square around it; for a photo of the crop's size the matrix is the identity.
    """
    height, width = photo_size
    scale = max(height, width) / size
    return np.array(
        [[scale, 0.0, (width - scale * size) / 2], [0.0, scale, (height - scale * size) / 2], [0.0, 0.0, 1.0]]
    )


def inverse(matrix: Matrix) -> Matrix:
    """The matrix photo pixel → crop pixel."""
    return np.asarray(np.linalg.inv(matrix), dtype=np.float64)


def scale_of(matrix: Matrix) -> float:
    """Width of a crop pixel in photo pixels."""
    return math.sqrt(abs(np.linalg.det(matrix[:2, :2])))


def translation(x: float, y: float) -> Matrix:
    """The shift by (x, y)."""
    return np.array([[1.0, 0.0, x], [0.0, 1.0, y], [0.0, 0.0, 1.0]])


def align(photo: Tensor, matrix: Matrix, size: int = WORKING_SIZE) -> Tensor:
    """The aligned crop `[B, C, size, size]` (float32) of a photo `[B, C, H, W]`, in the photo's value range.

    Beyond the photo, the crop shows its reflection, which fades to blur and the crop's median color, as in
    FFHQ. `covered` marks the photo's pixels.
    """
    crop = resample(photo, matrix, (size, size))
    far = _beyond(matrix, size, (photo.shape[2], photo.shape[3])).to(crop) / FADE_REACH
    if not far.any():
        return crop
    soft = gaussian_blur(crop.flatten(0, 1)[:, None], FADE_BLUR * size).view_as(crop)
    median = crop.flatten(2).median(2).values[..., None, None]
    soft = torch.lerp(crop, soft, (3 * far).clamp(max=1))
    return torch.where(far > 0, torch.lerp(soft, median, far.clamp(max=1)), crop)


def _beyond(matrix: Matrix, size: int, source_size: tuple[int, int]) -> Tensor:
    """Distance `[size, size]` of a crop's pixels beyond the photo, as a share of the crop's side."""
    height, width = source_size
    x, y = mapped_pixels(matrix, (size, size))
    outside = torch.maximum(torch.maximum(-x, x - width), torch.maximum(-y, y - height)).clamp_(min=0)
    return outside / (size * math.hypot(*matrix[:2, 0]))


def covered(matrix: Matrix, size: tuple[int, int], source_size: tuple[int, int]) -> Tensor:
    """Pixels of a picture of `size` (height, width) that have a source: bool `[1, 1, height, width]`.

    `matrix` maps pixel → source pixel; sources are inside `source_size` (height, width).
    """
    height, width = source_size
    band = max(1, BAND_PIXELS // size[1])
    inside = torch.empty(size, dtype=torch.bool)
    for top in range(0, size[0], band):
        rows = inside[top : top + band]
        x, y = mapped_pixels(matrix, (len(rows), size[1]), top)
        rows.copy_((x >= 0) & (x <= width) & (y >= 0) & (y <= height))
    return inside[None, None]


def resample(
    image: Tensor,
    matrix: Matrix,
    size: tuple[int, int],
    border: Border = "reflect",
    mode: Mode = "bicubic",
) -> Tensor:
    """Resample `image` `[B, C, H, W]` to `size` (height, width), as float32 in the same value range.

    `matrix` maps output pixel → image pixel. Shrinking is preceded by a low-pass filter. A shift by whole
    pixels copies exactly. Results stay inside the range of the values. Bicubic is sharper; bilinear has no
    negative weights (for masks). Only the needed part of the image is read.
    """
    height, width = size
    shift = matrix[:2, 2]
    if np.array_equal(matrix[:2, :2], np.eye(2)) and np.array_equal(shift, np.round(shift)):
        return _cut(image, int(shift[0]), int(shift[1]), width, height, border)

    scale = scale_of(matrix)
    shrink = max(1, int(scale))
    corners = matrix[:2] @ np.array([[0, width, 0, width], [0, 0, height, height], [1, 1, 1, 1]])
    margin = SHRINK_MARGIN * shrink
    x0, y0 = (int(v) for v in np.floor(corners.min(1)) - margin)
    columns, rows = (math.ceil(v / shrink) for v in corners.max(1) + margin - (x0, y0))
    region, low, high = _shrunk(image, (x0, y0), (rows, columns), shrink, border, mode)

    samples = max(1, math.ceil(scale / shrink - 0.2))  # per output pixel and direction, averaged
    to_region = np.diag([1 / shrink, 1 / shrink, 1]) @ translation(-x0, -y0) @ matrix
    fine = to_region @ np.diag([1 / samples, 1 / samples, 1])
    band = max(1, BAND_PIXELS // (width * samples**2))
    drawn = [
        _draw(region, fine @ translation(0, top * samples), (min(band, height - top), width), samples, mode)
        for top in range(0, height, band)
    ]
    return torch.cat(drawn, dim=2).clamp_(low, high)


def _shrunk(
    image: Tensor, corner: tuple[int, int], size: tuple[int, int], shrink: int, border: Border, mode: Mode
) -> tuple[Tensor, Tensor, Tensor]:
    """A window of the image, shrunk by a whole number, of `size` (height, width) pixels from `corner` (x, y)
    on; and the least and greatest value of every channel in it."""
    (x, y), (rows, columns) = corner, size
    band = max(1, SHRUNK_BAND_PIXELS // (columns * shrink**2))
    drawn, lows, highs = [], [], []
    for top in range(0, rows, band):
        bottom = min(rows, top + band)
        first, last = max(0, top - SHRINK_MARGIN), min(rows, bottom + SHRINK_MARGIN)
        strip = _cut(image, x, y + first * shrink, columns * shrink, (last - first) * shrink, border)
        lows.append(strip.amin((2, 3), keepdim=True))
        highs.append(strip.amax((2, 3), keepdim=True))
        if shrink > 1:
            strip = F.interpolate(strip, (last - first, columns), mode=mode, antialias=True)
        drawn.append(strip[:, :, top - first : bottom - first])
    region = torch.cat(drawn, 2) if len(drawn) > 1 else drawn[0]
    return region, torch.stack(lows).amin(0), torch.stack(highs).amax(0)


def _draw(region: Tensor, fine: Matrix, size: tuple[int, int], samples: int, mode: Mode) -> Tensor:
    """Pixels of a band; `fine` maps sample → region pixel."""
    x, y = mapped_pixels(fine, (size[0] * samples, size[1] * samples))
    rows, columns = region.shape[2:]
    grid = torch.stack([2 * x / columns - 1, 2 * y / rows - 1], dim=-1).to(region.device, torch.float32)
    grid = grid.expand(region.shape[0], -1, -1, -1)
    drawn = F.grid_sample(region, grid, mode=mode, padding_mode="zeros", align_corners=False)
    return F.avg_pool2d(drawn, samples) if samples > 1 else drawn


def mapped_pixels(matrix: Matrix, size: tuple[int, int], top: int = 0) -> tuple[Tensor, Tensor]:
    """x and y (float64 `[height, width]`) of the mapped pixel centers from row `top` on."""
    height, width = size
    y = torch.arange(top, top + height, dtype=torch.float64) + 0.5
    x = torch.arange(width, dtype=torch.float64) + 0.5
    (a, b, c), (d, e, f), _ = matrix.tolist()
    return a * x + (b * y + c)[:, None], d * x + (e * y + f)[:, None]


def _cut(image: Tensor, x0: int, y0: int, width: int, height: int, border: Border) -> Tensor:
    """A window of the image as float32 `[B, C, height, width]`; it may exceed the image."""
    rows, rows_inside = _border_indices(y0, height, image.shape[2])
    columns, columns_inside = _border_indices(x0, width, image.shape[3])
    top, left = int(rows.min()), int(columns.min())
    window = image[:, :, top : int(rows.max()) + 1, left : int(columns.max()) + 1]
    window = window.to(torch.float32, memory_format=torch.contiguous_format)
    if bool(rows_inside.all() and columns_inside.all()):
        return window
    window = window.index_select(2, (rows - top).to(image.device))
    window = window.index_select(3, (columns - left).to(image.device))
    return window * (rows_inside[:, None] & columns_inside).to(image.device) if border == "zeros" else window


def _border_indices(start: int, count: int, length: int) -> tuple[Tensor, Tensor]:
    """Indices of a run of pixels, reflected into the picture, and which of them are inside it."""
    wanted = torch.arange(start, start + count)
    folded = wanted % (2 * length)
    return torch.minimum(folded, 2 * length - 1 - folded), (wanted >= 0) & (wanted < length)
