"""Inversion: gradient descent of codes to a photo and guides, from a first guess.

The distance compares the visible part of the person and, under the mask, the guides: semantic map, sketch and
colors. The photo's background is not compared; only its place is.

The encoder reads a photo in one pass and misses much of it. The descent is preconditioned: in its coordinates
all directions are about equally steep, so that a few steps suffice.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from ..batches import Interrupted, Preview, Progress, no_preview, no_progress
from ..conditions import Conditions, line_contrast, missing_lines
from ..conventions import LABELS
from ..networks.inverter import Inverter
from ..networks.part_reader import PART_CELLS, SEEN_SIZE
from ..networks.perceptual import feature_distances

INVERSION_STEPS = 12
"""Default number of steps."""

TONE_SIZE = 16
"""Side of the pictures whose tones are compared."""

COLOR_CELLS = 32
"""Side of the grid on which colors are compared to a color map."""

RATE = 3.0
"""Step size; above the quadratic model's 1, because the distance flattens far from its minimum."""

MOMENTUM = 0.5

OWN_SHARE = 12.0
"""Weight of each code's own gradient against the sum over all codes. No photo is exactly a face of the bank,
so its levels need codes of their own."""

HIDDEN_OWN_SHARE = 4.0
"""The same where a part of the photo is hidden: changes shared by all codes extrapolate better to it."""

MAP_WEIGHT = 0.15
"""Of the semantic map, relative to the visible photo."""

BACKGROUND_WEIGHT = 0.15
"""Of the place of the visible background: hair must not grow beyond what the photo shows of it."""

SKETCH_WEIGHT = 0.3
"""Of sketch strokes without a line in the picture."""

STROKE_CONTRAST = 1.0
"""Line contrast that strokes should have."""

COLOR_WEIGHT = 0.6
"""Of the color map."""

BOUND = 11.0
"""Largest distance of a code from the mean code, in standard deviations of faces along the coordinates of the
descent: half of all random faces are nearer, and photos' codes are at 4 to 6."""


class Goal:
    """Distance of pictures from photo and guides.

    Args:
        inverter: its frozen networks measure the distance.
        conditions: of a batch of edits; the mask hides the photo, and guides count under the mask.
        background: share of background in the visible photo, `[B, 1, h, w]`.
    """

    def __init__(self, inverter: Inverter, conditions: Conditions, background: Tensor) -> None:
        self.perceptual = inverter.perceptual
        self.part_reader = inverter.part_reader
        hidden = conditions.mask
        whole = (hidden == 0).flatten(1).all(1)[:, None, None]
        self.own_share = torch.where(whole, OWN_SHARE, HIDDEN_OWN_SHARE)  # [B, 1, 1]
        behind = F.interpolate(background, hidden.shape[-2:], mode="bilinear", align_corners=False) > 0.5
        person = (1 - hidden) * ~behind
        self.visible = F.adaptive_avg_pool2d(person, SEEN_SIZE)
        self.photo = F.adaptive_avg_pool2d(conditions.image * person, SEEN_SIZE)
        self.features = self.perceptual.features(self.photo)
        wanted = MAP_WEIGHT * conditions.semantic * hidden
        wanted[:, LABELS.index("background")] += BACKGROUND_WEIGHT * ((1 - hidden) * behind)[:, 0]
        self.parts = F.adaptive_avg_pool2d(wanted, PART_CELLS)
        self.strokes = conditions.sketch * hidden
        self.color, self.color_weight = conditions.color * hidden, conditions.color_weight * hidden

    def distances(self, picture: Tensor) -> Tensor:
        """Distances `[B]` of pictures `[B, 3, 256, 256]`."""
        small = F.adaptive_avg_pool2d(picture, SEEN_SIZE)
        seen = small * self.visible  # gray where no person is visible
        distances = feature_distances(self.perceptual.features(seen), self.features)
        tone = F.adaptive_avg_pool2d(seen - self.photo, TONE_SIZE).square()
        distances = distances + tone.mean((1, 2, 3))
        if self.parts.any():
            read = self.part_reader(self.perceptual.features(small))
            distances = distances - (self.parts * read).sum(1).mean((1, 2))
        if self.strokes.any():
            missing = missing_lines(line_contrast(picture), STROKE_CONTRAST)
            asked = self.strokes.sum((1, 2, 3))
            distances = distances + SKETCH_WEIGHT * (missing * self.strokes).sum((1, 2, 3)) / asked.clamp(
                min=1
            )
        if self.color_weight.any():
            apart = F.adaptive_avg_pool2d(picture * self.color_weight - self.color, COLOR_CELLS).abs()
            distances = distances + COLOR_WEIGHT * apart.mean((1, 2, 3))
        return distances


def descend(
    draw: Callable[[Tensor], Tensor],
    codes: Tensor,
    steps: Tensor,
    goal: Goal,
    count: int,
    bounded: Callable[[Tensor], Tensor],
    progress: Progress = no_progress,
    preview: Preview = no_preview,
) -> Tensor:
    """The best codes `[B, 18, 512]` of `count` steps of descent towards the goal. An interruption returns the
    best so far.

    A step that increases the distance is undone, and the next ones are half as long.

    Args:
        draw: codes `[B, 18, 512]` → pictures `[B, 3, 256, 256]`, differentiable; makes no inference tensors.
        codes: to start from.
        steps: coordinates of the descent, `[512, rank]` (`Inverter.steps`).
        goal: the distance to decrease.
        count: 0 returns the codes.
        bounded: limits the distance of codes from the mean code.
        progress: called for every step; may raise `Interrupted`.
        preview: shown the picture of `codes`, and of every step that decreases a distance.
    """
    best, least = codes, codes.new_full((len(codes), 1, 1), torch.inf)
    velocity, uphill = torch.zeros_like(codes), torch.zeros_like(codes)
    rate = torch.full_like(least, RATE)
    try:
        for step in range(count):
            progress(step, count)
            start = codes.detach().requires_grad_()
            picture = draw(start)
            distances = goal.distances(picture)
            (gradient,) = torch.autograd.grad(distances.sum(), start)
            distances = distances.detach()[:, None, None]
            better = distances < least
            if better.any():
                preview(picture.detach())
            shared = gradient.sum(1, keepdim=True)
            there = (shared + goal.own_share * gradient) @ steps @ steps.T
            uphill = torch.where(better, there, uphill)
            velocity = torch.where(better, MOMENTUM * velocity + there, uphill)
            rate = torch.where(better, rate, rate / 2)
            best, least = torch.where(better, codes, best), torch.where(better, distances, least)
            codes = bounded(best - rate * velocity)
        progress(count, count)
    except Interrupted:
        pass
    with torch.no_grad():
        better = goal.distances(draw(codes))[:, None, None] < least
    return torch.where(better, codes, best)
