"""What cameras, files and landmarks make of whole batches of bank faces, on the device that draws them.

The same changes as in `augment`, which does them one by one; all numbers are drawn from torch's global state.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from ..conventions import WORKING_SIZE
from .augment import side_lit, toned

BLOCK = 8
"""Side of JPEG's blocks."""

QUANTIZATION = torch.tensor(
    [
        [16, 11, 10, 16, 24, 40, 51, 61], [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56], [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77], [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101], [72, 92, 95, 98, 112, 100, 103, 99],
    ]
)  # fmt: skip
"""JPEG's usual table for brightness at quality 50 (ITU T.81, annex K)."""

TO_YCBCR = torch.tensor([[0.299, 0.587, 0.114], [-0.1687, -0.3313, 0.5], [0.5, -0.4187, -0.0813]])

RESOLUTIONS = 8
"""So many resolutions come together in a batch."""


@torch.no_grad()
def photographed(faces: Tensor) -> Tensor:
    """Bank faces [B, 3, 256, 256] in [-1, 1] as photos: misaligned, lit from a side, in other tones, gray, of
    low resolution, noisy or through a JPEG file, each of it some."""
    with torch.autocast(faces.device.type, enabled=False):
        x = misaligned(faces)
        x = _some(0.3, side_lit(x, _uniform(x, 0, 2 * math.pi), _uniform(x, 0, 1.5)), x)
        x = _some(0.8, random_tones(x), x)
        x = _some(0.04, x.mean(1, keepdim=True).expand_as(x), x)
        x = _some(0.35, _low_resolutions(x), x)
        x = _some(0.35, x + torch.randn_like(x) * _uniform(x, 0, 0.1), x).clamp(-1, 1)
        return _some(0.4, jpegs(x, _uniform(x, 20, 90)), x)


def misaligned(x: Tensor) -> Tensor:
    """Turned by up to 3°, scaled by up to 4 % and shifted by up to 4 px."""
    angle, scale = _uniform(x, -3, 3).flatten() * math.pi / 180, _uniform(x, 0.96, 1.04).flatten()
    right, down = (_uniform(x, -4, 4).flatten() * 2 / WORKING_SIZE for _ in range(2))
    cos, sin = angle.cos() * scale, angle.sin() * scale
    matrix = torch.stack([torch.stack([cos, -sin, right], 1), torch.stack([sin, cos, down], 1)], 1)
    grid = F.affine_grid(matrix, list(x.shape), align_corners=False)
    return F.grid_sample(x, grid, padding_mode="border", align_corners=False)


def random_tones(x: Tensor) -> Tensor:
    """Gamma, saturation, contrast and white balance of each as cameras differ (`augment.random_tone`)."""
    gamma, saturation = _uniform(x, -0.8, 0.8), _uniform(x, 0.5, 1.4)
    contrast, brightness = _uniform(x, 0.75, 1.2), _uniform(x, -0.1, 0.1)
    return toned(x, gamma, saturation, contrast, brightness, _uniform(x, 0.85, 1.15, channels=3))


def _low_resolutions(x: Tensor) -> Tensor:
    parts = []
    for part in x.chunk(RESOLUTIONS):
        small = F.interpolate(part, scale_factor=_uniform(x, 0.2, 0.9)[0].item(), mode="area")
        parts.append(F.interpolate(small, x.shape[-2:], mode="bilinear", align_corners=False))
    return torch.cat(parts)


def jpegs(x: Tensor, quality: Tensor) -> Tensor:
    """Pictures [B, 3, H, W] in [-1, 1] as JPEG files of a quality [B, 1, 1, 1] keep them, colors as finely as
    brightness; sides must be multiples of 8."""
    scale = torch.where(quality < 50, 50 / quality, 2 - quality / 50)[..., None, None]
    steps = (QUANTIZATION.to(x) * scale).round().clamp(1, 255)
    places = torch.arange(BLOCK, device=x.device)
    waves = torch.cos((2 * places + 1) * places[:, None] * math.pi / (2 * BLOCK)) / 2
    waves[0] /= math.sqrt(2)
    to_ycbcr = TO_YCBCR.to(x)
    rows, columns = (side // BLOCK for side in x.shape[-2:])
    planes = torch.einsum("ij,bjhw->bihw", to_ycbcr, x * 127.5)
    blocks = planes.reshape(len(x), 3, rows, BLOCK, columns, BLOCK).transpose(3, 4)
    kept = (waves @ blocks @ waves.T / steps).round() * steps
    planes = (waves.T @ kept @ waves).transpose(3, 4).reshape(x.shape)
    return (torch.einsum("ij,bjhw->bihw", to_ycbcr.inverse(), planes) / 127.5).clamp(-1, 1)


@torch.no_grad()
def with_holes(x: Tensor) -> Tensor:
    """Three in five of the pictures [B, C, H, W] with a box set to zero, some of them with two or three."""
    sides = torch.tensor(x.shape[-2:], device=x.device)
    places = torch.arange(int(sides.max()), device=x.device)
    for chance in (0.4, 0.2, 0.2):
        start = (_uniform(x, -0.15, 0.85, channels=2) * sides.view(1, 2, 1, 1)).round()
        end = start + (_uniform(x, 0.1, 0.8, channels=2) * sides.view(1, 2, 1, 1)).round()
        inside = (places >= start[..., 0]) & (places < end[..., 0])  # [B, 2, side]: rows, columns
        box = inside[:, None, 0, : sides[0], None] & inside[:, None, 1, None, : sides[1]]
        x = torch.where(box & (_uniform(x, 0, 1) < chance), 0.0, x)
    return x


def _some(share: float, changed: Tensor, x: Tensor) -> Tensor:
    return torch.where(_uniform(x, 0, 1) < share, changed, x)


def _uniform(x: Tensor, low: float, high: float, channels: int = 1) -> Tensor:
    """[B, channels, 1, 1] for a batch x."""
    return torch.empty(len(x), channels, 1, 1, device=x.device).uniform_(low, high)
