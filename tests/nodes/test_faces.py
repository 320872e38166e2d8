"""Nodes that find, parse and paste faces."""

from __future__ import annotations

import dataclasses
import gc
import sys
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from facemug_core.errors import InputError
from facemug_core.faces.alignment import aligned_matrix, translation
from facemug_core.faces.regions import without_holes
from facemug_core.ops.filters import gaussian_blur
from facemug_core.photo import Photo
from facemug_core.pipeline.editor import PhotoEditor
from facemug_core.pipeline.locate import AlignedFace, FacePlace, aligned_face, face_at
from facemug_core.sheets import faces_overlay

from ..pack import NAME
from .running import NODES, aligned, center_mask, host, image, photo, run, tensors

BOX = {"x": 1, "y": 2, "width": 3, "height": 4}


@pytest.mark.parametrize("crops", [torch.full((1, 256, 256, 3), float("nan")), torch.zeros(1, 0, 0, 3)])
def test_crops_that_another_node_has_broken_are_not_pasted(model: Any, crops: Tensor) -> None:
    with pytest.raises(InputError, match="IMAGE"):
        run("PasteFaces", faces=aligned(model, photo()), crops=crops, mask=center_mask())


def test_one_crop_is_pasted_through_every_mask(model: Any) -> None:
    faces, masks = aligned(model, photo()), center_mask(2)
    masks[1] = masks[1].flip(0)
    pasted, changed = run("PasteFaces", faces=faces, crops=torch.zeros(1, 256, 256, 3), mask=masks)
    assert torch.equal(changed, masks)
    assert len(pasted) == 2


def test_region_masks_lie_on_the_photo(model: Any) -> None:
    faces = aligned(model, photo(1, 300, 200))
    labels = torch.zeros(1, 256, 256, dtype=torch.long)
    labels[:, 100:150, 100:150] = 17
    semantic = sys.modules[f"{NAME}.nodes.payloads"].GuidePictures(labels, faces)
    (mask,) = run("RegionMask", semantic=semantic)
    assert mask.shape == (1, 300, 200)
    rows = mask[0].any(1).nonzero()
    scale = aligned_matrix((300, 200))[1, 1]
    assert abs(int(rows[0]) - 100 * scale) <= 1
    assert abs(int(rows[-1]) - 150 * scale) <= 1


