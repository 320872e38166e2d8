"""Nodes that make guides."""

from __future__ import annotations

import sys
from typing import Any

import pytest
import torch
from torch import Tensor

from .running import aligned, center_mask, image, photo, run, tensors, wired


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
