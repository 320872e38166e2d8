"""Edits of whole photos: kept pixels keep their bits at any size, mode, feather and opacity."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from facemug_core.conditions import Conditions
from facemug_core.editing.directions import shipped_directions
from facemug_core.errors import FaceNotFoundError, InputError
from facemug_core.faces.alignment import aligned_matrix
from facemug_core.modalities import Guide
from facemug_core.photo import Photo
from facemug_core.pipeline.blackened import BLACKENED, BLACKENED_FACE, is_black
from facemug_core.pipeline.editor import EditRequest, PhotoEditor
from facemug_core.pipeline.guides import guides_to_crop, new_face_conditions
from facemug_core.pipeline.locate import FaceQuery, aligned_face
from facemug_core.pipeline.style import Move
from facemug_core.sheets import conditions_sheet, curve_image, edit_sheet

from .allocations import Allocations
from .tiny import tiny_model


def _photo(width: int, height: int, mode: str = "RGB", seed: int = 0) -> Photo:
    channels = len(mode)
    values = np.random.default_rng(seed).integers(0, 256, (height, width, channels), dtype=np.uint8)
    return Photo.from_image(Image.fromarray(values[..., 0] if channels == 1 else values, mode))


def _mask(photo: Photo, top: int, left: int, bottom: int, right: int) -> torch.Tensor:
    mask = torch.zeros(1, 1, *photo.size)
    mask[..., top:bottom, left:right] = 1
    return mask


@settings(max_examples=8, deadline=None)
@given(
    st.integers(40, 300), st.integers(40, 300), st.sampled_from(["L", "LA", "RGB", "RGBA"]),
    st.integers(0, 12), st.floats(0, 1),
)  # fmt: skip
def test_kept_pixels_keep_their_bits(
    width: int, height: int, mode: str, feather: int, opacity: float
) -> None:
    editor, photo = PhotoEditor(tiny_model()), _photo(width, height, mode)
    mask = _mask(photo, 10, 12, 30, 33)
    request = EditRequest(mask=mask, aligned=True, feather=feather, opacity=opacity)
    edited = editor.edit(photo, request).photos[0]
    kept = (mask == 0).expand_as(photo.pixels)
    assert torch.equal(edited.pixels[kept], photo.pixels[kept])
    assert edited.mode == mode


def test_an_opacity_of_zero_returns_the_photos_bits(editor: PhotoEditor) -> None:
    photo = _photo(200, 180)
    request = EditRequest(mask=_mask(photo, 20, 20, 90, 90), aligned=True, opacity=0.0)
    assert torch.equal(editor.edit(photo, request).photos[0].pixels, photo.pixels)


def test_a_frame_without_a_face_passes_with_its_bits_and_that_is_said(editor: PhotoEditor) -> None:
    photo = _photo(200, 180)
    request = EditRequest(
        mask=_mask(photo, 20, 20, 90, 90), landmarks=[], skip_without_face=True, seeds=[1, 2]
    )
    result = editor.edit(photo, request)
    assert [torch.equal(frame.pixels, photo.pixels) for frame in result.photos] == [True, True]
    assert any("unchanged" in warning for warning in result.warnings)


def test_a_frame_does_not_depend_on_those_before(editor: PhotoEditor) -> None:
    frames = [_photo(120, 100, seed=i) for i in range(3)]
    request = EditRequest(mask=_mask(frames[0], 10, 10, 60, 60), aligned=True, style="random")
    in_order = [editor.edit(frame, request).photos[0].pixels for frame in frames]
    backwards = [editor.edit(frame, request).photos[0].pixels for frame in reversed(frames)]
    assert all(torch.equal(a, b) for a, b in zip(in_order, reversed(backwards), strict=True))


def test_eyes_and_mouth_given_by_hand_are_enough(editor: PhotoEditor) -> None:
    photo = _photo(200, 180)
    points = [[80, 70], [120, 70], [85, 110], [115, 110]]
    request = EditRequest(mask=_mask(photo, 60, 60, 120, 130), landmarks=[points])
    (face,) = editor.edit(photo, request).faces
    assert face.box == (80, 70, 120, 110)


def _asked(editor: PhotoEditor, turn: Callable[[torch.Tensor], torch.Tensor]) -> Conditions:
    """What an edit asks for on the crop, if photo, mask, guides and landmarks are turned or mirrored."""
    eyes_and_mouth = torch.zeros(4, 200, 240)
    for point, (x, y) in enumerate(((80, 90), (140, 90), (90, 150), (130, 150))):
        eyes_and_mouth[point, y, x] = 1
    landmarks = [np.argwhere(point.numpy())[0, ::-1] + 0.5 for point in turn(eyes_and_mouth)]
    generator = torch.Generator().manual_seed(0)
    smooth = torch.nn.functional.interpolate(torch.rand(1, 3, 10, 12, generator=generator), (200, 240))
    corner = torch.zeros(1, 1, 200, 240)
    corner[..., 60:120, 70:110] = 1
    request = EditRequest(
        mask=turn(corner),
        sketch=Guide(turn(corner)),
        semantic=Guide(turn(corner[0].long())),
        color=Guide(turn(smooth)),
        landmarks=[np.array(landmarks)],
    )
    photo = Photo.from_image(Image.fromarray((turn(smooth)[0] * 255).byte().permute(1, 2, 0).numpy()))
    return editor.edit(photo, request).conditions[0]


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_masks_and_guides_lie_where_they_were_drawn_on_a_photo_that_is_turned(
    editor: PhotoEditor, quarters: int
) -> None:
    upright, turned = (_asked(editor, lambda x, k=k: x.rot90(k, (-2, -1))) for k in (0, quarters))
    assert (upright.stack - turned.stack).abs().mean() < 1e-3


def test_masks_and_guides_lie_where_they_were_drawn_on_a_photo_that_is_mirrored(editor: PhotoEditor) -> None:
    as_is, mirrored = (_asked(editor, lambda x, m=m: x.flip(-1) if m else x) for m in (False, True))
    assert (as_is.stack - mirrored.stack.flip(-1)).abs().mean() < 1e-3


def test_landmarks_of_a_far_larger_picture_are_refused_with_both_sizes(editor: PhotoEditor) -> None:
    points = 1000 * np.array([[90, 80], [130, 80], [95, 140], [125, 140]])
    with pytest.raises(InputError, match="pixels wide, but the photo is 220 × 200"):
        editor.find_faces(_photo(220, 200), FaceQuery(landmarks=[points]))


def test_alpha_is_passed_through(editor: PhotoEditor) -> None:
    photo = _photo(256, 256, "RGBA")
    edited = editor.edit(photo, EditRequest(mask=torch.ones(1, 1, 256, 256), aligned=True)).photos[0]
    assert torch.equal(edited.pixels[:, 3:], photo.pixels[:, 3:])
    assert not torch.equal(edited.pixels[:, :3], photo.pixels[:, :3])


def test_edits_in_a_chain_leave_never_masked_pixels_alone(editor: PhotoEditor) -> None:
    first = photo = _photo(233, 301)
    touched = torch.zeros(1, 1, *photo.size, dtype=torch.bool)
    for i in range(10):
        mask = _mask(photo, 20 * i, 10 * i, 20 * i + 30, 10 * i + 25)
        touched |= mask > 0
        photo = editor.edit(photo, EditRequest(mask=mask, aligned=True, seeds=[i])).photos[0]
    kept = ~touched.expand_as(first.pixels)
    assert torch.equal(photo.pixels[kept], first.pixels[kept])


def test_a_mask_beyond_the_crop_is_edited_inside_it_and_reported(editor: PhotoEditor) -> None:
    photo = _photo(400, 200)
    matrix = np.array([[0.5, 0, 100], [0, 0.5, 40], [0, 0, 1.0]])  # a crop of 128 px at (100, 40)
    editor.find_faces = lambda *_: [  # type: ignore[method-assign]
        type(face)(matrix, face.crop, None)
        for face in PhotoEditor.find_faces(editor, photo, FaceQuery(aligned=True))
    ]
    try:
        mask = _mask(photo, 60, 60, 120, 160)
        result = editor.edit(photo, EditRequest(mask=mask))
    finally:
        del editor.find_faces  # type: ignore[method-assign]
    changed = (result.photos[0].pixels != photo.pixels).any(1, keepdim=True)
    assert changed.any()
    assert not changed[..., :100].any()
    assert result.untouched.sum() == 60 * 40
    assert any("2400 masked pixels" in warning for warning in result.warnings)


def test_guides_of_strength_zero_change_nothing(editor: PhotoEditor) -> None:
    photo = _photo(256, 256)
    mask = _mask(photo, 60, 60, 180, 180)
    strokes = Guide((torch.rand(1, 1, 256, 256) > 0.9).float(), strength=0.0)
    plain = editor.edit(photo, EditRequest(mask=mask, aligned=True)).photos[0]
    guided = editor.edit(photo, EditRequest(mask=mask, aligned=True, sketch=strokes)).photos[0]
    assert torch.equal(plain.pixels, guided.pixels)


def test_guides_on_the_photos_grid_reach_the_crop(editor: PhotoEditor) -> None:
    photo = _photo(512, 512)
    labels = torch.full((1, 512, 512), -1)
    labels[:, 100:200, 100:200] = 17
    color = torch.zeros(1, 3, 512, 512)
    color[..., 100:200, 100:200] = 0.5
    request = EditRequest(
        mask=_mask(photo, 80, 80, 220, 220), aligned=True, semantic=Guide(labels), color=Guide(color)
    )
    conditions = editor.edit(photo, request).conditions[0]
    assert conditions.semantic[:, 17, 51:99, 51:99].min() == 1
    assert conditions.semantic[..., 110:, 110:].sum() == 0
    torch.testing.assert_close(conditions.color[..., 51:99, 51:99], torch.full((1, 3, 48, 48), 0.5))


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (EditRequest(aligned=True), "either a mask or the names"),
        (EditRequest(aligned=True, mask=torch.zeros(1, 1, 64, 64)), "mask is empty"),
        (
            EditRequest(aligned=True, mask=torch.ones(1, 1, 64, 64), regions="hair"),
            "either a mask or the names",
        ),
    ],
)
def test_a_request_without_one_clear_place_is_refused(
    request_: EditRequest, message: str, editor: PhotoEditor
) -> None:
    with pytest.raises(InputError, match=message):
        editor.edit(_photo(64, 64), request_)


def test_sheets_show_inputs_and_results(editor: PhotoEditor) -> None:
    photo = _photo(300, 200)
    request = EditRequest(mask=_mask(photo, 20, 20, 90, 90), aligned=True, exemplar=None, seeds=[1, 2])
    assert edit_sheet(photo, request, editor.edit(photo, request)).width == 4 * 256
    assert conditions_sheet(Conditions.build(), None, torch.zeros(2, 3, 256, 256)).width == 2 * 256


def test_a_loss_curve_marks_its_best_step() -> None:
    image = curve_image([1.0, 0.5, 0.7], 1)
    assert image.getpixel((image.width // 2, 220)) == (220, 60, 40)


def test_a_loss_curve_without_steps_is_blank() -> None:
    assert curve_image([], 0).getextrema() == ((255, 255),) * 3


def test_a_guide_for_a_new_face_keeps_its_shape_and_asks_for_nothing_beside_it() -> None:
    labels = torch.ones(1, 300, 600, dtype=torch.int64)
    semantic = new_face_conditions({"semantic": Guide(labels)}).semantic
    assert torch.equal(semantic[0, 1, 66:190], torch.ones(124, 256))
    assert not semantic[0, :, :62].any()
    assert not semantic[0, :, 194:].any()


@pytest.mark.parametrize("side", [1024, 1500, 4096])
def test_lines_of_one_pixel_survive_the_way_to_a_smaller_crop(side: int) -> None:
    sketch = torch.zeros(1, 1, side, side)
    sketch[..., side // 3, :] = 1
    assert new_face_conditions({"sketch": Guide(sketch)}).sketch.any(2).all()


def test_big_maps_reach_the_crop_without_another_tensor_of_their_size() -> None:
    generator = torch.Generator().manual_seed(0)
    color = torch.rand(1, 3, 900, 900, generator=generator) * 2 - 1
    labels = torch.randint(-1, 19, (1, 900, 900), generator=generator)
    with Allocations() as made:
        guides_to_crop({"color": Guide(color), "semantic": Guide(labels)}, aligned_matrix((900, 900)))
    assert made.as_large_as(color) <= {color.untyped_storage().data_ptr()}


def _blackened(photo: Photo, mask: torch.Tensor) -> Photo:
    return Photo(torch.where(mask > 0, 3, photo.pixels).byte(), photo.mode)


def test_a_photo_that_is_black_under_its_mask_is_told_apart() -> None:
    photo = _photo(100, 120)
    mask = _mask(photo, 20, 20, 60, 60)
    assert is_black(_blackened(photo, mask), mask)
    assert not is_black(photo, mask)
    assert not is_black(_blackened(photo, mask), torch.zeros_like(mask))
    assert not is_black(_blackened(photo, mask), _mask(photo, 20, 20, 60, 70))


@pytest.mark.parametrize(
    "how",
    [
        {"style_mix": float("nan")},
        {"directions": [Move(shipped_directions()["smile"], 1e30, {"operation": "x"})]},
    ],
)
def test_amounts_of_which_no_picture_can_be_made_are_refused(
    how: dict[str, Any], editor: PhotoEditor
) -> None:
    photo = _photo(64, 64)
    request = EditRequest(mask=_mask(photo, 10, 10, 40, 40), aligned=True, style="random", **how)
    with pytest.raises(InputError, match="amount"):
        editor.edit(photo, request)


def test_what_a_request_has_to_say_is_among_the_warnings(editor: PhotoEditor) -> None:
    photo = _photo(64, 64)
    request = EditRequest(mask=_mask(photo, 10, 10, 40, 40), aligned=True, warnings=["The mask is odd."])
    assert "The mask is odd." in editor.edit(photo, request).warnings


def test_black_under_the_mask_is_a_warning(editor: PhotoEditor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PhotoEditor, "find_faces", lambda self, photo, *_: [aligned_face(photo)])
    photo = _photo(256, 256)
    mask = _mask(photo, 60, 60, 120, 120)
    assert BLACKENED in editor.edit(_blackened(photo, mask), EditRequest(mask=mask)).warnings
    assert BLACKENED not in editor.edit(photo, EditRequest(mask=mask)).warnings
    assert (
        BLACKENED not in editor.edit(_blackened(photo, mask), EditRequest(mask=mask, aligned=True)).warnings
    )


def test_where_no_face_is_found_the_black_is_named(
    editor: PhotoEditor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PhotoEditor, "find_faces", lambda *_: [])
    photo = _photo(256, 256)
    mask = _mask(photo, 60, 60, 120, 120)
    with pytest.raises(FaceNotFoundError, match="black under its mask"):
        editor.edit(_blackened(photo, mask), EditRequest(mask=mask))


def test_an_exemplar_with_a_black_face_is_a_warning(
    editor: PhotoEditor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PhotoEditor, "find_faces", lambda self, photo, *_: [aligned_face(photo)])
    photo = _photo(256, 256)
    black = _blackened(photo, _mask(photo, 80, 80, 180, 180))
    request = EditRequest(mask=_mask(photo, 0, 0, 20, 20), exemplar=black)
    assert BLACKENED_FACE in editor.edit(photo, request).warnings
