"""Frames of a video: one style, steady faces, frames without a face as they were, and no growing memory."""

from __future__ import annotations

import gc
from dataclasses import replace

import numpy as np
import pytest
import torch

from facemug_core.errors import FacemugError, InputError, WeightsMissingError
from facemug_core.faces.alignment import aligned_matrix, translation
from facemug_core.memory import Memory
from facemug_core.photo import Photo
from facemug_core.pipeline.editor import EditRequest, PhotoEditor
from facemug_core.pipeline.locate import AlignedFace, FacePlace
from facemug_core.pipeline.video import Video, scan_frames

SIZE = (24, 32)
MASK = torch.zeros(1, 1, *SIZE)
MASK[..., 8:16, 8:24] = 1


def _frame(number: int) -> Photo:
    generator = torch.Generator().manual_seed(number)
    return Photo(torch.randint(0, 256, (1, 3, *SIZE), generator=generator).byte(), "RGB")


def _face(x: float = 0.0) -> AlignedFace:
    """A face that fills the frame, but for a shift to the right."""
    return AlignedFace(translation(x, 0) @ aligned_matrix(SIZE), torch.zeros(1, 3, 256, 256), (0, 0, 32, 24))


def _codes(_: int, places: list[FacePlace]) -> dict[int, torch.Tensor]:
    return {place.person: torch.zeros(1, 18, 512) for place in places}


def _edited(editor: PhotoEditor, video: Video[int], number: int) -> Photo:
    return editor.edit(_frame(number), video.request(number, EditRequest(mask=MASK))).photos[0]


def _bytes_of_tensors() -> int:
    gc.collect()
    stores = (one.untyped_storage() for one in gc.get_objects() if issubclass(type(one), torch.Tensor))
    return sum({store.data_ptr(): store.nbytes() for store in stores}.values())


def test_memory_stays_the_same_over_a_thousand_frames_and_those_without_a_face_keep_their_bits(
    editor: PhotoEditor,
) -> None:
    limit = 2**20
    editor = replace(editor, memory=Memory(limit))
    with_face = {0, 500, 999}
    memory: dict[int, int] = {}

    def find(number: int) -> list[AlignedFace]:
        if number in (100, 999):
            memory[number] = _bytes_of_tensors()
        # In the first look all but one frame in ten have a face: crops that were kept would be noticed.
        return [_face()] if number in with_face or number % 10 else []

    scan_frames(range(1000), find, _codes, reach=5)
    assert memory[999] == memory[100]

    video = scan_frames(range(1000), lambda i: [_face()] * (i in with_face), _codes, reach=5)
    for number in range(1000):
        if number in (100, 998):
            memory[number] = _bytes_of_tensors()
        edited = _edited(editor, video, number)
        assert torch.equal(edited.pixels, _frame(number).pixels) == (number not in with_face)
    assert memory[998] <= memory[100] + limit


def test_all_frames_have_the_style_of_the_first_that_can_be_edited(editor: PhotoEditor) -> None:
    def style(number: int, places: list[FacePlace]) -> dict[int, torch.Tensor]:
        if number == 1:
            raise InputError("The mask is empty.")
        return {0: editor.edit(_frame(number), EditRequest(mask=MASK, places=places)).latents[0].codes}

    video = scan_frames(range(4), lambda i: [_face()] if i else [], style, reach=0)
    first = editor.edit(_frame(2), EditRequest(mask=MASK, places=[_face().place]))
    assert torch.equal(_edited(editor, video, 2).pixels, first.photos[0].pixels)
    request = video.request(3, EditRequest(mask=MASK))
    assert torch.equal(editor.edit(_frame(3), request).latents[0].codes, first.latents[0].codes)


