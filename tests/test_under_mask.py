"""The mask decides which face is edited, and each face edits its own part of it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from facemug_core.errors import NothingToEditError
from facemug_core.faces.alignment import alignment_matrix, matrix_from_points
from facemug_core.faces.under_mask import beside_heads, faces_under, split_mask
from facemug_core.photo import Photo
from facemug_core.pipeline.editor import EditRequest, PhotoEditor
from facemug_core.pipeline.locate import FaceQuery

WIDTH, HEIGHT = 640, 512


def face(x: float, y: float, size: float) -> list[list[float]]:
    """Eyes and mouth corners of an upright face around a point, with eyes `size` apart."""
    half = size / 2
    corner = 0.4 * size
    return [[x - half, y - half], [x + half, y - half], [x - corner, y + half], [x + corner, y + half]]


PARENT, CHILD = face(250, 220, 120), face(520, 420, 40)
MATRICES = [alignment_matrix(points) for points in (PARENT, CHILD)]


def mask(*boxes: tuple[int, int, int, int]) -> torch.Tensor:
    """1 within boxes of left, top, right, bottom."""
    values = torch.zeros(1, 1, HEIGHT, WIDTH)
    for x0, y0, x1, y1 in boxes:
        values[..., y0:y1, x0:x1] = 1
    return values


CHILD_MOUTH, PARENT_MOUTH = (500, 435, 540, 455), (200, 265, 300, 300)
PARENT_HAIR = (180, 20, 320, 90)


@pytest.mark.parametrize(
    ("boxes", "expected"),
    [
        ([CHILD_MOUTH], [1]),
        ([PARENT_MOUTH], [0]),
        ([PARENT_HAIR], [0]),
        ([PARENT_MOUTH, CHILD_MOUTH], [0, 1]),
        ([(480, 380, 560, 470), (240, 270, 250, 275)], [1, 0]),
        ([(0, 0, WIDTH, HEIGHT)], [0, 1]),
        ([(0, 480, 20, 512)], []),
    ],
)
def test_the_mask_decides_which_face(boxes: list[tuple[int, int, int, int]], expected: list[int]) -> None:
    assert faces_under(mask(*boxes), MATRICES) == expected


def test_each_face_has_its_own_part_of_the_mask_and_none_is_lost() -> None:
    both = mask(PARENT_MOUTH, CHILD_MOUTH, PARENT_HAIR)
    parent, child = split_mask(both, MATRICES)
    assert torch.equal(child, mask(CHILD_MOUTH))
    assert torch.equal(parent + child, both)


def test_one_face_has_the_whole_mask_with_its_softness() -> None:
    soft = mask((0, 0, WIDTH, HEIGHT)) * 0.3
    assert split_mask(soft, MATRICES[:1])[0] is soft


def test_only_pieces_beside_every_head_are_searched_for_small_faces() -> None:
    assert beside_heads(mask(PARENT_HAIR, CHILD_MOUTH), MATRICES) is None
    x0, y0, x1, y1 = beside_heads(mask(PARENT_HAIR, CHILD_MOUTH), MATRICES[:1]) or (0, 0, 0, 0)
    assert x0 <= 500 < 540 <= x1 < 560
    assert y0 <= 435 < 455 <= y1 < 470


def noise() -> Photo:
    pixels = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    return Photo.from_image(Image.fromarray(pixels))


def test_the_face_under_the_mask_is_edited_and_not_the_largest(editor: PhotoEditor) -> None:
    request = EditRequest(mask=mask(CHILD_MOUTH), landmarks=[PARENT, CHILD], size=256)
    result = editor.edit(noise(), request)
    assert [tuple(found.matrix[:2, 2]) for found in result.faces] == [
        tuple(matrix_from_points(CHILD[:2], CHILD[2:])[:2, 2])
    ]
    assert (result.photos[0].pixels != noise().pixels).any()


def test_a_mask_over_several_faces_edits_each_as_it_would_alone(editor: PhotoEditor) -> None:
    edits = [
        editor.edit(noise(), EditRequest(mask=mask(*boxes), landmarks=[PARENT, CHILD], size=256)).photos[0]
        for boxes in ([PARENT_MOUTH, CHILD_MOUTH], [PARENT_MOUTH], [CHILD_MOUTH])
    ]
    both, parent, child = (photo.pixels for photo in edits)
    assert torch.equal(both, torch.where(mask(CHILD_MOUTH) > 0, child, parent))


@pytest.mark.parametrize("which", ["auto", "largest"])
def test_a_mask_beside_every_face_says_where_faces_are_and_which_option_helps(
    editor: PhotoEditor, which: str
) -> None:
    request = EditRequest(mask=mask((0, 480, 20, 512)), landmarks=[PARENT, CHILD], which=which)
    with pytest.raises(NothingToEditError, match=r"190,160,120,120.*box or landmarks"):
        editor.edit(noise(), request)


def test_without_a_mask_the_largest_face_is_taken(editor: PhotoEditor) -> None:
    (found,) = editor.find_faces(noise(), FaceQuery(landmarks=[CHILD, PARENT]))
    assert found.box == (190, 160, 310, 280)
