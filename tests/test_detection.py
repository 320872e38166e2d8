"""Finding faces: what needs no models first, then the real models on a public-domain photo."""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facemug_core.errors import InputError, WeightsMissingError
from facemug_core.faces.alignment import alignment_matrix
from facemug_core.faces.detection import (
    FULL_RANGE_FILE,
    LANDMARK_FILE,
    SHORT_RANGE_FILE,
    Detector,
    Face,
    choose,
    face_from_landmarks,
)
from facemug_core.faces.landmark_files import read_landmarks

FETCHED = Path(__file__).parent.parent / "weights" / "fetched"
NEEDED = (SHORT_RANGE_FILE, FULL_RANGE_FILE, LANDMARK_FILE, "astronaut.png")
needs_models = pytest.mark.skipif(
    not all((FETCHED / name).is_file() for name in NEEDED),
    reason="face models and the test photo are not fetched (python -m facemug_core fetch)",
)


def face(x: float, size: float) -> Face:
    return Face((x, 0.0, x + size, size), 0.9, np.zeros((468, 2)))


FACES = [face(0, 10), face(50, 30), face(90, 20)]


def test_the_largest_face_is_chosen():
    assert choose(FACES, "largest") == [FACES[1]]


@pytest.mark.parametrize(("which", "index"), [("smallest", 0), ("leftmost", 0), ("rightmost", 2)])
def test_a_face_is_chosen_by_its_size_or_place(which, index):
    assert choose(FACES, which) == [FACES[index]]


def test_all_faces_are_chosen_from_the_largest_to_the_smallest():
    assert choose(FACES, "all") == [FACES[1], FACES[2], FACES[0]]


def test_all_faces_are_chosen_from_left_to_right():
    assert choose(FACES, "left to right") == FACES


def test_a_face_is_chosen_by_its_index():
    assert choose(FACES, 2) == [FACES[2]]


@pytest.mark.parametrize("index", [3, -1])
def test_an_index_without_a_face_is_refused_with_the_number_of_faces(index):
    with pytest.raises(InputError, match=rf"no face {index}: 3 were found"):
        choose(FACES, index)


def test_an_index_beyond_a_single_face_is_refused_in_the_singular():
    with pytest.raises(InputError, match="no face 1: 1 was found"):
        choose(FACES[:1], 1)


@pytest.mark.parametrize("which", ["largest", "all", "leftmost"])
def test_of_no_faces_none_are_chosen(which):
    assert choose([], which) == []


@pytest.mark.parametrize(
    ("text", "faces"),
    [
        ("[[1, 2], [3, 4], [5, 6.5]]", [[[1, 2], [3, 4], [5, 6.5]]]),
        ("[[[1, 2], [3, 4]], [[5, 6]]]", [[[1, 2], [3, 4]], [[5, 6]]]),
        ("1 2\n3, 4\n\n5,6.5\n", [[[1, 2], [3, 4], [5, 6.5]]]),
    ],
)
def test_landmarks_are_read_from_json_or_lines_of_text(text, faces, tmp_path):
    (tmp_path / "points.txt").write_text(text)
    assert [points.tolist() for points in read_landmarks(tmp_path / "points.txt")] == faces


def test_landmarks_with_depth_are_refused_with_their_shape():
    with pytest.raises(InputError, match=r"\(468, 3\)"):
        face_from_landmarks(np.ones((468, 3)))


@pytest.mark.parametrize(
    "text", ["", "left eye", "7", "[[1, 2], [3]]", '{"frames": []}', "1 2\n3", b"\xff\xfe"]
)
def test_a_file_without_landmarks_is_refused_by_name(text, tmp_path):
    path = tmp_path / "points.txt"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputError, match=r"points.txt|Expected 468"):
        [alignment_matrix(points) for points in read_landmarks(path)]


def test_missing_models_are_named_with_the_command_that_brings_them(tmp_path):
    with pytest.raises(WeightsMissingError, match=rf"{SHORT_RANGE_FILE}.*\n?.*facemug_core fetch"):
        Detector(tmp_path)


def test_a_missing_runtime_is_named_with_the_line_that_installs_it(tmp_path, monkeypatch):
    for name in NEEDED:
        (tmp_path / name).touch()
    monkeypatch.setitem(__import__("sys").modules, "ai_edge_litert.interpreter", None)
    with pytest.raises(WeightsMissingError, match="pip install ai-edge-litert"):
        Detector(tmp_path)


@pytest.fixture(scope="module")
def detector():
    return Detector(FETCHED)


@pytest.fixture(scope="module")
def astronaut():
    return np.array(Image.open(FETCHED / "astronaut.png").convert("RGB"))


@pytest.fixture(scope="module")
def frame(detector, astronaut):
    """The alignment matrix of the face in the untouched photo."""
    (found,) = detector.detect(astronaut)
    return alignment_matrix(found.landmarks)


def moved(frame: np.ndarray, matrix: np.ndarray, other: np.ndarray) -> float:
    """Mean distance in crop pixels between two frames' inner corners, after bringing the first along."""
    corners = np.array([[64, 64, 1], [192, 64, 1], [64, 192, 1], [192, 192, 1]]).T
    scale = np.hypot(*other[:2, 0])
    return float(np.hypot(*((matrix @ frame - other) @ corners)[:2]).mean() / scale)


@needs_models
def test_the_face_is_found_where_it_is(frame):
    center = frame @ (128, 128, 1)
    np.testing.assert_allclose(center[:2], (223, 112), atol=6)
    assert 0.6 < np.hypot(*frame[:2, 0]) < 0.75


