"""Random edit masks for training: the paper's generator, its milder variant, strokes and rectangles.

Every function uses an explicit generator and returns a float32 mask `[1, size, size]` in {0, 1}, 1 = edit.
Lengths in pixels are for 256 px and scale with the size.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from ..conventions import REGIONS, WORKING_SIZE
from ..faces.regions import region_mask
from .draws import Draw, Draws

MEAN_TURN = 2 * math.pi / 5
TURN_SPREAD = 2 * math.pi / 15
"""A stroke's turns alternate between +MEAN_TURN and −MEAN_TURN, each ± up to TURN_SPREAD."""


PERSON_SHARE = 0.35
"""Share of the whole person among the masks by regions."""


def cmod_mask(generator: torch.Generator, size: int = WORKING_SIZE) -> Tensor:
    """The paper's masks (CoModGAN's generator, PAPER 14.4): big holes, on average 72 % of the picture."""
    return _boxes_and_strokes(generator, size, half_boxes=10, full_boxes=5, strokes=20)


def mat_mask(generator: torch.Generator, size: int = WORKING_SIZE) -> Tensor:
    """The same generator with fewer shapes (MAT's setting for 256 px): on average 41 % of the picture."""
    return _boxes_and_strokes(generator, size, half_boxes=4, full_boxes=2, strokes=8)


def stroke_mask(generator: torch.Generator, size: int = WORKING_SIZE, max_strokes: int = 4) -> Tensor:
    """One to `max_strokes` brush strokes, as a hand draws them with a mask brush."""
    rng = _numpy_generator(generator)
    return _to_tensor(_draw_strokes(rng, size, int(rng.integers(1, max_strokes + 1))))


def rectangle_mask(generator: torch.Generator, size: int = WORKING_SIZE) -> Tensor:
    """One rectangle inside the picture, with sides between an eighth and three quarters of it."""
    rng = _numpy_generator(generator)
    height, width = rng.integers(size // 8, 3 * size // 4, size=2, endpoint=True)
    top, left = rng.integers(size - height, endpoint=True), rng.integers(size - width, endpoint=True)
    mask = np.zeros((size, size), dtype=bool)
    mask[top : top + height, left : left + width] = True
    return _to_tensor(mask)


def random_region_mask(labels: Tensor, draw: Draw) -> Tensor:
    """One to three parser regions of labels `[H, W]`, or the whole person, grown by up to 12 px."""
    names = list(REGIONS)
    chosen = "+".join(names[draw.integer(len(names))] for _ in range(1 + draw.integer(3)))
    if draw.chance(PERSON_SHARE):
        chosen = "foreground"
    return region_mask(labels[None], chosen, grow=draw.integer(13))[0]


def random_mask(labels: Tensor, draw: Draw) -> Tensor:
    """A mask `[1, H, W]` of any kind: the paper's, a milder variant, strokes, a rectangle, parts or all."""
    if draw.chance(0.05):
        return torch.ones(1, *labels.shape)
    kind = draw.uniform()
    if kind < 0.3:
        mask = random_region_mask(labels, draw)
        if mask.any():
            return mask
        return cmod_mask(draw.generator)
    for limit, generate in ((0.6, cmod_mask), (0.75, mat_mask), (0.95, stroke_mask)):
        if kind < limit:
            return generate(draw.generator)
    return rectangle_mask(draw.generator)


@torch.no_grad()
def with_holes(x: Tensor, draws: Draws) -> Tensor:
    """A batch `[B, C, H, W]` with one to three boxes set to zero in three of five pictures."""
    sides = torch.tensor(x.shape[-2:], device=x.device)
    places = torch.arange(int(sides.max()), device=x.device)
    for chance in (0.4, 0.2, 0.2):
        start = (draws.channels(2, -0.15, 0.85) * sides.view(1, 2, 1, 1)).round()
        end = start + (draws.channels(2, 0.1, 0.8) * sides.view(1, 2, 1, 1)).round()
        inside = (places >= start[..., 0]) & (places < end[..., 0])  # [B, 2, side]: rows, columns
        box = inside[:, None, 0, : sides[0], None] & inside[:, None, 1, None, : sides[1]]
        x = torch.where(box & (draws.uniform() < chance), 0.0, x)
    return x


def _boxes_and_strokes(
    generator: torch.Generator, size: int, *, half_boxes: int, full_boxes: int, strokes: int
) -> Tensor:
    """Union of fewer than `half_boxes` boxes up to half the picture's side, fewer than `full_boxes` up to its
    whole side and fewer than `strokes` strokes. Repeated until it is neither empty nor full."""
    rng = _numpy_generator(generator)
    while True:
        mask = _draw_strokes(rng, size, int(rng.integers(strokes)))
        for limit, count in ((size // 2, half_boxes), (size, full_boxes)):
            for _ in range(rng.integers(count)):
                _add_box(rng, mask, limit)
        if mask.any() and not mask.all():
            return _to_tensor(mask)


def _add_box(rng: np.random.Generator, mask: np.ndarray, limit: int) -> None:
    """Set a box with sides below `limit`; up to half of it may be outside the picture."""
    size = len(mask)
    sides = rng.integers(limit, size=2)
    starts = rng.integers(-(sides // 2), size - sides + sides // 2)
    (top, left), (bottom, right) = np.maximum(starts, 0), starts + sides
    mask[top:bottom, left:right] = True


def _draw_strokes(rng: np.random.Generator, size: int, count: int) -> np.ndarray:
    """Zigzag strokes with round joints, `[size, size]` bool, flipped at random as a whole."""
    canvas = Image.new("1", (size, size))
    draw = ImageDraw.Draw(canvas)
    for _ in range(count):
        points = _stroke_vertices(rng, size)
        width = int(rng.uniform(12, 48) * size / 256)
        draw.line(points, fill=1, width=width)
        for x, y in points:
            radius = width // 2
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=1)
    mask = np.array(canvas)
    for axis in (0, 1):
        if rng.random() < 0.5:
            mask = np.flip(mask, axis)
    return np.ascontiguousarray(mask)


def _stroke_vertices(rng: np.random.Generator, size: int) -> list[tuple[float, float]]:
    """4 to 17 steps of one stroke as vertices (x, y); a step is about an eighth of the picture's diagonal."""
    count = int(rng.integers(4, 18))
    low, high = MEAN_TURN - rng.uniform(0, TURN_SPREAD), MEAN_TURN + rng.uniform(0, TURN_SPREAD)
    angles = rng.uniform(low, high, size=count) * np.where(np.arange(count) % 2, 1, -1)
    radius = math.hypot(size, size) / 8
    steps = np.clip(rng.normal(radius, radius / 2, size=count), 0, 2 * radius)
    moves = np.stack([steps * np.cos(angles), steps * np.sin(angles)], axis=1).tolist()
    points = [tuple(rng.integers(size, size=2).tolist())]
    # Each vertex is clipped before the next step, so the loop cannot be a cumulative sum.
    for dx, dy in moves:
        x, y = points[-1]
        points.append((min(max(x + dx, 0), size), min(max(y + dy, 0), size)))
    return points


def _numpy_generator(generator: torch.Generator) -> np.random.Generator:
    """A NumPy generator seeded from the torch generator, for cheap scalar draws."""
    return np.random.default_rng(int(torch.randint(2**62, (1,), generator=generator)))


def _to_tensor(mask: np.ndarray) -> Tensor:
    return torch.from_numpy(mask.astype(np.float32))[None]
