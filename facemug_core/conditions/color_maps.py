"""Color maps made from photos: mean colors of face regions or of superpixels (PAPER 14.3)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

COMPACTNESS = 0.5
"""Weight of place against color: the distance of two seeds equals this color difference (black and white
differ by 2 in each channel). Larger values make squarer superpixels."""
ROUNDS = 5
"""Rounds of k-means; the seeds' grid is a good start."""
REDUCTION = 4
"""Factor by which a picture is shrunk for superpixels: fine detail must not leak into a color map."""


def region_means(image: Tensor, labels: Tensor) -> Tensor:
    """Paint every class with its mean color; left and right parts are separate classes.

    `image` `[B, 3, H, W]` in [-1, 1], `labels` `[B, H, W]` integer class ids, below 0 where unknown. Returns
    `[B, 3, H, W]` in [-1, 1], zeros where the class is unknown.
    """
    means = _segment_means(image.flatten(2), (labels.long() + 1).clamp(min=0).flatten(1))
    return torch.where(labels[:, None] >= 0, means.view_as(image), 0.0)


def superpixels(image: Tensor, segments: int) -> Tensor:
    """Paint superpixels, about `segments` of them, with their mean colors.

    Superpixels are k-means clusters in color and place from a grid of seeds, where every pixel chooses among
    the nine seeds around it, like SLIC (Achanta et al., 2012), but in RGB and not necessarily connected.
    `image` `[B, 3, H, W]` in [-1, 1]; returns the same shape and range.
    """
    height, width = image.shape[-2:]
    rows = max(1, round((segments * height / width) ** 0.5))
    grid = rows, max(1, round(segments / rows))
    small = F.avg_pool2d(image, REDUCTION, ceil_mode=True)
    points, candidates = _points(small, grid), _candidates(small, grid)
    assigned = candidates[:, 4].expand(len(image), -1)
    for _ in range(ROUNDS):
        centers = _centers(points, assigned, grid[0] * grid[1])
        assigned = _nearest(points, centers, candidates)
    smooth = F.interpolate(small, size=(height, width), mode="bilinear", align_corners=False)
    assigned = _nearest(_points(smooth, grid), centers, _candidates(smooth, grid))
    return _segment_means(image.flatten(2), assigned).view_as(image)


def _grid_positions(image: Tensor, grid: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Row and column, `[H, 1]` and `[1, W]`, of every pixel center, in cells of the seeds' grid."""
    (height, width), (rows, columns) = image.shape[-2:], grid
    y = (torch.arange(height, device=image.device) + 0.5) * rows / height
    x = (torch.arange(width, device=image.device) + 0.5) * columns / width
    return y[:, None], x[None, :]


def _points(image: Tensor, grid: tuple[int, int]) -> Tensor:
    """Color and weighted place of every pixel, `[B, 5, HW]`."""
    place = torch.stack(torch.broadcast_tensors(*_grid_positions(image, grid))) * COMPACTNESS  # [2, H, W]
    return torch.cat([image, place.expand(len(image), -1, -1, -1)], dim=1).flatten(2)


def _candidates(image: Tensor, grid: tuple[int, int]) -> Tensor:
    """Numbers of the seeds of each pixel's cell (in the middle) and of the eight cells around, `[HW, 9]`."""
    y, x = _grid_positions(image, grid)
    step = torch.arange(-1, 2, device=image.device)
    near_rows = (y.long()[..., None] + step).clamp(0, grid[0] - 1)  # [H, 1, 3]
    near_columns = (x.long()[..., None] + step).clamp(0, grid[1] - 1)  # [1, W, 3]
    return (near_rows[..., :, None] * grid[1] + near_columns[..., None, :]).flatten(2).flatten(0, 1)


def _nearest(points: Tensor, centers: Tensor, candidates: Tensor) -> Tensor:
    """Number of the nearest candidate center of each point, `[B, N]`."""
    apart = points.mT[:, :, None] - centers[:, candidates]  # [B, N, 9, 5]
    best = apart.square().sum(dim=3).argmin(dim=2, keepdim=True)  # [B, N, 1]
    return candidates.expand(len(points), -1, -1).gather(2, best)[..., 0]


def _centers(points: Tensor, assigned: Tensor, count: int) -> Tensor:
    """Mean of the points `[B, C, N]` of each of `count` clusters, `[B, count, C]`; zeros for empty ones."""
    batch, channels, _ = points.shape
    sums = points.new_zeros(batch, channels, count)
    sums.scatter_add_(2, assigned[:, None].expand(-1, channels, -1), points)
    sizes = points.new_zeros(batch, count).scatter_add_(
        1, assigned, points.new_ones(1, 1).expand(assigned.shape)
    )
    return (sums / sizes.clamp(min=1)[:, None]).mT


def _segment_means(pixels: Tensor, segment: Tensor) -> Tensor:
    """Each pixel's segment mean, `[B, C, N]`, for pixels `[B, C, N]` and segment numbers `[B, N]`."""
    means = _centers(pixels, segment, int(segment.max()) + 1)  # [B, K, C]
    return means.mT.gather(2, segment[:, None].expand(-1, pixels.shape[1], -1))
