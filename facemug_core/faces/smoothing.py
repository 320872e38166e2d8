"""Places of face crops in the frames of a video, smoothed over time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..conventions import WORKING_SIZE
from .alignment import Matrix

FOLLOWED_SHARE = 0.5
"""Largest motion of a crop's corners between two frames, as a share of its side; beyond it, the face is
another or the scene has changed."""

CROP_CENTER = np.array([WORKING_SIZE / 2, WORKING_SIZE / 2, 1.0])
CROP_CORNERS = WORKING_SIZE * np.array([[0.0, 1, 0, 1], [0, 0, 1, 1]])

Track = list[tuple[int, int]]
"""One face over time: (frame, index of the face in it), frames ascending."""


def smooth_alignment(frames: Sequence[Sequence[Matrix]], reach: int) -> list[list[Matrix]]:
    """Alignment matrices of a sequence's faces without the jitter of detection; order and count stay.

    Each face is tracked through the frames. Center, logarithm of the side and angle of its crop are smoothed
    by local linear regression with Gaussian weights (Cleveland 1979), which preserves uniform motion up to
    the ends of the sequence. Frames without the face are skipped.

    Args:
        frames: alignment matrices of the faces in each frame.
        reach: frames before and after a frame that are used, two standard deviations; 0 = no smoothing.
    """
    smoothed = [list(faces) for faces in frames]
    if reach == 0:
        return smoothed
    for track in follow(frames, reach):
        times = np.array([frame for frame, _ in track], dtype=np.float64)
        places = _places(np.stack([frames[frame][face] for frame, face in track]))
        for (frame, face), matrix in zip(track, _matrices(_local_lines(times, places, reach)), strict=True):
            smoothed[frame][face] = matrix
    return smoothed


def follow(frames: Sequence[Sequence[Matrix]], reach: int) -> list[Track]:
    """Track faces through successive frames by the places of their crops.

    A face that is absent for more than `reach` frames, or reappears elsewhere, gets a new track.
    """
    tracks: list[Track] = []
    for frame, faces in enumerate(frames):
        recent = [track for track in tracks if frame - track[-1][0] <= reach]
        pairs = sorted(
            (_moved(frames[track[-1][0]][track[-1][1]], matrix), number, face)
            for number, track in enumerate(recent)
            for face, matrix in enumerate(faces)
        )
        continued: dict[int, Track] = {}
        for moved, number, face in pairs:
            if moved < FOLLOWED_SHARE and face not in continued and recent[number][-1][0] < frame:
                recent[number].append((frame, face))
                continued[face] = recent[number]
        tracks += [[(frame, face)] for face in range(len(faces)) if face not in continued]
    return tracks


def number_people(frames: Sequence[Sequence[Matrix]]) -> list[list[int]]:
    """Number the people in successive frames, from 0, by the places of their crops.

    The number of people is the largest number of faces in a frame. A new track gets the number of the nearest
    person who is not in the frame.
    """
    last: list[Matrix] = []
    numbers = []
    for faces in frames:
        pairs = sorted(
            (_moved(before, matrix), person, face)
            for person, before in enumerate(last)
            for face, matrix in enumerate(faces)
        )
        own: dict[int, int] = {}
        for _, person, face in pairs:
            if face not in own and person not in own.values():
                own[face] = person
        for face, matrix in enumerate(faces):
            person = own.setdefault(face, len(last))
            last[person : person + 1] = [matrix]
        numbers.append([own[face] for face in range(len(faces))])
    return numbers


def _moved(before: Matrix, after: Matrix) -> float:
    """Largest motion of a crop's corners, as a share of its former side."""
    shift = (after - before)[:2] @ np.vstack([CROP_CORNERS, np.ones(4)])
    return float(np.hypot(*shift).max() / (WORKING_SIZE * np.hypot(*before[:2, 0])))


def _places(matrices: NDArray[np.float64]) -> NDArray[np.float64]:
    """Crops `[N, 3, 3]` as `[N, 4]`: center x and y, logarithm of the scale, unwrapped angle."""
    centers = (matrices @ CROP_CENTER)[:, :2]
    right = matrices[:, :2, 0]
    scales, angles = np.log(np.hypot(*right.T)), np.unwrap(np.arctan2(right[:, 1], right[:, 0]))
    return np.column_stack([centers, scales, angles])


def _matrices(places: NDArray[np.float64]) -> NDArray[np.float64]:
    """The inverse of `_places`."""
    centers, (scales, angles) = places[:, :2], places[:, 2:].T
    cosine, sine = np.exp(scales) * (np.cos(angles), np.sin(angles))
    matrices = np.tile(np.eye(3), (len(places), 1, 1))
    matrices[:, :2, :2] = np.stack([cosine, -sine, sine, cosine], 1).reshape(-1, 2, 2)
    matrices[:, :2, 2] = centers - matrices[:, :2, :2] @ CROP_CENTER[:2]
    return matrices


def _local_lines(times: NDArray[np.float64], values: NDArray[np.float64], reach: int) -> NDArray[np.float64]:
    """Local linear regression of values `[N, C]` at each of the ascending times."""
    fitted = np.empty_like(values)
    for i, (first, last) in enumerate(
        zip(
            np.searchsorted(times, times - reach), np.searchsorted(times, times + reach, "right"), strict=True
        )
    ):
        offsets, near = times[first:last] - times[i], values[first:last]
        weights = np.exp(-2 * (offsets / reach) ** 2)
        weights /= weights.sum()
        mean = weights @ offsets
        levers = weights * (offsets - mean)
        spread = levers @ offsets
        slope = levers @ near / spread if spread > 0 else 0.0
        fitted[i] = weights @ near - slope * mean
    return fitted