def test_a_photo_without_a_face_is_left_alone_when_it_may_be_skipped(model: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(PhotoEditor, "find_faces", lambda *arguments, **options: [])
    pictures, mask = image(), center_mask()
    faces, crops, _, _, boxes = run("DetectFaces", model=model, image=pictures, no_face="skip")
    assert boxes == [[]]
    pasted, changed = run("PasteFaces", faces=faces, crops=torch.zeros_like(crops), mask=mask)
    assert torch.equal(pasted, pictures)
    assert not changed.any()


def test_a_photo_without_a_face_is_an_error_that_says_what_to_do(model: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(PhotoEditor, "find_faces", lambda *arguments, **options: [])
    with pytest.raises(InputError, match=r"photo 1 of 1.*`aligned`.*`no_face`"):
        run("DetectFaces", model=model, image=image())


def test_face_meshes_of_the_host_take_the_place_of_finding(model: Any) -> None:
    mesh = torch.rand(478, 2, generator=torch.Generator().manual_seed(0)).numpy() * 100 + 50
    mesh[[33, 133], 0], mesh[[362, 263], 0], mesh[[61, 291], 1] = 70, 130, 160
    landmarks = {"frames": [[{"landmarks_xy": mesh}]], "image_size": (200, 240)}
    faces = run("DetectFaces", model=model, image=image(), landmarks=landmarks)[0]
    assert len(faces.places) == 1
    assert faces.places[0].found


@pytest.mark.parametrize(
    "boxes", [[[{"x": 1, "y": 2}]], [[{"left": 1}]], [[(1, 2, 3, 4)]], [[{**BOX, "x": None}]], 5]
)
def test_boxes_of_another_form_are_refused_with_what_came(model: Any, boxes: Any) -> None:
    with pytest.raises(InputError, match=r"`boxes` should be .*width, height"):
        run("DetectFaces", model=model, image=photo(), boxes=boxes)


def test_a_0_in_place_of_boxes_as_exported_from_fields_is_none(model: Any, monkeypatch: Any) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(
        PhotoEditor, "find_faces", lambda _, one, query, *__: asked.append(query.boxes) or [aligned_face(one)]
    )
    run("DetectFaces", model=model, image=photo(), boxes=0)
    assert asked == [None]


@pytest.mark.parametrize(
    "landmarks",
    [{}, [], {"frames": [[{"points": []}]]}, {"frames": [[{"landmarks_xy": [[1, 2], [3]]}]]}, {"frames": 5}],
)
def test_landmarks_of_another_form_are_refused_with_what_came(model: Any, landmarks: Any) -> None:
    with pytest.raises(InputError, match=r"`landmarks` should be .*landmarks_xy"):
        run("DetectFaces", model=model, image=photo(), landmarks=landmarks)


def test_detecting_and_pasting_the_frames_of_a_video_take_three_times_their_memory_at_most(
    model: Any, monkeypatch: Any
) -> None:
    frames = torch.rand(3, 1080, 1920, 3)
    monkeypatch.setattr(f"{NAME}.nodes.faces.OVERLAY_PIXELS", 2**24 * len(frames) // 200)
    monkeypatch.setattr(PhotoEditor, "find_faces", lambda self, one, *_: [aligned_face(one)])
    before = {one.untyped_storage().data_ptr() for one in _tensors()} - {frames.untyped_storage().data_ptr()}
    found = run("DetectFaces", model=model, image=frames)
    pasted = run("PasteFaces", faces=found[0], crops=found[1], mask=found[2])
    stores = {one.untyped_storage().data_ptr(): one.untyped_storage().nbytes() for one in _tensors()}
    taken = sum(size for place, size in stores.items() if place not in before)
    assert taken <= 3 * frames.nbytes
    assert pasted[0].shape == frames.shape
    assert found[3].shape[2] / found[3].shape[1] == pytest.approx(16 / 9, rel=0.01)


def _tensors() -> list[Tensor]:
    gc.collect()
    return [one for one in gc.get_objects() if issubclass(type(one), Tensor)]


def test_faces_of_frames_are_smoothed_and_a_frame_without_one_passes_with_its_bits(
    model: Any, monkeypatch: Any
) -> None:
    shifts = iter([0.0, 6.0, None, 0.0, 6.0] * 2)

    def find_faces(_: Any, one: Photo, *__: Any) -> list[AlignedFace]:
        x = next(shifts)
        if x is None:
            return []
        return [face_at(one, FacePlace(translation(x, 0) @ aligned_matrix(one.size), None))]

    monkeypatch.setattr(PhotoEditor, "find_faces", find_faces)
    pictures, mask = photo(5), center_mask(5)
    apart, steady = (
        run("DetectFaces", model=model, image=pictures, no_face="skip", smooth=smooth)[0] for smooth in (0, 4)
    )
    assert [(place.photo, place.found) for place in steady.places] == [(i, i != 2) for i in range(5)]
    spread = [
        np.ptp([place.face.matrix[0, 2] for place in faces.places if place.found])
        for faces in (apart, steady)
    ]
    assert spread[1] < 0.5 * spread[0]
    assert torch.equal(steady.crops[0], face_at(steady.photos[0], steady.places[0].face.place).crop[0])
    crops = torch.zeros(len(steady.places), 256, 256, 3)
    pasted = run("PasteFaces", faces=steady, crops=crops, mask=mask)[0]
    assert [torch.equal(new, old) for new, old in zip(pasted, pictures, strict=True)] == [
        False, False, True, False, False,
    ]  # fmt: skip


def test_bigger_crops_are_pasted_at_the_same_place(model: Any) -> None:
    pictures, mask = photo(1, 256, 256), center_mask(1, 256, 256)
    faces = aligned(model, pictures)
    gray = run("PasteFaces", faces=faces, crops=torch.full((1, 256, 256, 3), 0.2), mask=mask)[0]
    big = run("PasteFaces", faces=faces, crops=torch.full((1, 512, 512, 3), 0.2), mask=mask)[0]
    assert torch.equal(gray, big)


def test_an_opacity_of_zero_changes_nothing(model: Any) -> None:
    pictures, mask = image(), center_mask()
    faces = aligned(model, pictures)
    pasted, changed = run(
        "PasteFaces", faces=faces, crops=torch.zeros(1, 256, 256, 3), mask=mask, opacity=0.0
    )
    assert torch.equal(pasted, pictures)
    assert not changed.any()


def test_stages_warn_of_a_photo_that_is_black_under_its_mask(model: Any, caplog: Any) -> None:
    mask = center_mask(1, 256, 256)
    pictures = photo(1, 256, 256) * (1 - mask[..., None])
    faces = aligned(model, pictures)
    found = dataclasses.replace(faces.places[0].face, box=(0, 0, 256, 256))
    faces = dataclasses.replace(faces, places=[dataclasses.replace(faces.places[0], face=found)])
    run("Conditions", faces=faces, mask=mask)
    assert "black under its mask" in caplog.text


def test_encoding_warns_of_a_face_that_is_black(model: Any, caplog: Any) -> None:
    pictures = photo(1, 256, 256)
    pictures[:, 80:180, 80:180] = 0
    run("EncodeExemplar", model=model, faces=aligned(model, pictures))
    assert "face whose style is taken is black" in caplog.text


def test_a_photo_in_place_of_crops_says_what_to_connect(model: Any) -> None:
    with pytest.raises(InputError, match=r"240 × 200, but crops are square: connect those of Generate Face"):
        run("PasteFaces", faces=aligned(model, photo()), crops=photo(), mask=center_mask())


def test_region_mask_wants_a_part() -> None:
    semantic = sys.modules[f"{NAME}.nodes.payloads"].GuidePictures(torch.zeros(1, 8, 8, dtype=torch.long))
    with pytest.raises(InputError, match="switch on at least one"):
        run("RegionMask", semantic=semantic, hair=False)


def three_faces(monkeypatch: Any) -> list[AlignedFace]:
    """Finds three faces in every photo, from left to right."""
    everyone = [
        dataclasses.replace(
            aligned_face(Photo.from_image(Image.new("RGB", (240, 200)))), box=(x, 20, x + 40, 80)
        )
        for x in (10, 90, 170)
    ]
    monkeypatch.setattr(PhotoEditor, "find_faces", lambda *arguments: everyone)
    return everyone


def test_an_index_names_one_face_and_the_overlay_shows_all(model: Any, monkeypatch: Any) -> None:
    everyone, pictures = three_faces(monkeypatch), photo()
    faces, _, _, overlay, _ = run("DetectFaces", model=model, image=pictures, which="index", index=1)
    assert [place.face for place in faces.places] == [everyone[1]]
    expected = faces_overlay(faces.photos[0], [everyone[1]], [everyone[0], everyone[2]])
    assert torch.equal(overlay, tensors.from_image(expected))


def test_an_index_that_no_face_has_is_refused(model: Any, monkeypatch: Any) -> None:
    three_faces(monkeypatch)
    with pytest.raises(InputError, match="There is no face 3: 3 were found"):
        run("DetectFaces", model=model, image=photo(), which="index", index=3)


def test_the_node_that_finds_faces_shows_them(model: Any) -> None:
    with torch.inference_mode():
        output = NODES["FACEMUG_DetectFaces"].execute(
            model=model, image=image(20), which="largest", index=0, aligned=True, no_face="error"
        )
    assert len(output.ui["images"]) == host.SHOWN


def test_a_mask_is_filled_and_softened_as_in_the_library() -> None:
    mask = center_mask()
    mask[:, 60:70, 70:90] = 0
    (filled,) = run("RefineMask", mask=mask)
    assert torch.equal(filled, without_holes(mask[:, None])[:, 0])
    assert torch.equal(filled, center_mask())
    (soft,) = run("RefineMask", mask=mask, fill_holes=False, blur=8)
    assert torch.equal(soft, gaussian_blur(mask[:, None], 4)[:, 0].clamp(0, 1))


def test_a_mask_that_nothing_is_asked_of_keeps_its_bits() -> None:
    mask = photo(2, 30, 40)[..., 0]
    assert torch.equal(
        run("RefineMask", mask=mask, fill_holes=False)[0], tensors.to_masks(mask, (30, 40))[:, 0]
    )