@needs_models
@pytest.mark.parametrize("degrees", [13, 45, -60])
def test_a_turned_photo_gives_the_turned_frame(detector, astronaut, frame, degrees):
    (found,) = detector.detect(np.array(Image.fromarray(astronaut).rotate(degrees, Image.Resampling.BICUBIC)))
    angle = -np.radians(degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    about_center = np.array([[1, 0, 256], [0, 1, 256], [0, 0, 1]])
    matrix = about_center @ turn @ np.linalg.inv(about_center)
    assert moved(frame, matrix, alignment_matrix(found.landmarks)) < 6


@needs_models
@pytest.mark.parametrize("quarter_turns", [1, 2])
def test_a_photo_on_its_side_or_head_gives_a_frame_that_stands(detector, astronaut, frame, quarter_turns):
    (found,) = detector.detect(np.ascontiguousarray(np.rot90(astronaut, quarter_turns)))
    down = alignment_matrix(found.landmarks)[:2, 1]
    expected = np.array([(0, 1), (1, 0), (0, -1)][quarter_turns])
    assert down @ expected > 0.9 * np.hypot(*down)


@needs_models
def test_a_face_that_fills_the_photo_is_framed_as_in_the_wide_photo(detector, astronaut, frame):
    left, top = 155, 45
    (found,) = detector.detect(np.ascontiguousarray(astronaut[top:195, left:295]))
    shift = np.array([[1, 0, -left], [0, 1, -top], [0, 0, 1]])
    assert moved(frame, shift, alignment_matrix(found.landmarks)) < 2


@needs_models
def test_a_padded_photo_gives_the_same_frame(detector, astronaut, frame):
    (found,) = detector.detect(np.pad(astronaut, ((128, 128), (128, 128), (0, 0))))
    shift = np.array([[1, 0, 128], [0, 1, 128], [0, 0, 1]])
    assert moved(frame, shift, alignment_matrix(found.landmarks)) < 1


@needs_models
def test_small_faces_in_a_big_photo_are_found_from_left_to_right(detector, astronaut):
    photo = np.full((1100, 1300, 3), 90, dtype=np.uint8)
    photo[580:1092, 700:1212] = astronaut
    photo[40:552, 100:612] = astronaut
    left, right = detector.detect(photo)
    np.testing.assert_allclose(left.box, np.array([277, 106, 373, 216]), atol=6)
    np.testing.assert_allclose(right.box, np.array([877, 646, 973, 756]), atol=6)


@needs_models
def test_a_small_face_is_not_looked_for_where_only_large_ones_are_wanted(detector, astronaut):
    photo = np.full((1600, 1600, 3), 90, dtype=np.uint8)
    photo[:1024, :1024] = np.array(Image.fromarray(astronaut).resize((1024, 1024)))
    photo[1400:, 1400:] = np.array(Image.fromarray(astronaut).resize((200, 200)))
    assert len(detector.detect(photo)) == 2
    assert len(detector.detect(photo, small=False)) == 1


@needs_models
def test_faces_of_a_fiftieth_of_the_photo_are_found(detector, astronaut):
    photo = np.full((1600, 2400, 3), 90, dtype=np.uint8)
    face = np.array(Image.fromarray(astronaut[20:240, 110:330]).resize((90, 90)))
    for x in range(100, 2300, 440):
        for y in range(60, 1500, 350):
            photo[y : y + 90, x : x + 90] = face
    assert len(detector.detect(photo)) == 25


@needs_models
@pytest.mark.parametrize("quarter_turns", [1, 2, 3])
def test_all_faces_of_a_turned_group_are_found(detector, astronaut, quarter_turns):
    face = astronaut[20:240, 110:330]
    group = np.concatenate([np.concatenate([face] * 4, axis=1)] * 3, axis=0)
    assert len(detector.detect(np.ascontiguousarray(np.rot90(group, quarter_turns)))) == 12


@needs_models
@pytest.mark.parametrize("quarter_turns", [0, 1, 2, 3])
def test_the_face_in_a_given_box_is_framed_however_it_is_turned(detector, astronaut, frame, quarter_turns):
    boxes = [(170, 60, 280, 180), (60, 232, 180, 342), (232, 332, 342, 452), (332, 170, 452, 280)]
    photo = np.ascontiguousarray(np.rot90(astronaut, quarter_turns))
    (found,) = detector.measure(photo, [boxes[quarter_turns]])
    down = alignment_matrix(found.landmarks)[:2, 1]
    expected = np.array([(0, 1), (1, 0), (0, -1), (-1, 0)][quarter_turns])
    assert down @ expected > 0.9 * np.hypot(*down)


@needs_models
@pytest.mark.parametrize(
    "box", [(5, 5, 5, 9), (9, 5, 5, 9), (float("nan"), 0, 1, 1), (0, 0, float("inf"), 1), (0, 0, 1e12, 1e12)]
)
def test_a_box_that_no_face_can_fill_is_refused_with_its_corners(detector, astronaut, box):
    with pytest.raises(InputError, match=re.escape(str(box[2]))):
        detector.measure(astronaut, [box])


@needs_models
@pytest.mark.parametrize("size", [(300, 200), (1, 1), (3, 500)])
def test_a_photo_without_a_face_gives_none(detector, size):
    noise = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    assert detector.detect(noise) == []
    assert detector.detect(np.full((*size, 3), 128, dtype=np.uint8)) == []


@needs_models
def test_the_photo_is_left_alone(detector, astronaut):
    before = astronaut.copy()
    detector.detect(astronaut)
    assert np.array_equal(astronaut, before)
