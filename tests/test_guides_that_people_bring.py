"""Guides are never dropped or misread in silence: any stroke, alpha as strength, changed label maps."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from facemug_core.conditions import Conditions, labels_to_palette
from facemug_core.conditions.reading import read_color, read_opacity, read_semantic, read_sketch
from facemug_core.conventions import PALETTE as COLORS
from facemug_core.errors import InputError
from facemug_core.modalities import Guide
from facemug_core.photo import Photo
from facemug_core.pipeline.editor import EditRequest, PhotoEditor
from facemug_core.pipeline.guides import new_face_conditions, silent_guides

from .nodes.running import run
from .tiny import tiny_model

SIZE = 256
LINES = ([(20, 30), (200, 60)], [(50, 220), (230, 120)], [(128, 90), (128, 240)])
Color = tuple[int, ...]


def drawn(ground: Color, *strokes: Color, width: int = 5, mode: str = "RGB") -> Image.Image:
    image = Image.new(mode, (SIZE, SIZE), ground)
    draw = ImageDraw.Draw(image)
    for number, line in enumerate(LINES):
        draw.line(line, fill=strokes[number % len(strokes)], width=width)
    return image


TRUE = np.array(drawn((255, 255, 255), (0, 0, 0)).convert("L")) == 0


def agreement(found: torch.Tensor, true: np.ndarray = TRUE) -> float:
    """Intersection over union of strokes."""
    mask = found[0, 0].numpy() > 0
    return float((mask & true).sum() / (mask | true).sum())


WHITE, DARK = (255, 255, 255), (40, 40, 45)


@pytest.mark.parametrize(
    ("ground", "strokes"),
    [
        ((235,) * 3, [(150,) * 3]),
        (WHITE, [(255, 255, 0)]),
        (WHITE, [(0, 255, 255)]),
        (WHITE, [(255, 192, 203)]),
        (WHITE, [(255, 165, 0)]),
        (WHITE, [(255, 250, 205)]),
        (WHITE, [(225, 225, 225)]),
        (DARK, [(90, 90, 95)]),
        ((0, 0, 0), [(0, 0, 120)]),
        ((120, 160, 120), [(120, 130, 120)]),
        (WHITE, [(255, 255, 0), (0, 0, 0), (255, 120, 200)]),
        ((30, 60, 120), [(255, 255, 255), (0, 0, 0), (60, 140, 60)]),
    ],
)
def test_strokes_are_what_stands_out_from_its_ground_in_whatever_colors(
    ground: Color, strokes: list[Color]
) -> None:
    image = drawn(ground, *strokes)
    assert agreement(read_sketch(image)) == 1
    file = io.BytesIO()
    image.save(file, "JPEG", quality=85)
    assert agreement(read_sketch(Image.open(file))) > 0.7


@pytest.mark.parametrize("stroke", [(0, 0, 0, 102), (255, 255, 255, 255), (255, 255, 0, 60), (9, 9, 9, 255)])
def test_paint_on_transparency_is_strokes_whatever_its_color_and_strength(stroke: Color) -> None:
    assert agreement(read_sketch(drawn((0, 0, 0, 0), stroke, mode="RGBA"))) == 1


def test_several_colors_on_transparency_are_all_strokes() -> None:
    image = drawn((0, 0, 0, 0), (255, 255, 255, 255), (0, 0, 0, 255), (255, 0, 0, 102), mode="RGBA")
    assert agreement(read_sketch(image)) > 0.95  # where strokes cross, the faint one is the other's edge


@pytest.mark.parametrize("alpha", [0, 100, 255])
def test_alpha_that_is_the_same_everywhere_does_not_hide_strokes(alpha: int) -> None:
    image = drawn((255, 255, 255), (255, 200, 0))
    image.putalpha(alpha)
    assert agreement(read_sketch(image)) == 1


@pytest.mark.parametrize("smooth", [False, True])
@pytest.mark.parametrize(("dark", "faint"), [((0, 0, 0), (235,) * 3), ((0, 0, 255), (255, 255, 200))])
def test_faint_strokes_close_to_strong_ones_are_strokes(dark: Color, faint: Color, smooth: bool) -> None:
    times = 4 if smooth else 1
    image = Image.new("RGB", (SIZE * times, SIZE * times), WHITE)
    draw = ImageDraw.Draw(image)
    for left, color in ((100, dark), (108, faint)):
        draw.rectangle((left * times, 20 * times, (left + 3) * times - 1, 200 * times - 1), fill=color)
    found = read_sketch(image.resize((SIZE, SIZE), Image.Resampling.BOX))[0, 0, 30:190]
    assert found.any(0).nonzero().flatten().tolist() == [100, 101, 102, 108, 109, 110]
    assert found[:, 108:111].all()


def test_echoes_of_compression_beside_strokes_are_none() -> None:
    found = read_sketch(compressed(drawn(WHITE, (0, 0, 0), width=3), 75))
    true = np.array(drawn(WHITE, (0, 0, 0), width=3).convert("L")) == 0
    assert agreement(found, true) > 0.95


def test_a_noisy_and_unevenly_lit_pencil_scan_is_its_strokes() -> None:
    y, x = np.mgrid[0:SIZE, 0:SIZE] / SIZE
    light = 235 - 45 * x - 20 * y**2
    noise = np.random.default_rng(0).normal(0, 4, (SIZE, SIZE))
    scan = np.where(TRUE, light - 85, light) + noise
    assert agreement(read_sketch(Image.fromarray(scan.clip(0, 255).astype(np.uint8)))) > 0.85


@pytest.mark.parametrize("ground", [(255, 255, 255), (0, 0, 0), (90, 130, 20)])
def test_a_noisy_sheet_without_strokes_has_none(ground: Color) -> None:
    noise = np.random.default_rng(0).normal(0, 3, (SIZE, SIZE, 3))
    sheet = (np.array(ground) + noise).clip(0, 255).astype(np.uint8)
    assert read_sketch(Image.fromarray(sheet)).mean() < 1e-3


# --- color maps ---------------------------------------------------------------------------------------------


def painted(alpha: int) -> Conditions:
    image = Image.new("RGBA", (SIZE, SIZE), (0, 0, 0, 0))
    image.paste((20, 40, 250, alpha), (40, 40, 200, 200))
    return new_face_conditions({"color": Guide(read_color(image), opacity=read_opacity(image))})


@pytest.mark.parametrize("alpha", [1, 60, 100, 127, 128, 200, 255])
def test_the_alpha_of_a_color_map_is_its_strength(alpha: int) -> None:
    half, full = painted(alpha), painted(255)
    torch.testing.assert_close(half.color, full.color * (alpha / 255), atol=2e-3, rtol=0)
    torch.testing.assert_close(half.color_weight, full.color_weight * (alpha / 255), atol=2e-3, rtol=0)


def test_alpha_that_is_the_same_everywhere_is_strength_too() -> None:
    image = Image.new("RGBA", (SIZE, SIZE), (20, 40, 250, 51))
    conditions = new_face_conditions({"color": Guide(read_color(image), opacity=read_opacity(image))})
    torch.testing.assert_close(conditions.color_weight, torch.full_like(conditions.color_weight, 0.2))


def test_the_nodes_take_alpha_for_strength_as_the_command_does() -> None:
    painting = torch.zeros(1, SIZE, SIZE, 3)
    painting[..., 2] = 1
    color = run("ColorMap", source="painting", image=painting, transparent=torch.full((1, SIZE, SIZE), 0.6))
    (conditions,) = run("Conditions", color=color[0])
    torch.testing.assert_close(conditions.color_weight, torch.full_like(conditions.color_weight, 0.4))


# --- semantic maps ------------------------------------------------------------------------------------------


def regions() -> torch.Tensor:
    """Labels [1, H, W] of a face in simple shapes."""
    image = Image.new("L", (SIZE, SIZE), 0)
    draw = ImageDraw.Draw(image)
    for label, box in ((17, (40, 20, 216, 236)), (1, (70, 60, 186, 230)), (2, (85, 95, 120, 105)),
                       (4, (90, 110, 118, 124)), (5, (138, 110, 166, 124)), (10, (116, 120, 140, 165)),
                       (12, (100, 180, 156, 192)), (13, (100, 192, 156, 204))):  # fmt: skip
        draw.ellipse(box, fill=label)
    return torch.from_numpy(np.array(image).astype(np.int64))[None]


NUMBERS = Image.fromarray(regions()[0].numpy().astype(np.uint8))
PALETTE = Image.fromarray(labels_to_palette(regions())[0].numpy())


def compressed(image: Image.Image, quality: int) -> Image.Image:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return Image.open(file).copy()


CHANGES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "JPEG 60": lambda image: compressed(image, 60),
    "JPEG 85": lambda image: compressed(image, 85),
    "JPEG 98": lambda image: compressed(image, 98),
    "bilinear, smaller": lambda image: image.resize((150, 150), Image.Resampling.BILINEAR),
    "bicubic, larger": lambda image: image.resize((400, 400), Image.Resampling.BICUBIC),
    "lanczos": lambda image: image.resize((200, 230), Image.Resampling.LANCZOS),
    "turned": lambda image: image.rotate(7, Image.Resampling.BICUBIC),
    "smoothed, then enlarged as it is": lambda image: (
        image.resize((120, 120), Image.Resampling.BILINEAR).resize((480, 480), Image.Resampling.NEAREST)
    ),
}  # fmt: skip
MODES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "L": lambda image: image.convert("L"),
    "LA": lambda image: image.convert("LA"),
    "RGB": lambda image: image.convert("RGB"),
    "RGBA": lambda image: image.convert("RGBA"),
    "P": lambda image: image.convert("P"),
    "P of a few colors": lambda image: image.convert("RGB").convert("P", palette=Image.Palette.ADAPTIVE),
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("change", CHANGES)
def test_label_numbers_that_were_smoothed_are_refused_with_the_reason_in_all_modes(
    change: str, mode: str, tmp_path: Path
) -> None:
    image = MODES[mode](CHANGES[change](NUMBERS))
    image.save(tmp_path / "map.png")
    with pytest.raises(InputError, match=r"map\.png: .*smoothing or by JPEG"):
        read_semantic(tmp_path / "map.png")


@pytest.mark.parametrize("size", [12, 16, 24, 48])
@pytest.mark.parametrize("filter", [Image.Resampling.BILINEAR, Image.Resampling.BICUBIC])
def test_small_maps_that_were_smoothed_are_refused(filter: Image.Resampling, size: int) -> None:
    with pytest.raises(InputError, match="smoothing or by JPEG"):
        read_semantic(NUMBERS.resize((size, size), filter))


@pytest.mark.parametrize("larger", [True, False])
@pytest.mark.parametrize("labels", [(0, 2), (0, 17), (1, 13), (4, 10)])
@pytest.mark.parametrize("shape", ["rectangle", "ellipse"])
def test_numbers_between_two_regions_are_refused_where_they_are_labels_too(
    shape: str, labels: tuple[int, int], larger: bool
) -> None:
    image = Image.new("L", (SIZE, SIZE), labels[0])
    getattr(ImageDraw.Draw(image), shape)((61, 51, 184, 201), fill=labels[1])
    assert read_semantic(image).unique().tolist() == [*labels]
    size = (500, 500) if larger else (120, 120)
    with pytest.raises(InputError, match="smoothing or by JPEG"):
        read_semantic(image.resize(size, Image.Resampling.BILINEAR))


@pytest.mark.parametrize("change", CHANGES)
def test_the_nodes_refuse_what_the_command_refuses(change: str) -> None:
    values = torch.from_numpy(np.array(CHANGES[change](NUMBERS).convert("RGB"))).float() / 255
    with pytest.raises(InputError, match="smoothing or by JPEG"):
        run("SemanticMap", image=values[None])


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("size", [16, 24, 32, 64, 100, 256, 700])
def test_label_numbers_that_were_not_smoothed_are_read_in_all_modes(mode: str, size: int) -> None:
    image = NUMBERS.resize((size, size), Image.Resampling.NEAREST)
    labels = read_semantic(MODES[mode](image))
    assert torch.equal(labels[0], torch.from_numpy(np.array(image).astype(np.int64)))


@pytest.mark.parametrize("label", range(19))
def test_what_a_mask_editor_paints_on_a_map_is_that_label_and_rims_are_no_third(label: int) -> None:
    """Its paint has soft rims and colors off by one."""
    ground = next(other for other in (17, 1) if other != label)
    editor = Image.new("RGB", (800, 800), COLORS[ground])
    color = tuple(abs(value - 1) for value in COLORS[label])
    ImageDraw.Draw(editor).line([(200, 240), (560, 520)], fill=color, width=120)
    painted, said = editor.resize((200, 200), Image.Resampling.BOX), []
    labels = read_semantic(painted, say=said.append)[0]
    assert set(labels.unique().tolist()) == {ground, label}
    assert labels[95, 95] == label
    assert len(said) == 1


@pytest.mark.parametrize("numbering", ["auto", "palette"])
@pytest.mark.parametrize("change", ["JPEG 60", "JPEG 85", "JPEG 98", "bilinear, smaller", "bicubic, larger"])
def test_display_colors_are_snapped_to_the_nearest_label_and_that_is_said(
    change: str, numbering: Any
) -> None:
    said: list[str] = []
    image = CHANGES[change](PALETTE)
    labels = read_semantic(image, None, numbering, said.append)
    true = np.array(NUMBERS.resize(image.size, Image.Resampling.NEAREST))
    assert (labels[0].numpy() == true).mean() > 0.97
    assert set(labels.unique().tolist()) <= {*regions().unique().tolist()}
    assert "pixels" in said[0]


def test_a_photo_is_no_semantic_map() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    with pytest.raises(InputError, match="colors that no label has"):
        read_semantic(Image.fromarray(noise))


# --- what says nothing --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["sketch", "semantic", "color"])
def test_a_guide_that_says_nothing_is_named(name: str) -> None:
    empty = {
        "sketch": torch.zeros(1, 1, SIZE, SIZE),
        "semantic": torch.full((1, SIZE, SIZE), -1),
        "color": torch.zeros(1, 3, SIZE, SIZE),
    }
    guide = Guide(empty[name])
    assert "says nothing" in silent_guides({name: guide}, [new_face_conditions({name: guide})])[0]
    mask = torch.zeros(1, 1, SIZE, SIZE)
    mask[..., 90:150, 90:150] = 1
    request = EditRequest(mask=mask, aligned=True, size=256, **{name: guide})  # type: ignore[arg-type]
    photo = Photo.from_image(Image.effect_noise((SIZE, SIZE), 60).convert("RGB"))
    warnings = PhotoEditor(tiny_model()).edit(photo, request).warnings
    assert any("says nothing near the mask" in warning for warning in warnings)


@pytest.mark.parametrize("node", ["Sketch", "SemanticMap", "ColorMap"])
def test_the_nodes_name_a_guide_that_says_nothing(node: str, caplog: Any) -> None:
    source = {"Sketch": {"source": "drawing"}, "ColorMap": {"source": "painting"}}.get(node, {})
    transparent = torch.ones(1, SIZE, SIZE)
    transparent[:, :2] = 0 if node == "Sketch" else 1
    white = torch.ones(1, SIZE, SIZE, 3)
    run(node, image=white, **source, **({} if node == "Sketch" else {"transparent": transparent}))
    assert "no" in caplog.text.lower()
    assert caplog.records
