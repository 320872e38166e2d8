"""Strokes of a drawing: pixels that differ from its ground, in any colors."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

VISIBLE = 12
"""Least 8-bit difference of a stroke from a clean ground."""

NOISE_FACTOR = 4
"""Least difference of a stroke from a noisy ground, as a multiple of the noise."""

MOST_NOISE = 40
"""Largest difference of noise from the ground."""

EDGE_REACH, EDGE_SHARE = 2, 1 / 2
"""A soft edge is within this distance of a stroke, with less than this share of its contrast."""
RINGING_REACH, RINGING_SHARE = 8, 1 / 6
"""Ringing of compression is within this distance of a stroke, with less than this share of its contrast."""
COMPRESSED_SHARE = 1 / 10
"""Least share of slightly differing ground near strokes in compressed drawings."""

EVEN_SHARE = 1 / 2
"""Share of the commonest color above which it is the color of the whole ground."""
BIN = 16
"""8-bit values that count as one in the search for the commonest color."""
TILES = 24
"""Tiles along each side, whose medians give the ground's shading."""
SHADING, SHADING_LEFT = 64, 20
"""Largest difference of the ground from its commonest color, and from the fitted smooth shading."""
LEAST_TILES = 12


def strokes_of(rgb: NDArray[np.uint8], alpha: NDArray[np.uint8] | None) -> NDArray[np.bool_]:
    """Strokes, bool `[H, W]`, of a drawing `[H, W, 3]`, with its alpha `[H, W]` if parts are transparent.

    On a transparent layer all paint is strokes, unless most of the layer is a sheet with a drawing on it.
    """
    if alpha is None:
        return standing_out(_contrast(rgb, np.ones(rgb.shape[:2], bool)))
    sheet = alpha >= 128
    if 2 * sheet.sum() > sheet.size:
        drawn = standing_out(_contrast(rgb, sheet))
        if drawn.any():
            return drawn
    return standing_out(alpha)


def standing_out(contrast: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Strokes in differences from the ground `[H, W]`, without noise and soft edges."""
    values = torch.from_numpy(contrast)[None, None].float()
    ground = contrast[contrast <= MOST_NOISE]
    threshold = max(VISIBLE, NOISE_FACTOR * float(np.median(ground)) if ground.size else 0)
    stroke = (values >= threshold) & (values >= EDGE_SHARE * _highest_near(values, EDGE_REACH))
    loud = RINGING_SHARE * _highest_near(values, RINGING_REACH)
    beside = values[(values < VISIBLE) & (loud > VISIBLE)]
    if (beside > 1).sum() > COMPRESSED_SHARE * len(beside):
        stroke &= values >= loud
    return np.asarray(stroke[0, 0].numpy())


def _highest_near(values: torch.Tensor, reach: int) -> torch.Tensor:
    rows = F.max_pool2d(values, (2 * reach + 1, 1), 1, (reach, 0))
    return F.max_pool2d(rows, (1, 2 * reach + 1), 1, (0, reach))


def _contrast(rgb: NDArray[np.uint8], sheet: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Largest difference over channels of a sheet's pixels from its ground; 0 outside the sheet."""
    ground = _ground(rgb, sheet)
    difference = np.zeros(rgb.shape[:2], np.float32)
    for channel in range(3):
        np.maximum(difference, np.abs(rgb[..., channel] - ground[channel]), out=difference)
    return np.where(sheet, difference.round(), 0).astype(np.uint8)


def _ground(rgb: NDArray[np.uint8], sheet: NDArray[np.bool_]) -> list[NDArray[np.float32]]:
    """The ground's color, `[H, W]` for each channel: the commonest color, with a scan's shading."""
    commonest = _commonest(rgb[sheet])
    everywhere = [np.full((1, 1), value, np.float32) for value in commonest]
    if (np.abs(rgb[sheet].astype(np.int16) - np.int16(commonest)) <= 1).all(-1).mean() > EVEN_SHARE:
        return everywhere
    height, width = sheet.shape
    tall, wide = -(-height // TILES), -(-width // TILES)
    points, colors = [], []
    for top in range(0, height, tall):
        for left in range(0, width, wide):
            tile = (slice(top, top + tall), slice(left, left + wide))
            if sheet[tile].all():
                colors.append(np.median(rgb[tile].reshape(-1, 3), axis=0))
                points.append(((top + tall / 2) / height, (left + wide / 2) / width))
    near = np.array([np.abs(color - commonest).max() <= SHADING for color in colors], bool)
    if near.sum() < LEAST_TILES:
        return everywhere
    terms, values = _terms(*np.array(points)[near].T), np.array(colors)[near]
    for _ in range(2):  # again without tiles that have strokes
        shading = np.linalg.lstsq(terms, values, rcond=None)[0]
        left_over = np.abs(terms @ shading - values).max(1) <= SHADING_LEFT
        if left_over.sum() < LEAST_TILES:
            break
        terms, values = terms[left_over], values[left_over]
    y, x = (np.arange(height) + 0.5) / height, (np.arange(width) + 0.5) / width
    a, b, c, d, e, f = shading.astype(np.float32)
    return [
        (a[k] + b[k] * y + d[k] * y**2).astype(np.float32)[:, None]
        + (c[k] * x + e[k] * x**2).astype(np.float32)
        + (f[k] * y[:, None] * x).astype(np.float32)
        for k in range(3)
    ]


def _terms(y: NDArray[np.float64], x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.stack([np.ones_like(y), y, x, y**2, x**2, x * y], 1)


def _commonest(colors: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The center of the densest cluster of colors `[N, 3]`."""
    bins = colors // BIN
    side = 256 // BIN
    counts = np.bincount((bins.astype(np.int64) @ (side * side, side, 1)), minlength=side**3)
    cube = torch.from_numpy(counts).double().view(1, 1, side, side, side)
    around = F.avg_pool3d(cube, 3, 1, 1, count_include_pad=True).flatten()
    # Ties: the bin with most colors of its own.
    best = int((around + cube.flatten() * 1e-9).argmax())
    center = np.array([best // side**2, best // side % side, best % side])
    alike = (np.abs(bins.astype(np.int16) - center) <= 1).all(1)
    return np.asarray(np.median(colors[alike], axis=0), np.float64)
