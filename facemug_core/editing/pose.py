"""Head pose: measured by the face mesh, changed by the directions of yaw and pitch."""

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
"""The nose's offset ÷ the face's width at 45°, fitted to the mesh's depth on 150 bank faces (r 0.998)."""

PITCH_SCALE = 118.4
"""Degrees ÷ the nose's height between eyes and lips, by the same fit (r 0.92)."""
LEVEL = 0.592
"""Mean of this height over these faces, taken as a pitch of 0."""

STEPS = 4
"""Number of moves towards a pose; the remaining error is below that of the measurement."""
POSE_LAYERS = (0, 6)
"""Codes of the pose; the others hold glasses, hair and skin."""
REACH = 2.5
"""Largest amount, about 35° of yaw; beyond it faces break."""
FIRST_SLOPES = (12.0, 8.0)
"""Initial estimates of degrees of yaw and pitch for an amount of 1."""
LEAST_MOVE = 0.05
"""Smallest change of an amount from which a slope is computed."""


@dataclass(frozen=True)
class Pose:
    """Orientation of a head, in degrees."""

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
    """Codes `[1, 18, 512]` moved along the directions to the wanted pose, or to the nearest possible one.

    The amounts are limited to `REACH`. A move after which no face is found is halved.

    Args:
        codes: of one face; returned unchanged if their picture shows no face.
        wanted: the target.
        measure: draws codes and measures the pose; None if no face is found.
        yaw, pitch: directions.
        progress: called for every move.
    """
    yaw, pitch = replace(yaw, layers=POSE_LAYERS), replace(pitch, layers=POSE_LAYERS)
    slopes, amounts = list(FIRST_SLOPES), [0.0, 0.0]
    before: tuple[list[float], list[float]] | None = None

    def moved() -> Tensor:
        return pitch.apply(yaw.apply(codes, amounts[0]), amounts[1])

    turned, nearest, left = codes, codes, math.inf
    for step in range(STEPS + 1):  # the last move is measured, too
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
                # A slope of another sign or size is a measurement error.
                slopes[i] = min(max(measured, FIRST_SLOPES[i] / 3), FIRST_SLOPES[i] * 3)
        before = list(amounts), values
        for i, (value, aim) in enumerate(zip(values, (wanted.yaw, wanted.pitch), strict=True)):
            amounts[i] = min(max(amounts[i] + (aim - value) / slopes[i], -REACH), REACH)
        turned = moved()
    return nearest
