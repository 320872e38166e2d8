"""Head pose: read off the face mesh, and reached by moving codes along the directions of yaw and pitch."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ..batches import Progress, no_progress
from .directions import Linear
from .measuring import head_turn

YAW_SCALE = 0.753
"""The nose's offset over the face's width, at 45°: fitted to the mesh's depth on 150 bank faces (r 0.998)."""

PITCH_SCALE = 118.4
"""Degrees by the nose's height between eyes and lips; the same fit (r 0.92)."""
LEVEL = 0.592
"""That height in the mean of those faces: they look straight ahead."""

STEPS = 4
"""Measured moves towards a pose; the error left after them is below that of the measurement."""
POSE_LAYERS = (0, 6)
"""Codes that hold the pose: moved alone, they leave glasses, hair and skin."""
REACH = 2.5
"""Amounts beyond this break faces, at about 35° of yaw."""
FIRST_SLOPES = (12.0, 8.0)
"""Degrees of yaw and pitch by an amount of 1 of their directions, until measured on the face itself."""
LEAST_MOVE = 0.05
"""From smaller changes of an amount no slope is computed."""


@dataclass(frozen=True)
class Pose:
    """Where a head looks, in degrees."""

    yaw: float = 0.0
    """Positive to the right of the picture."""
    pitch: float = 0.0
    """Positive up."""

    def __str__(self) -> str:
        return f"yaw {self.yaw:+.0f}°, pitch {self.pitch:+.0f}°"


def pose_from_mesh(mesh: NDArray[np.float64]) -> Pose:
    """Pose of an aligned face from its mesh `[468, 2]`."""
    aside, height = head_turn(mesh)
    return Pose(math.degrees(math.atan(aside / YAW_SCALE)), PITCH_SCALE * (LEVEL - height))


def turn_to(
    codes: Tensor,
    wanted: Pose,
    measure: Callable[[Tensor], Pose | None],
    yaw: Linear,
    pitch: Linear,
    progress: Progress = no_progress,
) -> Tensor:
    """Codes `[1, 18, 512]` moved along the directions until their picture has the wanted pose, or the nearest
    that was seen.

    The amounts stay within `REACH`, and a move after which no face is seen is halved: an extreme pose is met
    as far as the bank can show it.

    Args:
        codes: of one face; returned where no face is seen on their own picture.
        wanted: pose to reach.
        measure: draws codes and reads the pose; None where no face is seen.
        yaw, pitch: directions.
        progress: called for every move.
    """
    yaw, pitch = replace(yaw, layers=POSE_LAYERS), replace(pitch, layers=POSE_LAYERS)
    slopes, amounts = list(FIRST_SLOPES), [0.0, 0.0]
    before: tuple[list[float], list[float]] | None = None

    def moved() -> Tensor:
        return pitch.apply(yaw.apply(codes, amounts[0]), amounts[1])

    turned, nearest, left = codes, codes, math.inf
    for step in range(STEPS + 1):  # the last move is looked at, too
        progress(step, STEPS)
        seen = measure(turned)
        if seen is None:
            if before is None:
                break
            amounts = [(now + last) / 2 for now, last in zip(amounts, before[0], strict=True)]
            turned = moved()
            continue
        values = [seen.yaw, seen.pitch]
        off = math.hypot(wanted.yaw - seen.yaw, wanted.pitch - seen.pitch)
        if off <= left:
            nearest, left = turned, off
        for i in range(2):
            if before is not None and abs(amounts[i] - before[0][i]) > LEAST_MOVE:
                measured = (values[i] - before[1][i]) / (amounts[i] - before[0][i])
                # Another sign or size is measuring error, and would send the head away.
                slopes[i] = min(max(measured, FIRST_SLOPES[i] / 3), FIRST_SLOPES[i] * 3)
        before = list(amounts), values
        for i, (value, aim) in enumerate(zip(values, (wanted.yaw, wanted.pitch), strict=True)):
            amounts[i] = min(max(amounts[i] + (aim - value) / slopes[i], -REACH), REACH)
        turned = moved()
    return nearest
