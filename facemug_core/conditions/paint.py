"""Splits a layer of paint over a photo into sketch strokes and a color map."""

from __future__ import annotations

import torch
from torch import Tensor

from ..ops.masks import dilated
from .reading import GRAY_NUDGE
from .strokes import standing_out

PAINTED = 16 / 255
"""Least difference of painted pixels in [-1, 1], twice that of JPEG compression."""

SOFT_EDGE = 2
"""Width in pixels of the soft edge of a dark stroke, which is no color."""


def painted_over(painted: Tensor, original: Tensor) -> Tensor:
    """Where a picture `[B, 3, H, W]` in [-1, 1] differs from the original: `[B, 1, H, W]` in {0, 1}."""
    return ((painted - original).abs().amax(1, keepdim=True) > PAINTED).float()


def split_paint(painted: Tensor, paint: Tensor, dark: float = 0.25) -> tuple[Tensor, Tensor]:
    """Dark strokes become the sketch, all other paint the color map.

    Args:
        painted: photo with paint on it, `[B, 3, H, W]` in [-1, 1].
        paint: opacity of the paint, `[B, 1, H, W]` in [0, 1].
        dark: brightness, 0 to 1, up to which paint is a sketch stroke; with 0 all paint is color.

    Returns:
        sketch `[B, 1, H, W]` in {0, 1}, and color `[B, 3, H, W]` in [-1, 1] with zeros where there is none.
    """
    brightness = (painted.amax(1, keepdim=True) + 1) / 2
    clear = [torch.from_numpy(standing_out((one * 255).round().byte().numpy())) for one in paint[:, 0]]
    strokes = torch.stack(clear)[:, None] & (brightness <= dark) & (dark > 0)
    colored = (paint > 0) & (dilated(strokes.float(), SOFT_EDGE) == 0)
    color = torch.where(painted == 0, GRAY_NUDGE, painted)
    return strokes.float(), torch.where(colored, color, 0.0)
