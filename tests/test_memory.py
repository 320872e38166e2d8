"""What was found is not made again, and an edit has the same bits with and without it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from facemug_core.batches import Watch
from facemug_core.conditions import whole_photo
from facemug_core.editing.directions import shipped_directions
from facemug_core.memory import Memory, content_key
from facemug_core.modalities import Guide
from facemug_core.model import FaceMug
from facemug_core.photo import Photo
from facemug_core.pipeline.editor import EditRequest, PhotoEditor
from facemug_core.pipeline.style import Move

from .tiny import random_conditions, tiny_inverter, tiny_model

SIZE = 400


@pytest.fixture(scope="module")
def able() -> FaceMug:
    """A model that can invert."""
    model = tiny_model()
    return replace(model, inverter=tiny_inverter(model))


@pytest.fixture
def editor(able: FaceMug) -> PhotoEditor:
    return PhotoEditor(able)


def picture() -> Photo:
    values = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)
    return Photo.from_image(Image.fromarray(values))


def mask(value: float = 1.0) -> Tensor:
    values = torch.zeros(1, 1, SIZE, SIZE)
    values[..., 120:200, 120:280] = value
    return values


def request(**changes: Any) -> EditRequest:
    return EditRequest(**{"mask": mask(), "aligned": True, "size": 512, "inversion": 2, "fit": 2} | changes)


def smile(amount: float) -> list[Move]:
    return [Move(shipped_directions()["smile"], amount, {"operation": "direction", "amount": amount})]


def strokes(strength: float) -> Guide:
    values = torch.zeros(1, 1, SIZE, SIZE)
    values[..., 150:153, 120:280] = 1
    return Guide(values, strength)


@pytest.mark.parametrize(
    ("before", "after", "reused"),
    [
        ({}, {"seeds": (7,)}, ["style", "picture", "detail"]),
        ({"style": "photo"}, {"style": "photo", "directions": smile(0.5)}, ["style", "guides"]),
        ({}, {"mask": mask(0.5)}, ["style", "picture", "detail"]),
        ({}, {"opacity": 0.5}, ["style", "picture", "detail"]),
        ({}, {"size": 1024}, ["style", "picture"]),
        ({"exemplar": picture()}, {"exemplar": picture(), "fit": 3}, ["faces", "style", "guides"]),
        ({"style": "photo"}, {"style": "photo", "sketch": strokes(0.5)}, ["style"]),
        ({"style": "random"}, {"style": "random", "seeds": (7,)}, ["guides"]),
        ({}, {"inversion": 3}, ["guides"]),
    ],
)
def test_an_edit_makes_what_has_changed_and_has_the_bits_of_one_without_memory(
    before: dict[str, Any],
    after: dict[str, Any],
    reused: list[str],
    able: FaceMug,
    editor: PhotoEditor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(PhotoEditor, "detector", NoFaces())
    editor.edit(picture(), request(**before))
    again = editor.edit(picture(), request(**after))
    alone = PhotoEditor(able).edit(picture(), request(**after))
    assert again.reused == reused
    assert alone.reused == []
    assert torch.equal(again.photos[0].pixels, alone.photos[0].pixels)
    assert torch.equal(again.latents[0].codes, alone.latents[0].codes)
    assert again.latents[0].recipe == alone.latents[0].recipe


class NoFaces:
    """Finds nothing: an exemplar is taken as it is."""

    def detect(self, *_: Any) -> list[Any]:
        return []


def test_codes_of_one_variant_do_not_stand_for_those_of_two(editor: PhotoEditor) -> None:
    one = editor.edit(picture(), request(style="random", seeds=(1,)))
    two = editor.edit(picture(), request(style="random", seeds=(1, 2)))
    assert torch.equal(one.photos[0].pixels, two.photos[0].pixels)
    assert not torch.equal(two.photos[0].pixels, two.photos[1].pixels)


def test_faces_are_not_found_again_for_another_mask(
    editor: PhotoEditor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PhotoEditor, "detector", NoFaces())
    asked = request(aligned=False, skip_without_face=True)
    editor.edit(picture(), asked)
    assert editor.edit(picture(), replace(asked, mask=mask().flip(-1))).reused == ["faces"]


class StoppedError(Exception):
    pass


class Stop(Watch):
    """Stops the work at one of the steps of the descent."""

    def __call__(self, done: int, total: int) -> None:
        if done == 1:
            raise StoppedError


def test_a_stopped_edit_leaves_nothing_half_done(able: FaceMug, editor: PhotoEditor) -> None:
    with pytest.raises(StoppedError):
        editor.edit(picture(), request(), Stop())
    after = editor.edit(picture(), request())
    assert after.reused == []
    assert torch.equal(after.photos[0].pixels, PhotoEditor(able).edit(picture(), request()).photos[0].pixels)


class Diary(Watch):
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.stages: list[str] = []
        self.shown: list[Tensor] = []

    def stage(self, name: str) -> None:
        self.stages.append(name)

    def show(self, picture: Tensor) -> None:
        self.shown.append(picture)


def test_an_edit_tells_of_its_stages_and_shows_pictures_from_the_first_step_on(editor: PhotoEditor) -> None:
    diary = Diary()
    editor.edit(picture(), request(), diary)
    assert diary.stages == ["faces", "mask", "style", "picture", "detail", "paste"]
    assert len(diary.shown) >= 2
    assert all(shown.shape == (1, 3, 256, 256) for shown in diary.shown)


def test_what_is_shown_keeps_the_photo_outside_the_mask(editor: PhotoEditor) -> None:
    diary = Diary()
    conditions = editor.edit(picture(), request(), diary).conditions[0]
    kept = (conditions.mask == 0).expand_as(conditions.image)
    assert all(torch.equal(shown[kept], conditions.image[kept]) for shown in diary.shown)


def test_the_first_picture_is_that_of_the_encoders_codes(able: FaceMug) -> None:
    assert able.inverter is not None
    seen = whole_photo(random_conditions().image)
    codes, shown = able.project(seen), []
    able.invert(codes, seen, steps=2, preview=shown.append)
    assert torch.equal(shown[0], able.inverter.head.picture(able.bank, codes))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (torch.zeros(2), torch.zeros(2, dtype=torch.float64)),
        (torch.zeros(4), torch.zeros(2, 2)),
        (torch.zeros(1), torch.zeros(1).neg()),
        (torch.zeros(1), np.zeros(1, np.uint8)),
        (np.zeros(4), np.zeros((2, 2))),
        ((1, (2, 3)), ((1, 2), 3)),
        (1, 1.0),
        (1, True),
        ("1", 1),
        (None, "None"),
        ({"a": 1}, {"b": 1}),
    ],
)
def test_values_of_other_content_have_another_key(one: object, other: object) -> None:
    assert content_key(one) != content_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (torch.arange(6).view(3, 2).T, torch.tensor([[0, 2, 4], [1, 3, 5]])),
        (torch.ones(4)[::2], torch.ones(2)),
        (np.ones((2, 3)).T, np.ones((3, 2))),
    ],
)
def test_the_place_of_values_in_memory_does_not_count(one: object, other: object) -> None:
    assert content_key(one) == content_key(other)


def test_what_has_no_content_to_compare_is_refused() -> None:
    with pytest.raises(TypeError):
        content_key(object())


def made(log: list[int], number: int, size: int = 10) -> Callable[[], Tensor]:
    def make() -> Tensor:
        log.append(number)
        return torch.full((size,), number, dtype=torch.uint8)

    return make


def test_the_last_results_are_kept_as_long_as_they_fit() -> None:
    memory, log = Memory(limit=25), []
    for number in (1, 2, 1, 3, 1, 2):
        assert memory.recall("stage", (number,), made(log, number))[0] == number
    assert log == [1, 2, 3, 2]


def test_a_result_larger_than_the_memory_is_not_kept_and_drives_out_nothing() -> None:
    memory, log = Memory(limit=25), []
    for number, size in ((1, 10), (2, 30), (1, 10), (2, 30)):
        memory.recall("stage", (number,), made(log, number, size))
    assert log == [1, 2, 2]


def test_stages_do_not_share_results() -> None:
    memory, log = Memory(), []
    memory.recall("one", (), made(log, 1))
    memory.recall("other", (), made(log, 2))
    assert log == [1, 2]