def test_places_are_smoothed_over_time_and_stay_with_their_frames() -> None:
    shifts = [0, 3, 0, None, 0, 3, 0]
    faces = [[] if x is None else [_face(x)] for x in shifts]
    video = scan_frames(range(7), faces.__getitem__, _codes, reach=3)
    assert list(video.places) == list(range(7))
    assert [len(video.places[i]) for i in range(7)] == [len(found) for found in faces]
    moved = [video.places[i][0].matrix[0, 2] for i in range(7) if video.places[i]]
    assert np.ptp(moved) < 0.5 * np.ptp([face.matrix[0, 2] for found in faces for face in found])
    assert video.places[0][0].box == _face().box


def test_a_frame_that_cannot_be_read_counts_as_one_without_a_face() -> None:
    def find(number: int) -> list[AlignedFace]:
        if number == 1:
            raise InputError("It is not a picture.")
        return [_face()]

    video = scan_frames(range(3), find, _codes, reach=1)
    assert [len(places) for places in video.places.values()] == [1, 0, 1]


@pytest.mark.parametrize("step", ["find", "style"])
def test_what_fails_for_all_frames_is_told(step: str) -> None:
    def fail(*_: object) -> list[AlignedFace]:
        raise WeightsMissingError("Run fetch.")

    find, style = (fail, _codes) if step == "find" else (lambda _: [_face()], fail)
    with pytest.raises(FacemugError, match="Run fetch"):
        scan_frames(range(3), find, style, reach=1)  # type: ignore[arg-type]


def test_a_video_without_any_face_has_no_style() -> None:
    assert scan_frames(range(3), lambda _: [], _codes, reach=1).codes == {}


WIDE = torch.zeros(1, 1, 24, 64)
WIDE[..., 8:16, 4:60] = 1


def _half(right: bool) -> AlignedFace:
    """A face in one half of a frame of 64 × 24 pixels."""
    return AlignedFace(
        translation(32 * right, 0) @ aligned_matrix(SIZE), torch.zeros(1, 3, 256, 256), (0, 0, 32, 24)
    )


def test_each_person_keeps_the_style_of_the_first_frame_in_which_the_face_can_be_edited(
    editor: PhotoEditor,
) -> None:
    frames = [[_half(False)], [_half(True), _half(False)], [_half(False), _half(True)], [_half(True)]]
    asked: list[list[int]] = []

    def style(number: int, places: list[FacePlace]) -> dict[int, torch.Tensor]:
        asked.append([place.person for place in places])
        return {place.person: torch.full((1, 18, 512), 0.1 * number) for place in places}

    video = scan_frames(range(4), frames.__getitem__, style, reach=0)
    assert asked == [[0], [1]]
    photo = Photo(torch.full((1, 3, 24, 64), 90, dtype=torch.uint8), "RGB")
    for number, expected in enumerate([[0.0], [0.1, 0.0], [0.0, 0.1], [0.1]]):
        result = editor.edit(photo, video.request(number, EditRequest(mask=WIDE)))
        assert [float(latent.codes[0, 0, 0]) for latent in result.latents] == pytest.approx(expected)


def test_a_person_who_can_never_be_edited_keeps_the_bits(editor: PhotoEditor) -> None:
    def style(_: int, places: list[FacePlace]) -> dict[int, torch.Tensor]:
        return {0: torch.zeros(1, 18, 512)}

    video = scan_frames(range(2), lambda _: [_half(False), _half(True)], style, reach=0)
    result = editor.edit(
        Photo(torch.full((1, 3, 24, 64), 90, dtype=torch.uint8), "RGB"),
        video.request(1, EditRequest(mask=WIDE)),
    )
    assert [face.person for face in result.faces] == [0]


def test_codes_of_several_people_who_are_not_all_there_from_the_start_are_refused() -> None:
    frames = [[_half(False)], [_half(False), _half(True)]]
    with pytest.raises(InputError, match="codes that serve everybody"):
        scan_frames(
            range(2), frames.__getitem__,
            lambda number, places: {places[0].person: torch.zeros(1 + number, 18, 512)}, reach=0,
        )  # fmt: skip
