"""Color maps made from photos: mean colors of face regions or of superpixels (PAPER 14.3)."""

from __future__ import annotations

import torch
from torch import Tensor

COMPACTNESS = 0.3
"""Weight of place against color: a step from one seed to the next counts as this much of a color difference
(of 2 between black and white in each channel). More makes squarer superpixels."""
ROUNDS = 5
"""Rounds of k-means; the seeds' grid is a good start."""


def region_means(image: Tensor, labels: Tensor) -> Tensor:
    """Paint every class with its mean color; left and right parts are classes of their own.

    `image` `[B, 3, H, W]` in [-1, 1], `labels` `[B, H, W]` integer class ids, below 0 where unknown. Returns
    `[B, 3, H, W]` in [-1, 1], zeros where the class is unknown.
    """
    means = _segment_means(image.flatten(2), (labels.long() + 1).clamp(min=0).flatten(1))
    return torch.where(labels[:, None] >= 0, means.view_as(image), 0.0)


def superpixels(image: Tensor, segments: int) -> Tensor:
    """Paint superpixels, about `segments` of them, with their mean colors.

    Superpixels are k-means clusters in color and place from a grid of seeds, after SLIC (Achanta et al.,
    2012), except that RGB stands for L*a*b* and that parts need not be connected. `image` `[B, 3, H, W]` in
    [-1, 1]; returns the same shape and range.
    """
    pixels = image.flatten(2)  # [B, 3, HW]
    return _segment_means(pixels, _clusters(pixels, image.shape[-2:], segments)).view_as(image)


def _clusters(pixels: Tensor, size: torch.Size, segments: int) -> Tensor:
    """Cluster number of every pixel, `[B, HW]`, of pictures `[B, 3, HW]`."""
    height, width = size
    rows = max(1, round((segments * height / width) ** 0.5))
    columns = max(1, round(segments / rows))
    y, x = torch.meshgrid(
        (torch.arange(height, device=pixels.device) + 0.5) * rows / height,
        (torch.arange(width, device=pixels.device) + 0.5) * columns / width,
        indexing="ij",
    )
    place = COMPACTNESS * torch.stack([y, x]).flatten(1)  # [2, HW], one unit from seed to seed
    points = torch.cat([pixels, place.expand(len(pixels), -1, -1)], dim=1)  # [B, 5, HW]
    assigned = (y.long() * columns + x.long()).flatten().expand(len(pixels), -1)
    for _ in range(ROUNDS):
        centers = _centers(points, assigned, rows * columns)  # [B, K, 5]
        # The points' own square length is the same for all centers and left out of the distance.
        lengths = centers.square().sum(dim=2, keepdim=True)
        assigned = torch.baddbmm(lengths, centers, points, alpha=-2).argmin(dim=1)
    return assigned


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
