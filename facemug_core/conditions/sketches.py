"""Sketches made from photos: the pencil-sketch filter and the borders of face regions (PAPER 14.2)."""

from __future__ import annotations

import math
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

LUMA = (0.299, 0.587, 0.114)

BLUR = 1.3
"""Standard deviation, in pixels, of the blur before gradients, which turns hair into strands."""
STRONG_SHARE, WEAK_SHARE = 0.04, 0.09
"""Shares of the pixels that may start a stroke, and that may continue one."""
REACH = 24
"""Largest distance in pixels of a stroke from its start."""
FAINTEST = 0.02
"""Least gradient of a stroke (a black-white edge has about 2), so that blank areas stay blank."""

LEGACY_THRESHOLD = 170
"""8-bit vertical gradient from which the legacy filter's picture, 255 − 0.75·gradient, is below 128."""


def pencil_sketch(image: Tensor, mode: Literal["modern", "legacy"] = "modern") -> Tensor:
    """Line drawing of photos, made for faces of about the working size.

    `modern` draws one-pixel lines where brightness changes most: gradients of the smoothed square-root luma,
    relative to their surroundings, thinned across the line and tracked along it. Thresholds are shares of
    pixels, so that exposure and contrast hardly matter. `legacy` is the filter of the official encoders'
    training without its simplification network: vertical 8-bit gradients only.

    `image` `[B, 3, H, W]` in [-1, 1]; returns `[B, 1, H, W]` in {0, 1}, stroke = 1.
    """
    gray = _gray(image)
    return _modern_sketch(gray) if mode == "modern" else _legacy_sketch(gray)


def line_contrast(image: Tensor) -> Tensor:
    """Line strength of the modern filter before its thresholds; differentiable.

    `image` `[B, 3, H, W]` in [-1, 1]; returns `[B, 1, H, W]`, 1 = about twice the surroundings' mean.
    """
    dx, dy = _gradients(_gray(image))
    return _contrast((dx.square() + dy.square() + 1e-8).sqrt())


def on_white(sketch: Tensor) -> Tensor:
    """A sketch `[…, 1, H, W]` as a picture `[…, 3, H, W]` in [-1, 1]: black strokes on white."""
    return (1 - 2 * sketch).expand(*sketch.shape[:-3], 3, -1, -1)


def boundary_sketch(labels: Tensor) -> Tensor:
    """Strokes, two pixels wide, where neighboring pixels have different classes.

    `labels` `[B, H, W]` integer; returns `[B, 1, H, W]` float32 in {0, 1}, stroke = 1.
    """
    stroke = torch.zeros_like(labels, dtype=torch.bool)
    across, down = labels[:, :, 1:] != labels[:, :, :-1], labels[:, 1:] != labels[:, :-1]
    stroke[:, :, 1:] |= across
    stroke[:, :, :-1] |= across
    stroke[:, 1:] |= down
    stroke[:, :-1] |= down
    return stroke[:, None].float()


def _gray(image: Tensor) -> Tensor:
    """Luma `[B, 1, H, W]` in [0, 1]."""
    luma = (image * image.new_tensor(LUMA).view(1, 3, 1, 1)).sum(dim=1, keepdim=True)
    return ((luma + 1) / 2).clamp(0, 1)


def _modern_sketch(gray: Tensor) -> Tensor:
    dx, dy = _gradients(gray)
    strength = torch.hypot(dx, dy)
    crest = _crests(strength, dx, dy) & (strength > FAINTEST)
    contrast = torch.where(crest, _contrast(strength), 0.0)
    strong, weak = _top_shares(contrast, STRONG_SHARE, WEAK_SHARE)
    return _followed(strong, weak, REACH).float()


def _gradients(gray: Tensor) -> tuple[Tensor, Tensor]:
    # The square root spreads dark tones like the eye; the offset keeps noise in black small.
    return _sobel(gaussian_blur((gray + 0.02).sqrt(), BLUR))


def _contrast(strength: Tensor) -> Tensor:
    """Gradients relative to their surroundings."""
    overall = strength.mean(dim=(2, 3), keepdim=True)
    return strength / (_local_mean(strength) + overall).clamp(min=FAINTEST)


def missing_lines(contrast: Tensor, wanted: Tensor | float) -> Tensor:
    """Share `[B, 1, H, W]`, 0 to 1, by which the clearest line within a pixel is weaker than wanted."""
    return F.relu(1 - clearest(contrast) / wanted)


