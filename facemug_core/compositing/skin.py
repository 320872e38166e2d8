"""Tone of a hidden face's skin, predicted from the visible skin of neck and ears.

Neck and ears lie in shadow: their tone is not the face's. On 436 portraits the mean color of a face follows
that of neck and ears at half the distance from the usual one, to 5.3 in CIEDE2000.
"""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

from ..ops.filters import enlarged
from ..ops.masks import eroded
from .classes import grouped

FACE = ("skin", "nose")
SHADED = ("neck", "l_ear", "r_ear")

USUAL_FACE, USUAL_SHADED = (0.51, 0.08, -0.09), (0.22, -0.19, -0.34)
"""Mean colors in [-1, 1] of faces, and of the skin of necks and ears, over the portraits."""

FOLLOWS = 0.5
"""Difference of a face from the usual tone, relative to that of its neck and ears."""

BORDER = 2
"""Pixels along a material's border that are not measured: the parser is inexact there."""

SHADED_DOUBT = 100.0
"""Pixels of visible neck and ears at which the prediction has half its weight."""

FACE_DOUBT = 500.0
"""Pixels of visible face at which the prediction has half its weight: the face's own tone is known then."""

FEWEST = 50
"""Pixels of hidden facial skin that are enough to measure its tone."""


class SkinTone(NamedTuple):
    """Prediction of the mean color of a hidden face."""

    tone: Tensor
    """`[B, 3, 1, 1]` in [-1, 1]."""
    weight: Tensor
    """`[B, 1, 1, 1]` in [0, 1]; 0 where nothing can be predicted, or the face itself is visible."""


def predicted_tone(photo: Tensor, mask: Tensor, parts: Tensor) -> SkinTone:
    """The tone of the face under the mask.

    Args:
        photo: `[B, 3, H, W]` in [-1, 1]; never read under the mask.
        mask: `[B, 1, H, W]` in {0, 1}, 1 = hidden.
        parts: shares of the classes in the visible photo, `[B, 19, h, w]`.
    """
    visible_skin = (1 - mask) * (enlarged(grouped(parts, (FACE, SHADED)), photo) > 0.5)
    face, shaded = eroded(visible_skin, BORDER).split(1, 1)
    visible_face, visible = _count(face), _count(shaded)
    seen = _sum(photo * shaded) / visible.clamp(min=1)
    tone = _color(USUAL_FACE, photo) + FOLLOWS * (seen - _color(USUAL_SHADED, photo))
    weight = visible / (visible + SHADED_DOUBT) * FACE_DOUBT / (visible_face + FACE_DOUBT)
    return SkinTone(tone, weight)


class SkinShift(NamedTuple):
    """Shift of the skin of the bank's hidden face to its predicted tone."""

    shift: Tensor
    """`[B, 3, 1, 1]`."""
    weight: Tensor
    """`[B, 1, 1, 1]` in [0, 1]; 0 without a prediction, or without such skin."""


def shift_to(goal: SkinTone, bank: Tensor, parts: Tensor, mask: Tensor) -> SkinShift:
    """The shift from the bank's hidden face to the goal.

    Args:
        goal: the predicted tone.
        bank: the bank's picture `[B, 3, H, W]`.
        parts: shares of the classes in it, `[B, 19, h, w]`.
        mask: `[B, 1, H, W]` in {0, 1}, 1 = hidden.
    """
    face = mask * (enlarged(grouped(parts, (FACE,)), bank) > 0.5)
    count = _count(face)
    own = _sum(bank * face) / count.clamp(min=1)
    return SkinShift(goal.tone - own, goal.weight * (count >= FEWEST))


def _count(where: Tensor) -> Tensor:
    return where.sum((2, 3), keepdim=True)


def _sum(picture: Tensor) -> Tensor:
    return picture.sum((2, 3), keepdim=True)


def _color(values: tuple[float, ...], like: Tensor) -> Tensor:
    return like.new_tensor(values)[None, :, None, None]
