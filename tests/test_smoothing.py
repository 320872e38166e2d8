"""Crops smoothed over time: what is even stays, what jitters becomes even, and each face keeps its place."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from facemug_core.conventions import WORKING_SIZE
from facemug_core.faces.alignment import Matrix
from facemug_core.faces.smoothing import follow, number_people, smooth_alignment

Numbers = NDArray[np.float64]


def crop(x: float, y: float, scale: float = 1.0, degrees: float = 0.0) -> Matrix:
    """Alignment matrix of a crop around a point."""
    angle = np.radians(degrees)
    matrix = np.eye(3)
    matrix[:2, :2] = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix[:2, 2] = np.array([x, y]) - matrix[:2, :2] @ (WORKING_SIZE / 2, WORKING_SIZE / 2)
    return matrix


def centers(frames: list[list[Matrix]]) -> Numbers:
    half = WORKING_SIZE / 2
    return np.array([(matrix @ (half, half, 1))[:2] for faces in frames for matrix in faces])


crops = st.builds(crop, st.floats(-500, 4000), st.floats(-500, 4000), st.floats(0.2, 9), st.floats(-180, 180))
reaches = st.integers(1, 30)
seeds = st.integers(0, 2**32 - 1)


@given(crops, st.integers(1, 40), reaches)
@settings(deadline=None)
def test_a_face_that_stands_still_stays_where_it_is(matrix: Matrix, count: int, reach: int) -> None:
    for (smoothed,) in smooth_alignment([[matrix]] * count, reach):
        np.testing.assert_allclose(smoothed, matrix, rtol=1e-12, atol=1e-9)


@given(
    st.floats(-20, 20), st.floats(-20, 20), st.floats(0.98, 1.02), st.floats(-3, 3),
    st.lists(st.booleans(), min_size=2, max_size=40), reaches,
)  # fmt: skip
@settings(deadline=None)
def test_an_even_movement_stays_even_to_its_ends_and_across_frames_without_the_face(
    x: float, y: float, growth: float, degrees: float, seen: list[bool], reach: int
) -> None:
    frames = [
        [crop(900 + x * i, 700 + y * i, 2 * growth**i, degrees * i)] if there else []
        for i, there in enumerate(seen)
    ]
    for before, after in zip(frames, smooth_alignment(frames, reach), strict=True):
        np.testing.assert_allclose(after, before, rtol=1e-9, atol=1e-6)


@given(st.lists(st.lists(crops, max_size=3), max_size=12), st.integers(0, 6))
@settings(deadline=None)
def test_order_and_count_of_frames_and_faces_stay(frames: list[list[Matrix]], reach: int) -> None:
    before = [[matrix.copy() for matrix in faces] for faces in frames]
    smoothed = smooth_alignment(frames, reach)
    assert [len(faces) for faces in smoothed] == [len(faces) for faces in frames]
    for faces, copies in zip(frames, before, strict=True):
        np.testing.assert_array_equal(faces, copies)
    for matrix in (matrix for faces in smoothed for matrix in faces):
        assert np.linalg.det(matrix) > 0
        np.testing.assert_array_equal(matrix[2], (0, 0, 1))


@given(st.lists(st.lists(crops, max_size=3), max_size=12))
def test_no_smoothing_keeps_the_bits(frames: list[list[Matrix]]) -> None:
    for before, after in zip(frames, smooth_alignment(frames, 0), strict=True):
        np.testing.assert_array_equal(after, before)


@given(seeds, st.integers(3, 20))
@settings(deadline=None)
def test_jitter_becomes_less(seed: int, reach: int) -> None:
    path = np.random.default_rng(seed).normal((500, 400), 3, (100, 2))
    smoothed = centers(smooth_alignment([[crop(x, y)] for x, y in path], reach))
    assert np.abs(np.diff(smoothed, axis=0)).mean() < 0.5 * np.abs(np.diff(path, axis=0)).mean()


@given(seeds, st.integers(1, 10))
@settings(deadline=None)
def test_faces_are_smoothed_apart_in_whatever_order_they_are_given(seed: int, reach: int) -> None:
    draw = np.random.default_rng(seed)
    left, right = ([crop(x + draw.normal(), 300) for _ in range(20)] for x in (200, 800))
    turned = [bool(draw.integers(2)) for _ in left]
    frames = [list(pair)[:: -1 if swap else 1] for *pair, swap in zip(left, right, turned, strict=True)]
    smoothed = [
        faces[::-1] if swap else faces
        for faces, swap in zip(smooth_alignment(frames, reach), turned, strict=True)
    ]
    for place, alone in enumerate((left, right)):
        expected = [faces[0] for faces in smooth_alignment([[matrix] for matrix in alone], reach)]
        np.testing.assert_array_equal([faces[place] for faces in smoothed], expected)


def test_people_keep_their_numbers_in_whatever_order_they_are_given_and_when_they_come_back() -> None:
    left, right, middle = crop(200, 300), crop(800, 300), crop(500, 300)
    frames = [[left, right], [right, left], [right], [], [left, right], [middle, left, right]]
    assert number_people(frames) == [[0, 1], [1, 0], [1], [], [0, 1], [2, 0, 1]]


def test_another_scene_has_the_people_of_the_one_before() -> None:
    assert number_people([[crop(200, 300)], [crop(900, 900, 3)]]) == [[0], [0]]


def test_a_turn_past_the_half_circle_is_no_jump() -> None:
    frames = [[crop(500, 400, degrees=degrees)] for degrees in (172, 176, 180, 184, 188)]
    np.testing.assert_allclose(smooth_alignment(frames, 4), frames, atol=1e-9)


def test_a_cut_to_another_scene_is_not_smoothed_over() -> None:
    frames = [[crop(200, 200)]] * 5 + [[crop(900, 500, 2)]] * 5
    np.testing.assert_allclose(smooth_alignment(frames, 4), frames, atol=1e-9)


@pytest.mark.parametrize(("gap", "faces"), [(2, 1), (3, 2)])
def test_a_face_that_is_away_for_long_counts_as_another_one(gap: int, faces: int) -> None:
    frames = [[crop(200, 200)], *[[]] * gap, [crop(200, 200)]]
    assert len(follow(frames, reach=3)) == faces


def test_only_frames_within_reach_count() -> None:
    frames = [[crop(500 + (30 if i == 10 else 0), 400)] for i in range(20)]
    close = np.abs(centers(smooth_alignment(frames, 3))[:, 0] - 500) > 1e-6
    assert np.flatnonzero(close).tolist() == list(range(7, 14))
