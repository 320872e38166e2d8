"""The nodes, run as a host runs them, with tiny networks of the real classes."""

from __future__ import annotations

import dataclasses
import gc
import json
import random
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from facemug_core.checkpoints.manifest import WEIGHTS
from facemug_core.cli import main
from facemug_core.editing.clip import load_clip
from facemug_core.editing.directions import shipped_directions
from facemug_core.editing.pose import Pose as HeadPose
from facemug_core.editing.text import TextOptions, text_direction
from facemug_core.errors import (
    DependencyError,
    FaceNotFoundError,
    InputError,
    ShapeError,
    WeightsMissingError,
)
from facemug_core.faces.alignment import aligned_matrix, translation
from facemug_core.latents import Latent, add, blend, load_latent, save_latent
from facemug_core.photo import Photo
from facemug_core.pipeline.editor import EditRequest, PhotoEditor
from facemug_core.pipeline.locate import AlignedFace, FacePlace, aligned_face, face_at
from facemug_core.posing import Poser

from .pack import NAME, ROOT, load_nodes
from .text_models import open_clip, tiny_clip
from .tiny import random_conditions, tiny_model

NODES = load_nodes()
GOOD = torch.zeros(1, 18, 512)
BOX = {"x": 1, "y": 2, "width": 3, "height": 4}
tensors = sys.modules[f"{NAME}.nodes.tensors"]
host = sys.modules[f"{NAME}.nodes.host"]
loading = sys.modules[f"{NAME}.nodes.loading"]
text_nodes = sys.modules[f"{NAME}.nodes.text"]


def run(name: str, **values: Any) -> tuple[Any, ...]:
    """Execute a node as the host does: defaults for what is not given, in inference mode."""
    node = NODES[f"FACEMUG_{name}"]
    defaults = {
        one.id: one.default
        for one in node.GET_SCHEMA().inputs
        if not one.optional and hasattr(one, "default")
    }
    with torch.inference_mode():
        return node.execute(**{**defaults, **values}).args


@pytest.fixture(scope="module")
def model() -> Any:
    return loading.HostedEditor(tiny_model(), [])


