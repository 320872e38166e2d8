"""Augmentation of bank faces as photos: camera, light, file format, landmark errors.

Every function takes a batch `[B, 3, H, W]` in [-1, 1] and its random numbers: `Draw` for a batch of one
sample, `BatchDraws` for many pictures on a device.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ..pictures import as_jpeg
from .draws import Draw, Draws, Numbers

DISPLAY_GAMMA = 2.2
"""Exponent from a pixel's value to its light, approximately."""

RESOLUTIONS = 8
"""Number of different resolutions in a batch."""

JPEG_BLOCK = 8

JPEG_TABLE = torch.tensor(
    [
        [16, 11, 10, 16, 24, 40, 51, 61], [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56], [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77], [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101], [72, 92, 95, 98, 112, 100, 103, 99],
    ]
)  # fmt: skip
"""JPEG quantization of luminance at quality 50 (ITU T.81, annex K)."""

TO_YCBCR = torch.tensor([[0.299, 0.587, 0.114], [-0.1687, -0.3313, 0.5], [0.5, -0.4187, -0.0813]])


@dataclass(frozen=True)
class Chances:
    """Probabilities of the changes."""

    side_light: float = 0.3
    tone: float = 1.0
    gray: float = 0.05
    low_resolution: float = 0.4
    noise: float = 0.4
    jpeg: float = 0.4


CHOSEN = Chances()
"""For samples that were chosen to be degraded."""

ALL = Chances(tone=0.8, gray=0.04, low_resolution=0.35, noise=0.35)
"""For whole batches: rarer than `CHOSEN`, except for light and JPEG."""


def degraded(x: Tensor, draws: Draws, chances: Chances = CHOSEN) -> Tensor:
    """Pictures with random light, tone, resolution, noise and compression of photos."""
    x = draws.sometimes(chances.side_light, x, lambda x: random_side_light(x, draws))
    x = draws.sometimes(chances.tone, x, lambda x: random_tone(x, draws))
    x = draws.sometimes(chances.gray, x, gray)
    x = draws.sometimes(chances.low_resolution, x, lambda x: low_resolution(x, draws))
    x = draws.sometimes(chances.noise, x, lambda x: noisy(x, draws)).clamp(-1, 1)
    return draws.sometimes(chances.jpeg, x, lambda x: jpeg(x, draws))


@torch.no_grad()
def photographed(x: Tensor, draws: Draws) -> Tensor:
    """A whole batch misaligned and degraded, always in fp32."""
    with torch.autocast(x.device.type, enabled=False):
        return degraded(moved(x, misalignment(x, draws)), draws, ALL)


def toned(
    x: Tensor,
    gamma: Numbers,  # exponent, as a power of 2
    saturation: Numbers,
    contrast: Numbers,
    brightness: Numbers,
    balance: Tensor,  # [B, 3, 1, 1], factors of the channels
) -> Tensor:
    """Pictures in the tone of another camera."""
    x = ((x + 1) / 2).clamp(0, 1) ** (2**gamma)
    luminance = gray(x)
    x = luminance + (x - luminance) * saturation
    x = 0.5 + (x - 0.5) * contrast + brightness
    return (x * balance).clamp(0, 1) * 2 - 1


def random_tone(x: Tensor, draws: Draws) -> Tensor:
    """Random gamma, saturation, contrast, brightness and white balance."""
    gamma, saturation = draws.uniform(-0.8, 0.8), draws.uniform(0.5, 1.4)
    contrast, brightness = draws.uniform(0.75, 1.2), draws.uniform(-0.1, 0.1)
    return toned(x, gamma, saturation, contrast, brightness, draws.channels(3, 0.85, 1.15))


def side_lit(x: Tensor, angle: Numbers, stops: Numbers) -> Tensor:
    """Pictures lit from one side: `stops` brighter at that edge, as much darker at the opposite one.

    Args:
        x: pictures.
        angle: of the direction towards the light, in radians; 0 is right, π/2 down.
        stops: powers of 2 of the light.
    """
    angle = torch.as_tensor(angle)
    across = torch.linspace(-1, 1, x.shape[-1], device=x.device)
    down = torch.linspace(-1, 1, x.shape[-2], device=x.device)[:, None]
    ramp = across * torch.cos(angle) + down * torch.sin(angle)
    exposure = 2 ** (stops * ramp / DISPLAY_GAMMA)
    return ((x + 1) * exposure).clamp(0, 2) - 1