def clearest(contrast: Tensor) -> Tensor:
    """The clearest line among a pixel and its neighbors."""
    return F.max_pool2d(contrast, 3, stride=1, padding=1)


def _legacy_sketch(gray: Tensor) -> Tensor:
    gray = F.pad((gray * 255).round(), (1,) * 4, mode="reflect")
    kernel = gray.new_tensor([0.25, 0.5, 0.25])
    rows = F.conv2d(gray, kernel.view(1, 1, 3, 1))
    blurred = F.conv2d(rows, kernel.view(1, 1, 1, 3)).round()
    _, dy = _sobel(blurred)
    return (dy.abs() >= LEGACY_THRESHOLD).float()


def gaussian_blur(x: Tensor, sigma: float) -> Tensor:
    """Gaussian blur of `[B, 1, H, W]` by a standard deviation in pixels, borders repeated."""
    radius = round(3 * sigma)
    kernel = torch.exp(-0.5 * (torch.arange(-radius, radius + 1, device=x.device) / sigma) ** 2)
    kernel = kernel / kernel.sum()
    x = F.pad(x, (radius,) * 4, mode="replicate")
    return F.conv2d(F.conv2d(x, kernel.view(1, 1, -1, 1)), kernel.view(1, 1, 1, -1))


def _local_mean(x: Tensor) -> Tensor:
    """Smooth mean over about 40 × 40 pixels around each pixel of `[B, 1, H, W]`, through a small picture."""
    small = F.avg_pool2d(x, 8, ceil_mode=True)
    small = F.avg_pool2d(F.pad(small, (2,) * 4, mode="replicate"), 5, stride=1)
    return F.interpolate(small, size=x.shape[-2:], mode="bilinear", align_corners=False)


def _sobel(x: Tensor) -> tuple[Tensor, Tensor]:
    """3×3 Sobel gradients (to the right, downwards) of `[B, 1, H, W]`, borders repeated."""
    x = F.pad(x, (1,) * 4, mode="replicate")
    columns = x[..., :-2, :] + 2 * x[..., 1:-1, :] + x[..., 2:, :]
    rows = x[..., :-2] + 2 * x[..., 1:-1] + x[..., 2:]
    return columns[..., 2:] - columns[..., :-2], rows[..., 2:, :] - rows[..., :-2, :]


def _crests(strength: Tensor, dx: Tensor, dy: Tensor) -> Tensor:
    """Maxima of the gradient across the line, in eight directions: lines of one pixel."""
    height, width = strength.shape[-2:]
    padded = F.pad(strength, (1,) * 4)

    def higher_than_both(down: int, right: int) -> Tensor:
        ahead = padded[..., 1 + down : 1 + down + height, 1 + right : 1 + right + width]
        behind = padded[..., 1 - down : 1 - down + height, 1 - right : 1 - right + width]
        return (strength >= ahead) & (strength > behind)

    slope = 2**0.5 - 1  # tangent of 22.5°
    level, steep = dy.abs() < slope * dx.abs(), dx.abs() < slope * dy.abs()
    diagonal = torch.where(dx * dy > 0, higher_than_both(1, 1), higher_than_both(1, -1))
    return torch.where(level, higher_than_both(0, 1), torch.where(steep, higher_than_both(1, 0), diagonal))


def _top_shares(values: Tensor, fewer: float, more: float) -> tuple[Tensor, Tensor]:
    """Masks of the greatest shares `fewer` and `more` of each picture's pixels, where they are above 0."""
    flat = values.flatten(1)
    ranked = flat.topk(math.ceil(more * flat.shape[1])).values
    thresholds = ranked[:, math.ceil(fewer * flat.shape[1]) - 1], ranked[:, -1]
    few, many = ((values >= t.view(-1, 1, 1, 1)) & (values > 0) for t in thresholds)
    return few, many


def _followed(seeds: Tensor, allowed: Tensor, reach: int) -> Tensor:
    """Seeds and the allowed pixels that connect to them (eight neighbors) within `reach` steps."""
    for _ in range(reach):
        rows = F.pad(seeds, (0, 0, 1, 1))
        rows = rows[..., :-2, :] | rows[..., 1:-1, :] | rows[..., 2:, :]
        rows = F.pad(rows, (1, 1))
        seeds = (rows[..., :-2] | rows[..., 1:-1] | rows[..., 2:]) & allowed
    return seeds
