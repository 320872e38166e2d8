"""How training faces differ from the bank's pictures: as cameras, files, landmarks and hands make them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..conditions import boundary_sketch
from ..faces.regions import region_mask
from ..pictures import as_jpeg
from .masks import mat_mask


class Draw:
    """Random choices from one explicit generator."""

    def __init__(self, seed: int, number: int) -> None:
        # The two numbers are mixed so that neighbouring samples share no random stream.
        mixed = np.random.SeedSequence([seed, number]).generate_state(1, np.uint64)[0]
        self.generator = torch.Generator().manual_seed(int(mixed) & (2**63 - 1))

    def uniform(self, low: float = 0.0, high: float = 1.0) -> float:
        return low + (high - low) * torch.rand((), generator=self.generator).item()

    def integer(self, count: int) -> int:
        return int(torch.randint(count, (), generator=self.generator))

    def chance(self, probability: float) -> bool:
        return self.uniform() < probability

    def normal(self, *shape: int) -> Tensor:
        return torch.randn(shape, generator=self.generator)


Numbers = float | Tensor

DISPLAY_GAMMA = 2.2
"""Values of a picture are about light to the power of 1 by this."""


def toned(
    image: Tensor,
    gamma: Numbers,
    saturation: Numbers,
    contrast: Numbers,
    brightness: Numbers,
    balance: Tensor,
) -> Tensor:
    """Pictures [..., 3, H, W] in [-1, 1] as another camera would take them; gamma as a power of 2, white
    balance as factors of the channels."""
    x = ((image + 1) / 2).clamp(0, 1) ** (2**gamma)
    gray = x.mean(-3, keepdim=True)
    x = gray + (x - gray) * saturation
    x = 0.5 + (x - 0.5) * contrast + brightness
    return (x * balance).clamp(0, 1) * 2 - 1


def random_tone(image: Tensor, draw: Draw) -> Tensor:
    """Gamma, contrast, saturation and white balance of a photo [3, H, W] in [-1, 1], as cameras differ."""
    gamma, saturation = draw.uniform(-0.8, 0.8), draw.uniform(0.5, 1.4)
    contrast, brightness = draw.uniform(0.75, 1.2), draw.uniform(-0.1, 0.1)
    balance = torch.tensor([draw.uniform(0.85, 1.15) for _ in range(3)])
    return toned(image, gamma, saturation, contrast, brightness, balance[:, None, None])


def side_lit(image: Tensor, angle: Tensor, stops: Numbers) -> Tensor:
    """Pictures [..., 3, H, W] in [-1, 1] with a light from one side: `stops` brighter at that edge, as much
    darker at the other; `angle` in radians."""
    across = torch.linspace(-1, 1, image.shape[-1], device=image.device)
    down = torch.linspace(-1, 1, image.shape[-2], device=image.device)[:, None]
    ramp = across * torch.cos(angle) + down * torch.sin(angle)
    exposure = 2 ** (stops * ramp / DISPLAY_GAMMA)
    return ((image + 1) * exposure).clamp(0, 2) - 1


def low_resolution(image: Tensor, draw: Draw) -> Tensor:
    """A face [3, H, W] as a smaller one enlarged."""
    size = image.shape[-1]
    small = F.interpolate(image[None], scale_factor=draw.uniform(0.2, 0.9), mode="area")
    return F.interpolate(small, size=(size, size), mode="bilinear", align_corners=False)[0]


def noise(image: Tensor, draw: Draw) -> Tensor:
    """A face [3, H, W] in [-1, 1] with the noise of a camera."""
    return (image + draw.normal(*image.shape) * draw.uniform(0.0, 0.1)).clamp(-1, 1)


def jpeg(image: Tensor, draw: Draw) -> Tensor:
    """A face [3, H, W] in [-1, 1] through a JPEG file of quality 20 to 90."""
    return as_jpeg(image, quality=20 + draw.integer(71))


def degrade(image: Tensor, draw: Draw) -> Tensor:
    """What light, cameras and files do to a photo [3, H, W] in [-1, 1]: light from a side, tone, gray, low
    resolution, noise, JPEG."""
    if draw.chance(0.3):
        image = side_lit(image, torch.tensor(draw.uniform(0, 2 * math.pi)), draw.uniform(0, 1.5))
    image = random_tone(image, draw)
    if draw.chance(0.05):
        image = image.mean(0, keepdim=True).expand(3, -1, -1)
    if draw.chance(0.4):
        image = low_resolution(image, draw)
    if draw.chance(0.4):
        image = noise(image, draw)
    return jpeg(image, draw) if draw.chance(0.4) else image.clamp(-1, 1)


def misalign(image: Tensor, labels: Tensor, draw: Draw) -> tuple[Tensor, Tensor]:
    """Turn, scale and shift a face [3, H, W] and its labels [H, W] as landmarks err: to 3°, 4 %, 4 px."""
    angle, scale = math.radians(draw.uniform(-3, 3)), draw.uniform(0.96, 1.04)
    shift = [draw.uniform(-4, 4) * 2 / image.shape[-1] for _ in range(2)]
    cos, sin = math.cos(angle) * scale, math.sin(angle) * scale
    matrix = torch.tensor([[[cos, -sin, shift[0]], [sin, cos, shift[1]]]])
    grid = F.affine_grid(matrix, [1, 1, *image.shape[-2:]], align_corners=False)
    moved = F.grid_sample(image[None], grid, padding_mode="border", align_corners=False)[0]
    ids = labels[None, None].float()
    ids = F.grid_sample(ids, grid, mode="nearest", padding_mode="border", align_corners=False)
    return moved, ids[0, 0].long()


RECOLORED = ("hair", "lips", "cloth", "skin+nose+ears", "eyes", "background", "hat")
"""Parts that people color anew."""


def recolored(image: Tensor, labels: Tensor, draw: Draw, parts: Sequence[str] = RECOLORED) -> Tensor:
    """A face [3, H, W] in [-1, 1] with one of some parts of its labels [H, W] in another hue, as people paint
    hair.

    The bank has no blue hair. Learned together with a color map of the new picture, hue comes from the map.
    """
    part = region_mask(labels[None], parts[draw.integer(len(parts))])  # [1, 1, H, W]
    soft = F.avg_pool2d(part, 5, stride=1, padding=2, count_include_pad=False)[0]
    gray = image.mean(0, keepdim=True)
    turned = _turned_hue(image - gray, draw.uniform(0, 2 * math.pi)) * draw.uniform(0.5, 1.5)
    # Gray hair has no hue that could be turned: a tint is laid over it.
    tint = draw.normal(3, 1, 1)
    tint = (tint - tint.mean()) * draw.uniform(0, 0.6) * (1 - gray.square())
    return torch.lerp(image, (gray + turned + tint).clamp(-1, 1), soft)


def _turned_hue(chroma: Tensor, angle: float) -> Tensor:
    """Rotate colors [3, H, W] about the gray axis."""
    cos, sin = math.cos(angle), math.sin(angle)
    # Rodrigues' rotation about (1, 1, 1) / √3, on vectors that are normal to it.
    across = torch.stack([chroma[2] - chroma[1], chroma[0] - chroma[2], chroma[1] - chroma[0]])
    return cos * chroma + sin / math.sqrt(3) * across


def hand_drawn(sketch: Tensor, labels: Tensor, draw: Draw) -> Tensor:
    """A sketch [1, H, W] in {0, 1} as hands draw: incomplete, wobbly, thick, or only the borders of parts."""
    if draw.chance(0.3):
        sketch = boundary_sketch(labels[None])[0]
    if draw.chance(0.5):
        sketch = sketch * (1 - mat_mask(draw.generator))
    if draw.chance(0.6):
        sketch = _wobbled(sketch, draw)
    if draw.chance(0.5):
        width = 3 + 2 * draw.integer(2)
        sketch = F.max_pool2d(sketch[None], width, stride=1, padding=width // 2)[0]
    return sketch


def _wobbled(sketch: Tensor, draw: Draw) -> Tensor:
    """Strokes moved by up to about three pixels, smoothly."""
    size = sketch.shape[-1]
    shift = F.interpolate(draw.normal(1, 2, 12, 12), size=size, mode="bicubic", align_corners=False)
    shift = (shift * 1.5 * 2 / size).permute(0, 2, 3, 1)  # [1, H, W, 2] in grid units
    grid = F.affine_grid(torch.eye(2, 3)[None], [1, 1, size, size], align_corners=False)
    # Thickened first, so that thin lines do not break where they are stretched.
    thick = F.max_pool2d(sketch[None], 3, stride=1, padding=1)
    moved = F.grid_sample(thick, grid + shift, align_corners=False)
    return (moved[0] > 0.6).float()