def random_side_light(x: Tensor, draws: Draws) -> Tensor:
    """Light from a random side, up to 1.5 stops."""
    return side_lit(x, draws.uniform(0, 2 * math.pi), draws.uniform(0, 1.5))


def gray(x: Tensor) -> Tensor:
    """Gray pictures of three channels."""
    return x.mean(-3, keepdim=True).expand_as(x)


def low_resolution(x: Tensor, draws: Draws) -> Tensor:
    """Pictures reduced to 0.2 to 0.9 of their size and enlarged again."""
    parts = []
    for part in x.chunk(RESOLUTIONS):
        factor = torch.as_tensor(draws.uniform(0.2, 0.9), dtype=torch.float64).flatten()[0].item()
        small = F.interpolate(part, scale_factor=factor, mode="area")
        parts.append(F.interpolate(small, x.shape[-2:], mode="bilinear", align_corners=False))
    return torch.cat(parts)


def noisy(x: Tensor, draws: Draws) -> Tensor:
    """Pictures with white noise of a standard deviation up to 0.1; values may leave [-1, 1]."""
    return x + draws.noise(x) * draws.uniform(0.0, 0.1)


def jpeg(x: Tensor, draws: Draws) -> Tensor:
    """Pictures after JPEG compression of quality 20 to 90: by a real file for one sample, simulated for a
    batch."""
    if isinstance(draws, Draw):
        return as_jpeg(x[0], quality=20 + draws.integer(71))[None]
    return quantized(x, draws.uniform(20, 90))


def quantized(x: Tensor, quality: Numbers) -> Tensor:
    """Pictures after JPEG quantization, chroma quantized like luminance; sides are multiples of 8."""
    quality = torch.as_tensor(quality)
    scale = torch.where(quality < 50, 50 / quality, 2 - quality / 50)[..., None, None]
    steps = (JPEG_TABLE.to(x) * scale).round().clamp(1, 255)
    places = torch.arange(JPEG_BLOCK, device=x.device)
    waves = torch.cos((2 * places + 1) * places[:, None] * math.pi / (2 * JPEG_BLOCK)) / 2
    waves[0] /= math.sqrt(2)
    to_ycbcr = TO_YCBCR.to(x)
    rows, columns = (side // JPEG_BLOCK for side in x.shape[-2:])
    planes = torch.einsum("ij,bjhw->bihw", to_ycbcr, x * 127.5)
    blocks = planes.reshape(len(x), 3, rows, JPEG_BLOCK, columns, JPEG_BLOCK).transpose(3, 4)
    kept = (waves @ blocks @ waves.T / steps).round() * steps
    planes = (waves.T @ kept @ waves).transpose(3, 4).reshape(x.shape)
    return (torch.einsum("ij,bjhw->bihw", to_ycbcr.inverse(), planes) / 127.5).clamp(-1, 1)


def misalignment(x: Tensor, draws: Draws) -> Tensor:
    """Landmark errors as a sampling grid `[B, H, W, 2]`: up to 3°, 4 % and 4 px."""
    angle, scale = _column(draws.uniform(-3, 3)) * math.pi / 180, _column(draws.uniform(0.96, 1.04))
    right, down = (_column(draws.uniform(-4, 4)) * 2 / x.shape[-1] for _ in range(2))
    cos, sin = angle.cos() * scale, angle.sin() * scale
    matrix = torch.stack([torch.stack([cos, -sin, right], 1), torch.stack([sin, cos, down], 1)], 1)
    return F.affine_grid(matrix.to(x.dtype), list(x.shape), align_corners=False)


def moved(x: Tensor, grid: Tensor, mode: str = "bilinear") -> Tensor:
    """Maps `[B, C, H, W]` sampled at a grid `[B, H, W, 2]`, with border padding."""
    return F.grid_sample(x, grid, mode=mode, padding_mode="border", align_corners=False)


def _column(numbers: Numbers) -> Tensor:
    """Numbers as `[B]`; one sample's are fp64."""
    return torch.as_tensor(numbers, dtype=None if isinstance(numbers, Tensor) else torch.float64).flatten()
