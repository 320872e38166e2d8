"""A picture in the colors of a color map, with the light, the strands and the edges that it has."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from .seams import means_of_means

WINDOW = 33
"""Side of the window, run twice, over which picture and map are compared."""

CONTRAST = 0.003
"""Variance of the map's brightness from which its parts are told apart, for pictures in [-1, 1]."""

REACH = 9
"""Side of the window, run twice, that says how far a color reaches beyond where it is asked for."""


def color_shift(picture: Tensor, color: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """What has to be added to a picture for the colors of a map, and how much it counts.

    A guided filter (He et al. 2013) of the difference to the map, guided by the map's brightness: parts of
    the map are met each as a whole, up to their borders, however the picture varies within them. Where the
    map says nothing, nothing counts; beside it the shift fades.

    Args:
        picture: [B, 3, H, W], about [-1, 1].
        color: color map [B, 3, H, W] in [-1, 1].
        weight: [B, 1, H, W] in [0, 1], how strongly a color is asked for; 0 where none is.

    Returns:
        The shift [B, 3, H, W], and its weight [B, 1, H, W].
    """
    known = (weight > 0).to(picture.dtype)
    mean, near = _window_mean(picture, WINDOW), _window_mean(picture, REACH)
    seen = mean(known).clamp(min=1e-6)
    apart = (color - picture) * known
    gray = color.mean(1, keepdim=True)
    gray_there = gray * known
    middle, middle_apart = mean(gray_there) / seen, mean(apart) / seen
    variance = mean(gray * gray_there) / seen - middle.square()
    slope = (mean(gray * apart) / seen - middle * middle_apart) / (variance.clamp(min=0) + CONTRAST)
    offset = middle_apart - slope * middle
    # Lines through every window that a pixel lies in, averaged.
    slope, offset = mean(slope * known) / seen, mean(offset * known) / seen
    reached = (2 * near(known) / near(torch.ones_like(known))).clamp(max=1)
    return slope * gray + offset, reached * mean(weight) / seen


def _window_mean(like: Tensor, window: int) -> Callable[[Tensor], Tensor]:
    rows, columns = (means_of_means(side, window).to(like) for side in like.shape[-2:])
    return lambda x: rows @ x @ columns
