"""Inversion: codes whose picture is a photo, by descent from a first guess. Of an edit's photo only what is
visible counts, and for the rest the semantic map.

The encoder sees a photo once, and misses much of it. How far the bank's picture is from the photo says which
way the codes should move; in coordinates in which all ways are about equally steep, a few steps go far.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from ..batches import Interrupted, Progress, no_progress
from ..conditions import Conditions
from ..networks.inverter import Inverter
from ..networks.part_reader import READ_STRIDES
from ..networks.perceptual import feature_distance

SEEN_SIZE = 128
"""Side of the pictures that are compared: a quarter of the work of the working size."""

PART_CELLS = SEEN_SIZE // READ_STRIDES[0]
"""Side of the grid in which the parts of a face are told."""

TONE_SIZE = 16
"""Side of the pictures whose tones are compared."""

RATE = 3.0
"""Of the descent; above the quadratic model's 1, as the distance flattens far from its minimum."""

MOMENTUM = 0.5

OWN_SHARE = 12.0
"""How much faster each code moves for itself than all codes together: no photo is quite a bank face, and its
levels want codes of their own."""

HIDDEN_OWN_SHARE = 4.0
"""The same where a part of the photo is hidden: what holds for all codes foretells better what is there."""

MAP_WEIGHT = 0.15
"""Of the semantic map against what is visible of the photo."""


class Goal:
    """Distance of pictures from what conditions tell: from the photo where it is visible, and from the
    semantic map where it is not.

    Args:
        inverter: its frozen networks judge.
        conditions: of a batch of edits; the mask hides, and sketch and colors do not count.
    """

    def __init__(self, inverter: Inverter, conditions: Conditions) -> None:
        self.perceptual = inverter.perceptual
        self.part_reader = inverter.part_reader
        self.visible = F.adaptive_avg_pool2d(1 - conditions.mask, SEEN_SIZE)
        whole = (conditions.mask == 0).flatten(1).all(1)[:, None, None]
        self.own_share = torch.where(whole, OWN_SHARE, HIDDEN_OWN_SHARE)  # [B, 1, 1]
        self.photo = _small(conditions.image) * self.visible
        self.features = self.perceptual.features(self.photo)
        told = conditions.semantic * conditions.mask
        self.map = F.adaptive_avg_pool2d(told, PART_CELLS) if told.any() else None

    def distance(self, picture: Tensor) -> Tensor:
        """Distances, summed over the batch, of pictures [B, 3, 256, 256]."""
        small = _small(picture)
        seen = small * self.visible  # gray where nothing is visible
        # Over all pixels, so that the descent is the slower the less is visible.
        everywhere = torch.ones_like(self.visible)
        apart = feature_distance(self.perceptual.features(seen), self.features, everywhere)
        tone = F.adaptive_avg_pool2d(seen - self.photo, TONE_SIZE).square().mean()
        distance = apart + tone
        if self.map is not None:
            shares = self.part_reader(self.perceptual.features(small))
            distance = distance - MAP_WEIGHT * (self.map * shares).sum(1).mean()
        return len(seen) * distance


def _small(picture: Tensor) -> Tensor:
    """A picture at the size of comparison."""
    return F.adaptive_avg_pool2d(picture, SEEN_SIZE)


def descend(
    draw: Callable[[Tensor], Tensor],
    codes: Tensor,
    steps: Tensor,
    goal: Goal,
    count: int,
    progress: Progress = no_progress,
) -> Tensor:
    """Codes [B, 18, 512] after `count` steps of descent towards the goal; somebody who interrupts keeps what
    there is.

    Args:
        draw: codes [B, 18, 512] → pictures [B, 3, 256, 256], differentiable; makes no inference tensors.
        codes: to start from.
        steps: coordinates of the descent, [512, rank] (`Inverter.steps`).
        goal: what to come near to.
        count: 0 returns the codes.
        progress: told about every step; may raise `Interrupted`.
    """
    velocity = torch.zeros_like(codes)
    try:
        for step in range(count):
            progress(step, count)
            start = codes.detach().requires_grad_()
            (gradient,) = torch.autograd.grad(goal.distance(draw(start)), start)
            shared = gradient.sum(1, keepdim=True)
            uphill = (shared + goal.own_share * gradient) @ steps @ steps.T
            velocity = MOMENTUM * velocity + uphill
            codes = codes - RATE * velocity
        progress(count, count)
    except Interrupted:
        pass
    return codes
