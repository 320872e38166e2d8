"""Filters of pictures `[B, C, H, W]`: convolutions along both axes, means over windows, enlarging."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def separable_conv2d(x: Tensor, down: Tensor, across: Tensor | None = None, padding: int = 0) -> Tensor:
    """Each channel of x `[B, C, H, W]` convolved with a kernel `[K]` along columns, then with another, by
    default the same, along rows."""
    channels = x.shape[1]
    row = down if across is None else across
    x = F.conv2d(x, down.view(1, 1, -1, 1).expand(channels, 1, -1, 1), padding=(padding, 0), groups=channels)
    return F.conv2d(x, row.expand(channels, 1, 1, -1), padding=(0, padding), groups=channels)


def box_mean(x: Tensor, window: int) -> Tensor:
    """Mean over a small square window; the border pixels are repeated."""
    reach = window // 2
    padded = F.pad(x, (reach,) * 4, mode="replicate")
    return separable_conv2d(padded, x.new_full((window,), 1 / window))


def gaussian_blur(x: Tensor, sigma: float) -> Tensor:
    """Gaussian blur; the border pixels are repeated. Two matrix products, as sigma may be large."""
    rows, columns = (_gaussian_matrix(side, sigma).to(x) for side in x.shape[-2:])
    return rows @ x @ columns.T


def wide_mean(x: Tensor, window: int) -> Tensor:
    """Mean over a square window, twice, of a picture with zeros around it. For wide windows two matrix
    products take a tenth of the time of convolutions."""
    rows, columns = (_means_of_means(side, window).to(x) for side in x.shape[-2:])
    return rows @ x @ columns


def enlarged(x: Tensor, like: Tensor) -> Tensor:
    """x at the height and width of another picture, bilinear."""
    return F.interpolate(x, like.shape[-2:], mode="bilinear", align_corners=False)


def _gaussian_matrix(side: int, sigma: float) -> Tensor:
    """Weights `[side, side]` that blur along a side, with its ends repeated."""
    reach = round(3 * sigma)
    way = torch.arange(-reach, reach + 1)
    kernel = torch.exp(-0.5 * (way / sigma) ** 2)
    source = (torch.arange(side)[:, None] + way).clamp(0, side - 1)
    weights = (kernel / kernel.sum()).expand(side, -1)
    return torch.zeros(side, side).scatter_add_(1, source, weights)


def _means_of_means(side: int, window: int) -> Tensor:
    """Running means along a side, twice, with zeros around it: `[side, side]`, symmetric."""
    place = torch.arange(side)
    mean = ((place[:, None] - place).abs() <= window // 2) / window
    return mean @ mean