def image(batch: int = 1, height: int = 200, width: int = 240, channels: int = 3, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(batch, height, width, channels, generator=generator)


def photo(batch: int = 1, height: int = 200, width: int = 240, seed: int = 0) -> Tensor:
    """Values as Load Image gives them."""
    return (image(batch, height, width, seed=seed) * 255).round() / 255


def center_mask(batch: int = 1, height: int = 200, width: int = 240) -> Tensor:
    mask = torch.zeros(batch, height, width)
    mask[:, height // 4 : height // 2, width // 4 : width // 2] = 1
    return mask


def aligned(model: Any, pictures: Tensor) -> Any:
    return run("DetectFaces", model=model, image=pictures, aligned=True)[0]


def wired(
    model: Any, pictures: Tensor, mask: Tensor, latent: Tensor | None = None, **guides: Any
) -> tuple[Any, ...]:
    """The edit stage by stage."""
    faces = aligned(model, pictures)
    (conditions,) = run("Conditions", faces=faces, mask=mask, **guides)
    if latent is None:
        (latent,) = run("ProjectConditions", model=model, conditions=conditions)
    (features,) = run("Aggregate", model=model, conditions=conditions)
    (crops,) = run("Generate", model=model, features=features, latent=latent)
    return run("PasteFaces", faces=faces, crops=crops, mask=mask)


# --- promises -----------------------------------------------------------------------------------------------


@settings(max_examples=4, deadline=None)
@given(
    st.integers(1, 2),
    st.integers(40, 300),
    st.integers(40, 300),
    st.sampled_from([1, 2, 3, 4]),
    st.integers(0, 9),
)
def test_kept_pixels_keep_the_bits_of_the_host(
    batch: int, height: int, width: int, channels: int, feather: int
) -> None:
    model, pictures = loading.HostedEditor(tiny_model(), []), image(batch, height, width, channels)
    mask = center_mask(1, height, width)
    edited, changed, _ = run("Edit", model=model, image=pictures, mask=mask, aligned=True, feather=feather)
    kept = (mask == 0).expand(batch, -1, -1)
    assert torch.equal(edited[kept], pictures[kept])
    assert not changed[kept].any()
    assert edited.dtype == torch.float32
    assert 0 <= edited.min() <= edited.max() <= 1


def test_wired_stages_give_the_bits_of_the_one_node_and_of_the_library(model: Any) -> None:
    pictures, mask = photo(), center_mask()
    edited, changed, _ = run("Edit", model=model, image=pictures, mask=mask, aligned=True)
    stages, stages_changed = wired(model, pictures, mask)
    request = EditRequest(mask=mask[None], aligned=True)
    library = PhotoEditor(tiny_model()).edit(tensors.Photos(pictures)[0], request)
    assert torch.equal(stages, edited)
    assert torch.equal(stages_changed, changed)
    assert torch.equal((edited * 255).round().byte().permute(0, 3, 1, 2), library.photos[0].pixels)


def test_a_chain_of_edits_keeps_all_that_no_mask_touches(model: Any) -> None:
    first = pictures = photo()
    mask = center_mask()
    for seed in range(4):
        pictures = run(
            "Edit", model=model, image=pictures, mask=mask, aligned=True, style="random", seed=seed
        )[0]
    assert torch.equal(pictures[mask == 0], first[mask == 0])


@pytest.mark.parametrize("mask", [None, torch.zeros(1, 64, 64), torch.zeros(1, 200, 240)])
def test_without_a_mask_the_picture_comes_back_with_its_bits(model: Any, mask: Tensor | None) -> None:
    pictures = image()
    assert torch.equal(run("Edit", model=model, image=pictures, mask=mask, aligned=True)[0], pictures)


def test_inputs_stay_as_they_were(model: Any) -> None:
    pictures, mask = image(), center_mask()
    before = pictures.clone(), mask.clone()
    wired(model, pictures, mask)
    run("Edit", model=model, image=pictures, mask=mask, aligned=True)
    assert torch.equal(pictures, before[0])
    assert torch.equal(mask, before[1])


def test_global_random_states_stay_as_they_were(model: Any) -> None:
    before, python = torch.get_rng_state(), random.getstate()
    run("Edit", model=model, image=image(), mask=center_mask(), aligned=True, style="random")
    run("RandomStyle", model=model, seed=5)
    assert torch.equal(torch.get_rng_state(), before)
    assert random.getstate() == python


def test_a_style_does_not_depend_on_the_other_variants(model: Any) -> None:
    pictures, mask = photo(), center_mask()
    several = run(
        "Edit", model=model, image=pictures, mask=mask, aligned=True, style="random", seed=7, variants=3
    )[0]
    alone = run("Edit", model=model, image=pictures, mask=mask, aligned=True, style="random", seed=8)[0]
    assert torch.equal(several[1:2], alone)


def test_seeds_go_round_at_the_end_of_the_hosts_range(model: Any) -> None:
    assert run("RandomStyle", model=model, seed=2**64 - 1, variants=2)[0].shape == (2, 18, 512)


def test_any_seed_leaves_a_photo_without_a_mask_alone(model: Any) -> None:
    pictures = photo()
    assert torch.equal(run("Edit", model=model, image=pictures, seed=2**70)[0], pictures)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_kept_pixels_keep_their_bits_in_the_hosts_dtype_also_outside_0_to_1(
    model: Any, dtype: torch.dtype
) -> None:
    pictures, mask = (image() * 3 - 1).to(dtype), center_mask()
    edited, stages = (
        run("Edit", model=model, image=pictures, mask=mask, aligned=True)[0],
        wired(model, pictures, mask)[0],
    )
    assert edited.dtype == dtype
    assert torch.equal(edited[mask == 0], pictures[mask == 0])
    assert not torch.equal(edited, pictures)
    assert torch.equal(stages, edited)


def test_results_go_to_the_hosts_intermediate_device(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the meta device, which every machine has."""
    management = sys.modules["comfy.model_management"]
    monkeypatch.setattr(management, "intermediate_device", lambda: torch.device("meta"))
    results = [
        *run("Edit", model=model, image=image(), mask=center_mask(), aligned=True),
        *run("DetectFaces", model=model, image=image(), aligned=True)[1:4],
    ]
    assert all(result.is_meta for result in results)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no second device")
def test_pictures_on_another_device_are_edited_as_on_the_processor(model: Any) -> None:
    pictures, mask = image(), center_mask()
    here = run("Edit", model=model, image=pictures, mask=mask, aligned=True)[0]
    there = run("Edit", model=model, image=pictures.cuda(), mask=mask.cuda(), aligned=True)[0]
    assert torch.equal(there.cpu(), here)


def test_a_run_that_is_stopped_stops_between_items(model: Any) -> None:
    management = sys.modules["comfy.model_management"]
    management.interrupt_current_processing(True)
    with pytest.raises(management.InterruptProcessingException):
        run("Edit", model=model, image=image(), mask=center_mask(), aligned=True)


@pytest.mark.parametrize(
    "picture", [image()[:0], image()[:, :0], (image() * 255).byte()], ids=["no picture", "no rows", "bytes"]
)
def test_a_picture_without_pixels_or_of_whole_numbers_is_refused(model: Any, picture: Tensor) -> None:
    with pytest.raises(InputError, match="Expected an IMAGE"):
        run("Edit", model=model, image=picture, mask=center_mask(), aligned=True)


@pytest.mark.parametrize("crops", [torch.full((1, 256, 256, 3), float("nan")), torch.zeros(1, 0, 0, 3)])
def test_crops_that_another_node_has_broken_are_not_pasted(model: Any, crops: Tensor) -> None:
    with pytest.raises(InputError, match="IMAGE"):
        run("PasteFaces", faces=aligned(model, photo()), crops=crops, mask=center_mask())


# --- batches ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("pictures", "masks"), [(1, 1), (3, 1), (1, 3), (3, 3)])
def test_one_mask_serves_all_photos_and_one_photo_all_masks(model: Any, pictures: int, masks: int) -> None:
    edited, _, _ = run("Edit", model=model, image=image(pictures), mask=center_mask(masks), aligned=True)
    assert len(edited) == max(pictures, masks)


def test_one_crop_is_pasted_through_every_mask(model: Any) -> None:
    faces, masks = aligned(model, photo()), center_mask(2)
    masks[1] = masks[1].flip(0)
    pasted, changed = run("PasteFaces", faces=faces, crops=torch.zeros(1, 256, 256, 3), mask=masks)
    assert torch.equal(changed, masks)
    assert len(pasted) == 2


def test_masks_that_do_not_fit_the_photos_are_refused_with_both_numbers(model: Any) -> None:
    with pytest.raises(ShapeError, match=r"masks is 2 .* photos is 3"):
        run("Edit", model=model, image=image(3), mask=center_mask(2), aligned=True)


def test_several_styles_of_one_face_give_several_pictures(model: Any) -> None:
    (latent,) = run("RandomStyle", model=model, variants=3)
    edited, changed = wired(model, photo(), center_mask(), latent)
    assert len(edited) == len(changed) == 3


def test_one_style_serves_all_faces(model: Any) -> None:
    (latent,) = run("RandomStyle", model=model)
    assert len(wired(model, photo(2), center_mask(), latent)[0]) == 2


def test_styles_that_do_not_fit_the_faces_are_refused_with_both_numbers(model: Any) -> None:
    (latent,) = run("RandomStyle", model=model, variants=3)
    with pytest.raises(ShapeError, match=r"features is 2 .* latent is 3"):
        wired(model, photo(2), center_mask(), latent)


def test_variants_and_saved_styles_must_agree(model: Any) -> None:
    (latent,) = run("RandomStyle", model=model, variants=2)
    with pytest.raises(ShapeError, match=r"3 .* 2|2 .* 3"):
        run("Edit", model=model, image=image(), mask=center_mask(), latent=latent, variants=3, aligned=True)


# --- guides -------------------------------------------------------------------------------------------------


def test_guides_of_the_photo_and_of_the_crop_agree_on_an_aligned_photo(model: Any) -> None:
    pictures = photo(1, 256, 256)
    faces, mask = aligned(model, pictures), center_mask(1, 256, 256)
    of_image = run("Sketch", source="photo", image=pictures)[0]
    of_faces = run("Sketch", source="photo", faces=faces)[0]
    (a,) = run("Conditions", faces=faces, mask=mask, sketch=of_image)
    (b,) = run("Conditions", faces=faces, mask=mask, sketch=of_faces)
    assert a.sketch.any()
    assert torch.equal(a.sketch, b.sketch)


@pytest.mark.parametrize("height", [100, 400])
def test_a_guide_of_another_size_than_the_photo_lies_over_all_of_it(model: Any, height: int) -> None:
    faces, mask = aligned(model, photo(1, 200, 240)), torch.ones(1, 200, 240)
    conditions = [
        run("Conditions", faces=faces, mask=mask, color=run("ColorMap", source="painting", image=halves)[0])[
            0
        ]
        for halves in (left_half_red(200), left_half_red(height))
    ]
    same, scaled = (one.color for one in conditions)
    assert (same - scaled).abs().mean() < 0.02


def left_half_red(height: int) -> Tensor:
    halves = torch.zeros(1, height, height * 240 // 200, 3)
    halves[..., 2] = 1
    halves[:, :, : halves.shape[2] // 2] = torch.tensor([1.0, 0, 0])
    return halves


@pytest.mark.parametrize("given", ["mask", "color"])
def test_a_mask_or_guide_of_another_shape_than_the_photo_is_named_with_both_sizes(
    model: Any, given: str, caplog: Any
) -> None:
    inputs: dict[str, Any] = {"mask": center_mask(1, 200, 240)}
    if given == "mask":
        inputs["mask"] = center_mask(1, 240, 200)
    else:
        inputs["color"] = run("ColorMap", source="painting", image=image(1, 240, 200))[0]
    run("Edit", model=model, image=photo(1, 200, 240), aligned=True, **inputs)
    assert "200 × 240, but the photo is 240 × 200" in caplog.text


def test_a_guide_for_a_new_face_that_is_not_square_is_named_with_its_size(model: Any, caplog: Any) -> None:
    run("Conditions", color=run("ColorMap", source="painting", image=image(1, 200, 240))[0])
    assert "`color` is 240 × 200, but a new face is square" in caplog.text


def test_a_strength_of_zero_is_the_same_as_no_guide(model: Any) -> None:
    pictures, mask = photo(), center_mask()
    color = run("ColorMap", source="painting", image=image(seed=1))[0]
    assert torch.equal(
        wired(model, pictures, mask, color=color, color_strength=0.0)[0], wired(model, pictures, mask)[0]
    )


def test_a_palette_map_comes_back_as_it_was_drawn() -> None:
    labels = torch.arange(19).repeat_interleave(10)[None, None].expand(1, 8, -1)
    drawn = tensors.from_bytes(sys.modules["facemug_core.conditions"].labels_to_palette(labels))
    assert torch.equal(run("SemanticMap", image=drawn)[0].values, labels)


def test_class_numbers_in_a_gray_file_are_read_as_numbers() -> None:
    labels = torch.arange(19)[None, None].expand(1, 8, -1)
    gray = (labels / 255)[..., None].expand(-1, -1, -1, 3)
    assert torch.equal(run("SemanticMap", image=gray)[0].values, labels)


def test_transparent_parts_of_a_painting_are_no_color() -> None:
    transparent = torch.zeros(1, 20, 30)
    transparent[:, :, 10:] = 1
    color = run("ColorMap", source="painting", image=image(1, 20, 30), transparent=transparent)[0].values
    assert not color[..., 10:].any()
    assert (color[..., :10] != 0).all()


def test_dark_paint_becomes_a_sketch_and_colored_paint_a_color_map() -> None:
    original = torch.full((1, 60, 60, 3), 0.5)
    painted = original.clone()
    painted[:, 10:12, :] = 0
    painted[:, 30:40, 30:40] = torch.tensor([1.0, 0.2, 0.2])
    sketch, color, where, _ = run("SplitPaint", painted=painted, original=original)
    assert torch.equal(sketch.values[0, 0] > 0, (painted == 0).all(-1)[0])
    assert torch.equal((color.values[0] != 0).all(0), (painted[0, ..., 0] == 1))
    assert where.sum() == 2 * 60 + 10 * 10


def test_gray_in_a_mask_of_paint_is_thin_paint_whose_colors_count_in_their_share() -> None:
    paint = torch.zeros(1, 256, 256)
    paint[:, 100:140, 100:140] = 0.3
    _, color, where, _ = run("SplitPaint", painted=torch.full((1, 256, 256, 3), 0.8), paint=paint)
    (conditions,) = run("Conditions", color=color)
    assert torch.equal(where, paint)
    torch.testing.assert_close(conditions.color_weight[:, 0], paint)


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


def test_a_new_face_needs_no_photo(model: Any) -> None:
    (conditions,) = run("Conditions")
    assert conditions.mask.all()
    assert run("Edit", model=model)[0].shape == (1, 256, 256, 3)


# --- faces --------------------------------------------------------------------------------------------------


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


@pytest.mark.skipif(
    not (WEIGHTS / "fetched" / "faceres.safetensors").is_file(), reason="`fetch compare` has not run"
)
def test_a_face_is_most_like_itself(model: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(PhotoEditor, "find_faces", lambda *arguments, **options: [])
    pictures = photo(1, 256, 256)
    similarity, sheet, report = run("CompareFaces", model=model, first=pictures, second=photo(2, 256, 256))
    assert similarity[0] == pytest.approx(1, abs=1e-5)
    assert similarity[1] < similarity[0]
    assert len(sheet) == 2
    assert report.count("FaceRes") == 2


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


# --- latents ------------------------------------------------------------------------------------------------


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: Any) -> Path:
    paths = sys.modules["folder_paths"]
    for name in ("input", "output"):
        (tmp_path / "modèle é" / name).mkdir(parents=True)
        folder = str(tmp_path / "modèle é" / name)
        monkeypatch.setattr(paths, f"get_{name}_directory", lambda folder=folder: folder)
    monkeypatch.setattr(paths, "base", tmp_path / "modèle é", raising=False)
    return tmp_path / "modèle é"


def test_a_saved_latent_is_offered_and_comes_back(model: Any, folders: Path) -> None:
    (latent,) = run("RandomStyle", model=model, variants=2)
    (path,) = run("SaveLatent", latent=latent)
    (name,) = host.latent_files()
    assert Path(path).parent == folders / "output" / "facemug"
    assert name.endswith(" [output]")
    assert NODES["FACEMUG_LoadLatent"].validate_inputs(file=name) is True
    assert torch.equal(run("LoadLatent", file=name)[0], latent)


def test_a_latent_saved_with_its_model_can_be_added_by_the_command_line(model: Any, folders: Path) -> None:
    (path,) = run("SaveLatent", latent=latent_of(model), model=model)
    assert main(["latent", "add", path, path, "-o", str(folders / "sum.safetensors")]) == 0
    kept = load_latent(path)
    assert kept.size == "light"
    assert torch.equal(kept.mean_code, model.model().mapping.mean_code)


def saved_with_a_recipe(model: Any, folders: Path) -> tuple[Latent, str]:
    """A latent of two operations, and its file's name."""
    first, second, third = latent_of(model, 3).split(1)
    latent = Latent(first).then(second, "mix").then(third, "blend")
    save_latent(folders / "input" / "recipe.safetensors", latent)
    return latent, "recipe.safetensors"


def test_loading_can_undo_what_was_done_last(model: Any, folders: Path) -> None:
    latent, name = saved_with_a_recipe(model, folders)
    for undo, codes in enumerate((latent.codes, *reversed(latent.before))):
        assert torch.equal(run("LoadLatent", file=name, undo=undo)[0], codes)


def test_undoing_more_than_was_done_says_how_much_was(model: Any, folders: Path) -> None:
    _, name = saved_with_a_recipe(model, folders)
    with pytest.raises(InputError, match="recipe has 2"):
        run("LoadLatent", file=name, undo=3)


def test_saving_twice_makes_two_files(model: Any, folders: Path) -> None:
    (latent,) = run("RandomStyle", model=model)
    assert run("SaveLatent", latent=latent) != run("SaveLatent", latent=latent)


def test_a_missing_latent_file_is_refused_before_the_run(folders: Path) -> None:
    assert "no latent file" in NODES["FACEMUG_LoadLatent"].validate_inputs(file="x.safetensors")


def test_loading_is_repeated_only_when_the_file_changes(model: Any, folders: Path) -> None:
    (latent,) = run("RandomStyle", model=model)
    (path,) = run("SaveLatent", latent=latent)
    (name,) = host.latent_files()
    before = NODES["FACEMUG_LoadLatent"].fingerprint_inputs(file=name)
    assert NODES["FACEMUG_LoadLatent"].fingerprint_inputs(file=name) == before
    Path(path).write_bytes(b"other")
    assert NODES["FACEMUG_LoadLatent"].fingerprint_inputs(file=name) != before


def test_people_are_blended_as_the_library_does(model: Any) -> None:
    people = latent_of(model, 3).split(1)
    blended = run("BlendLatents", latent_1=people[0], latent_2=people[1], latent_4=people[2], weight_2=3.0)
    assert torch.equal(blended[0], blend(people, [1, 3, 1]))


@pytest.mark.parametrize("shape", [(18, 512), (1, 14, 512), (0, 18, 512)])
@pytest.mark.parametrize(
    ("node", "values"),
    [
        ("InterpolateLatents", {"latent": GOOD, "other": None}),
        ("BlendLatents", {"latent_1": None}),
        ("AddLatents", {"latent": None, "other": GOOD}),
        ("MixLatents", {"coarse": GOOD, "fine": None}),
        ("SaveLatent", {"latent": None}),
        ("AttributeSliders", {"latent": None}),
        ("ApplyDirection", {"latent": None, "direction": next(iter(shipped_directions().values()))}),
        ("SweepDirection", {"latent": None, "direction": next(iter(shipped_directions().values()))}),
        ("Generate", {"features": None, "latent": None}),
        ("Edit", {"latent": None}),
        ("Pose", {"latent": None}),
    ],
)
def test_a_latent_of_another_shape_is_refused_by_every_node(
    model: Any, folders: Path, node: str, values: dict[str, Any], shape: tuple[int, ...]
) -> None:
    inputs = {name: torch.zeros(shape) if value is None else value for name, value in values.items()}
    if node in ("AddLatents", "Generate", "Edit", "Pose"):
        inputs["model"] = model
    if node == "Generate":
        inputs["features"] = features_of(model)
    with pytest.raises(ShapeError, match=r"style codes|batch of the"):
        run(node, **inputs)


def test_one_blended_person_keeps_the_bits(model: Any) -> None:
    latent = latent_of(model, 2)
    assert torch.equal(run("BlendLatents", latent_1=latent, weight_1=0.3)[0], latent)


def test_blended_batches_that_do_not_fit_are_named(model: Any) -> None:
    with pytest.raises(ShapeError, match=r"latent_1 is 2 .* latent_3 is 3"):
        run("BlendLatents", latent_1=latent_of(model, 2), latent_3=latent_of(model, 3))


def test_blending_nobody_says_which_weights_there_were(model: Any) -> None:
    latent = latent_of(model)
    with pytest.raises(InputError, match="got 0, 0"):
        run("BlendLatents", latent_1=latent, weight_1=0.0, latent_2=latent, weight_2=0.0)


@pytest.mark.parametrize("amount", [0.5, -1.0])
def test_a_person_is_added_and_taken_away_as_the_library_does(model: Any, amount: float) -> None:
    latent, other = latent_of(model, 2).split(1)
    (changed,) = run("AddLatents", model=model, latent=latent, other=other, amount=amount)
    assert torch.equal(changed, add(latent, other, amount, model.model().mapping.mean_code))


def test_adding_nothing_of_a_person_keeps_the_bits(model: Any) -> None:
    latent = latent_of(model, 2)
    assert torch.equal(run("AddLatents", model=model, latent=latent, other=latent[:1], amount=0.0)[0], latent)


def test_warping_without_weights_says_so(model: Any) -> None:
    (latent,) = run("RandomStyle", model=model)
    with pytest.raises(WeightsMissingError, match="warping"):
        run("WarpLatent", model=model, latent=latent, target=latent)


# --- pose ---------------------------------------------------------------------------------------------------


def test_a_person_who_looks_there_already_keeps_the_bits(model: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(Poser, "read", lambda self, picture: HeadPose(10, -5))
    latent = latent_of(model, 2)
    turned, pictures, report = run("Pose", model=model, latent=latent, yaw=10.0, pitch=-5.0)
    assert torch.equal(turned, latent)
    assert pictures.shape == (2, 256, 256, 3)
    assert report == "yaw +10°, pitch -5°\nyaw +10°, pitch -5°"


def test_a_target_takes_the_place_of_the_angles(model: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(Poser, "read", lambda self, picture: HeadPose(10, -5))
    latent = latent_of(model)
    assert torch.equal(run("Pose", model=model, latent=latent, yaw=30.0, target=latent)[0], latent)
    assert not torch.equal(run("Pose", model=model, latent=latent, yaw=30.0)[0], latent)


def test_a_target_without_a_face_says_so(model: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(Poser, "read", lambda self, picture: None)
    with pytest.raises(FaceNotFoundError, match="`target`"):
        run("Pose", model=model, latent=latent_of(model), target=latent_of(model))


# --- text ---------------------------------------------------------------------------------------------------


@pytest.fixture
def clip() -> Any:
    return text_nodes.HostedClip(tiny_clip())


FAR = {"text": "beard", "strength": 10.0, "closeness": 0.0, "steps": 4}
"""A search that leaves its start also with networks of random weights."""


def test_texts_are_followed_as_the_library_does(model: Any, clip: Any) -> None:
    latent, features = latent_of(model), features_of(model)
    found, curve = run("OptimizeText", model=model, clip=clip, features=features, latent=latent, **FAR)
    options = TextOptions(weight=10, latent_weight=0, steps=4)
    expected = tiny_model().optimize_text(features, latent, "beard", tiny_clip(), options)
    assert torch.equal(found, expected.codes)
    assert not torch.equal(found, latent)
    assert curve.shape == (1, 256, 512, 3)


def test_every_style_of_a_batch_is_searched_for_on_its_own(model: Any, clip: Any) -> None:
    latent = latent_of(model, 2)
    values = {"model": model, "clip": clip, "features": features_of(model), **FAR}
    found, curves = run("OptimizeText", latent=latent, **values)
    assert torch.equal(found[1:], run("OptimizeText", latent=latent[1:], **values)[0])
    assert curves.shape == (2, 256, 512, 3)


def test_a_text_without_strength_leaves_the_bits_of_a_style(model: Any, clip: Any) -> None:
    latent = latent_of(model)
    values = {"model": model, "clip": clip, "features": features_of(model), "text": "beard"}
    assert torch.equal(run("OptimizeText", latent=latent, strength=0.0, **values)[0], latent)


def test_a_text_changes_the_layers_that_it_may_and_no_others(model: Any, clip: Any) -> None:
    latent = latent_of(model)
    values = {"model": model, "clip": clip, "features": features_of(model), **FAR}
    found, _ = run("OptimizeText", latent=latent, keep_geometry=True, last_layer=11, **values)
    changed = (found != latent).any(2)[0]
    assert not changed[:8].any()
    assert changed[8:12].all()
    assert not changed[12:].any()


def test_a_search_shows_what_it_has_found(model: Any, clip: Any, monkeypatch: Any) -> None:
    shown: list[Any] = []
    monkeypatch.setattr(
        sys.modules["comfy.utils"].ProgressBar,
        "update_absolute",
        lambda self, value, total, preview=None: shown.append(preview),
    )
    values = {"model": model, "clip": clip, "features": features_of(model), "text": "beard", "steps": 2}
    run("OptimizeText", latent=latent_of(model), **values)
    kind, picture, _ = next(preview for preview in shown if preview is not None)
    assert kind == "JPEG"
    assert picture.size == (256, 256)


def test_a_search_stops_when_the_person_stops_the_run(model: Any, clip: Any) -> None:
    management = sys.modules["comfy.model_management"]
    values = {"model": model, "clip": clip, "features": features_of(model), "text": "beard"}
    latent = latent_of(model)
    management.interrupt_current_processing()
    with pytest.raises(management.InterruptProcessingException):
        run("OptimizeText", latent=latent, **values)


def test_a_text_becomes_a_direction_as_in_the_library(model: Any, folders: Path) -> None:
    open_clip()
    (clip,) = run("LoadClip")
    (direction,) = run("TextDirection", clip=clip, text="blond hair")
    latent = latent_of(model)
    expected = text_direction(load_clip(), "blond hair").apply(latent, 0.5)
    assert torch.equal(run("ApplyDirection", latent=latent, direction=direction, amount=0.5)[0], expected)


@pytest.mark.parametrize("kind", ["clip_vision", "text_encoders"])
def test_text_image_models_are_looked_for_in_the_hosts_folders_too(
    kind: str, folders: Path, monkeypatch: Any
) -> None:
    open_clip()
    known = sys.modules["folder_paths"].folder_names_and_paths
    monkeypatch.setitem(known, kind, ([str(folders / kind)], set()))
    with pytest.raises(WeightsMissingError, match=kind):
        NODES["FACEMUG_LoadClip"].execute(name="ViT-B-32")


def test_without_open_clip_its_node_says_how_to_get_it(folders: Path, monkeypatch: Any) -> None:
    monkeypatch.setitem(sys.modules, "open_clip", None)
    with pytest.raises(DependencyError, match="pip install open_clip_torch"):
        run("LoadClip")


# --- attributes ---------------------------------------------------------------------------------------------


def latent_of(model: Any, variants: int = 1) -> Tensor:
    return run("RandomStyle", model=model, variants=variants)[0]


def features_of(model: Any) -> Any:
    return run("Aggregate", model=model, conditions=random_conditions())[0]


def vector_file(folder: Path, name: str = "age.pt") -> str:
    torch.save(torch.randn(1, 512, generator=torch.Generator().manual_seed(0)), folder / "input" / name)
    return name


def test_a_shipped_direction_moves_a_style_as_the_library_does(model: Any, folders: Path) -> None:
    latent = latent_of(model)
    (direction,) = run("LoadDirection", direction="smile")
    (moved,) = run("ApplyDirection", latent=latent, direction=direction, amount=0.5)
    assert torch.equal(moved, shipped_directions()["smile"].apply(latent, 0.5))


def test_a_direction_of_somebody_else_is_offered_and_read(model: Any, folders: Path) -> None:
    latent, name = latent_of(model), vector_file(folders)
    assert NODES["FACEMUG_LoadDirection"].validate_inputs(direction=name) is True
    (direction,) = run("LoadDirection", direction=name)
    (moved,) = run("ApplyDirection", latent=latent, direction=direction, first_layer=2, last_layer=4)
    assert torch.equal(moved[:, 5:], latent[:, 5:])
    torch.testing.assert_close(moved[:, 2:5], latent[:, 2:5] + direction.vector)


def test_a_component_is_chosen_from_a_file_of_several(model: Any, folders: Path) -> None:
    analysis = {"mean": torch.zeros(1, 512), "comp": torch.eye(512)[:20, None], "std": torch.ones(20)}
    torch.save(analysis, folders / "input" / "pca.pt")
    (direction,) = run("LoadDirection", direction="pca.pt", component="12:-5.5")
    (moved,) = run("ApplyDirection", latent=latent_of(model), direction=direction)
    torch.testing.assert_close(moved[:, 0, 12], torch.tensor([-5.5]))


def test_files_in_the_models_folder_go_first(folders: Path, monkeypatch: Any) -> None:
    own = folders / "models" / "facemug"
    own.mkdir(parents=True)
    monkeypatch.setattr(sys.modules["folder_paths"], "models_dir", str(own.parent))
    monkeypatch.setattr(sys.modules["folder_paths"], "folder_names_and_paths", {})
    (own / vector_file(folders)).write_bytes(b"other")
    assert host.direction_files([".pt"]) == {"age.pt": own / "age.pt"}


def test_a_missing_direction_is_refused_before_the_run(folders: Path) -> None:
    complaint = NODES["FACEMUG_LoadDirection"].validate_inputs(direction="../age.pt")
    assert "models/facemug" in complaint
    assert "smile" in complaint


def test_a_direction_is_read_again_only_when_its_file_changes(folders: Path) -> None:
    fingerprint, name = NODES["FACEMUG_LoadDirection"].fingerprint_inputs, vector_file(folders)
    before = fingerprint(direction=name, component="")
    assert fingerprint(direction=name, component="") == before
    (folders / "input" / name).write_bytes(b"other")
    assert fingerprint(direction=name, component="") != before


def test_amounts_of_zero_leave_the_bits_of_a_style(model: Any, folders: Path) -> None:
    latent = latent_of(model, 2)
    (direction,) = run("LoadDirection", direction="age")
    (applied,) = run("ApplyDirection", latent=latent, direction=direction, amount=0.0, first_layer=3)
    assert torch.equal(applied, latent)
    names = [one.id for one in NODES["FACEMUG_AttributeSliders"].GET_SCHEMA().inputs[1:]]
    assert torch.equal(run("AttributeSliders", latent=latent, **dict.fromkeys(names, 0.0))[0], latent)
    assert torch.equal(run("AttributeSliders", latent=latent)[0], latent)


def test_sliders_do_what_the_library_does_in_any_order(model: Any) -> None:
    latent, known = latent_of(model), shipped_directions()
    expected = known["yaw"].apply(known["smile"].apply(latent, 0.5), -1)
    assert torch.equal(run("AttributeSliders", latent=latent, yaw=-1.0, smile=0.5)[0], expected)


def test_sliders_stay_within_the_measured_range() -> None:
    _, *sliders = NODES["FACEMUG_AttributeSliders"].GET_SCHEMA().inputs
    assert {one.id: (one.options["min"], one.options["max"]) for one in sliders} == {
        name: direction.safe for name, direction in shipped_directions().items()
    }


def test_sliders_that_saved_workflows_know_keep_their_places() -> None:
    recorded = json.loads((ROOT / "tests/host/nodes.json").read_text())["FACEMUG_AttributeSliders"]["inputs"]
    now = [one.id for one in NODES["FACEMUG_AttributeSliders"].GET_SCHEMA().inputs]
    assert now[: len(recorded)] == [name for _, name, *_ in recorded]


def test_the_one_node_moves_its_style_along_a_direction(model: Any, folders: Path) -> None:
    job = {"model": model, "image": photo(), "mask": center_mask(), "aligned": True}
    (direction,) = run("LoadDirection", direction="smile")
    (moved,) = run("ApplyDirection", latent=run("Edit", **job)[2], direction=direction, amount=0.5)
    edited, _, latent = run("Edit", **job, direction=direction, direction_amount=0.5)
    assert torch.equal(latent, moved)
    assert torch.equal(edited, run("Edit", **job, latent=moved)[0])


def test_a_sweep_gives_a_style_for_each_amount(model: Any, folders: Path) -> None:
    latent = latent_of(model)
    (direction,) = run("LoadDirection", direction="yaw")
    (swept,) = run("SweepDirection", latent=latent, direction=direction, steps=3)
    assert len(swept) == 3
    assert torch.equal(swept[1:2], latent)
    assert torch.equal(swept[2:], direction.apply(latent, 1))


@pytest.mark.parametrize("steps", [0, -1])
def test_a_sweep_of_no_steps_is_refused(model: Any, steps: int) -> None:
    latent, direction = latent_of(model), shipped_directions()["smile"]
    with pytest.raises(InputError, match="`steps` is"):
        run("SweepDirection", latent=latent, direction=direction, steps=steps)


@pytest.mark.parametrize("variants", [0, -1])
def test_no_variants_are_refused(model: Any, variants: int) -> None:
    with pytest.raises(InputError, match="`variants` is"):
        run("RandomStyle", model=model, variants=variants)


def test_layers_that_go_backwards_are_refused(model: Any, folders: Path) -> None:
    (direction,) = run("LoadDirection", direction="yaw")
    with pytest.raises(InputError, match="`first_layer` is 5 and `last_layer` 3"):
        run(
            "ApplyDirection",
            latent=latent_of(model),
            direction=direction,
            first_layer=5,
            last_layer=3,
        )


# --- wrong connections --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("Sketch", {"source": "photo"}, "Connect either `faces`"),
        ("ColorMap", {"source": "parts of a photo", "image": image()}, "connect Parse Face"),
        ("SplitPaint", {"painted": image()}, "Connect the photo without paint"),
        ("SplitPaint", {"painted": image(), "original": image(1, 20, 20)}, "connect the same photo"),
        ("Conditions", {"mask": center_mask()}, "no `faces`: connect Detect"),
        ("SemanticMap", {"image": image()}, "colors of Parse Face"),
    ],
)
def test_wrong_connections_say_what_to_connect(name: str, values: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        run(name, **values)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"mask": center_mask()}, "connect a photo to `image`"),
        (
            {"image": image(), "mask": center_mask(), "regions": "hair"},
            "disconnect `mask`, or clear `regions`",
        ),
        ({"image": image() * float("nan"), "mask": center_mask()}, "not finite"),
        ({"image": image()[0], "mask": center_mask()}, "Expected an IMAGE"),
        (
            {"image": image(), "mask": center_mask(), "aligned": True, "style": "exemplar"},
            "needs an exemplar: give a photo of a face",
        ),
        ({"exemplar": image(), "latent": torch.zeros(1, 18, 512)}, "disconnect `exemplar` or `latent`"),
    ],
)
def test_an_impossible_edit_says_what_to_do(model: Any, values: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        run("Edit", model=model, **values)


def test_a_photo_in_place_of_crops_says_what_to_connect(model: Any) -> None:
    with pytest.raises(InputError, match=r"240 × 200, but crops are square: connect those of Generate Face"):
        run("PasteFaces", faces=aligned(model, photo()), crops=photo(), mask=center_mask())


def test_an_edit_without_a_face_names_its_inputs(model: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(PhotoEditor, "find_faces", lambda *arguments, **options: [])
    with pytest.raises(FaceNotFoundError, match=r"`aligned`.*`no_face`"):
        run("Edit", model=model, image=photo(), mask=center_mask())


def test_region_mask_wants_a_part() -> None:
    semantic = sys.modules[f"{NAME}.nodes.payloads"].GuidePictures(torch.zeros(1, 8, 8, dtype=torch.long))
    with pytest.raises(InputError, match="switch on at least one"):
        run("RegionMask", semantic=semantic, hair=False)


# --- masks of the host --------------------------------------------------------------------------------------


@pytest.mark.parametrize("channels", [1, 2])
def test_gray_crops_are_gray_in_every_color(channels: int) -> None:
    crops = image(1, 8, 8, channels)
    assert torch.equal(tensors.to_crop(crops), tensors.to_crop(crops[..., :1].expand(-1, -1, -1, 3)))


def test_half_covered_mask_pixels_count_half() -> None:
    soft = torch.tensor([[[0.0, 0.49, 0.5, 0.996]]])
    torch.testing.assert_close(tensors.to_masks(soft, (1, 4)), torch.tensor([[[[0.0, 0.49, 0.5, 1.0]]]]))


def test_masks_of_another_size_come_to_the_size_of_the_photo() -> None:
    assert tensors.to_masks(center_mask(1, 100, 120), (200, 240)).shape == (1, 1, 200, 240)


@pytest.mark.parametrize("shape", [(1, 0, 240), (1, 200, 0), (0, 200, 240), (240,)])
def test_a_mask_without_pixels_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="MASK"):
        tensors.to_masks(torch.zeros(shape), (200, 240))


def test_a_painted_mask_of_64_pixels_is_a_mask() -> None:
    assert tensors.to_masks(torch.ones(1, 64, 64), (100, 100)).all()


# --- the pack -----------------------------------------------------------------------------------------------


def test_every_node_has_a_category_texts_and_a_help_page() -> None:
    for node_id, node in NODES.items():
        schema = node.GET_SCHEMA()
        assert schema.category == "image/face/FACEMUG"
        assert schema.display_name
        assert schema.description
        assert all(socket.tooltip for socket in [*schema.inputs, *schema.outputs])
        assert (ROOT / "web" / "docs" / f"{node_id}.md").is_file()


def test_no_two_sockets_of_a_node_share_an_id() -> None:
    for node in NODES.values():
        ids = [socket.id for socket in node.GET_SCHEMA().inputs]
        assert len(set(ids)) == len(ids)


def test_only_nodes_that_read_files_have_fingerprints() -> None:
    assert [node_id for node_id, node in NODES.items() if "fingerprint_inputs" in vars(node)] == [
        "FACEMUG_LoadDirection",
        "FACEMUG_LoadLatent",
    ]


def test_codes_can_be_optimised_with_networks_that_a_node_brought(model: Any) -> None:
    with torch.inference_mode():
        ready = model.model()
        with torch.inference_mode(False), torch.enable_grad():
            codes = torch.zeros(1, 18, 512, requires_grad=True)
            ready.generate(ready.aggregate(random_conditions()), codes).sum().backward()
    assert codes.grad is not None
    assert codes.grad.any()
