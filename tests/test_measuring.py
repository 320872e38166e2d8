"""Measurements of faces that are drawn by rule: each grows with what it is named after."""

from __future__ import annotations

import numpy as np
import pytest

from facemug_core.conventions import LABELS
from facemug_core.editing.measuring import ATTRIBUTES, by_mesh, by_parser, source_of


def drawn(**changes: float) -> tuple[np.ndarray, np.ndarray]:
    """A face of rectangles: pixels and classes [256, 256]."""
    usual = {"hair_bottom": 120, "hair_light": 60, "lip_red": 150, "eye": 8, "mouth": 0}
    size = usual | {"glasses": 0, "left": 150, "skin": 150, "nose_x": 128, "fringe": 60} | changes
    labels = np.zeros((256, 256), np.uint8)
    pixels = np.full((256, 256, 3), 30, np.uint8)

    def part(
        name: str, x0: float, x1: float, y0: float, y1: float, color: tuple[float, float, float]
    ) -> None:
        box = slice(int(y0), int(y1)), slice(int(x0), int(x1))
        labels[box], pixels[box] = LABELS.index(name), color

    hair, skin, left = (size[k] for k in ("hair_light", "skin", "left"))
    part("hair", 40, 216, 20, size["hair_bottom"], (hair, hair, hair))
    part("skin", 60, 196, size["fringe"], 240, (skin, skin, skin))
    part("skin", 60, size["nose_x"], size["fringe"], 240, (left, left, left))
    for x in (95, 160):
        part("l_brow", x - 14, x + 14, 100, 106, (40, 40, 40))
        part("l_eye", x - 10, x + 10, 122 - size["eye"] / 2, 122 + size["eye"] / 2, (90, 90, 90))
    part("nose", size["nose_x"] - 12, size["nose_x"] + 12, 130, 165, (skin, skin, skin))
    part("u_lip", 104, 152, 184, 190, (size["lip_red"], 90, 90))
    part("mouth", 104, 152, 190, 190 + size["mouth"], (20, 20, 20))
    part("l_lip", 104, 152, 190 + size["mouth"], 198 + size["mouth"], (size["lip_red"], 90, 90))
    if size["glasses"]:
        part("eye_g", 80, 176, 110, 110 + size["glasses"], (10, 10, 10))
    return pixels, labels


@pytest.mark.parametrize(
    ("attribute", "less", "more"),
    [
        ("hair_length", {"hair_bottom": 120}, {"hair_bottom": 240}),
        ("hair_below_eyes", {"hair_bottom": 125}, {"hair_bottom": 130}),
        ("hair_below_eyes", {"hair_bottom": 235}, {"hair_bottom": 240}),
        ("hair_darkness", {"hair_light": 200}, {"hair_light": 20}),
        ("lipstick", {"lip_red": 120}, {"lip_red": 230}),
        ("eyes_open", {"eye": 4}, {"eye": 12}),
        ("mouth_open", {"mouth": 0}, {"mouth": 12}),
        ("glasses", {}, {"glasses": 20}),
        ("skin_tone", {"skin": 80, "left": 80}, {"skin": 200, "left": 200}),
        ("lighting", {"left": 90}, {"left": 220}),
        ("yaw", {"nose_x": 110}, {"nose_x": 146}),
        ("fringe", {"fringe": 60}, {"fringe": 100}),
    ],
)
def test_measurement_by_parser_grows_with_its_attribute(attribute: str, less: dict, more: dict) -> None:
    low, high = (by_parser(*drawn(**changes))[f"{attribute}.parser"] for changes in (less, more))
    assert low < high


def test_face_without_hair_has_no_hair_color() -> None:
    pixels, labels = drawn()
    labels[labels == LABELS.index("hair")] = 0
    assert np.isnan(by_parser(pixels, labels)["hair_darkness.parser"])


def test_hair_on_top_makes_hair_no_longer() -> None:
    bald, full = (by_parser(*drawn(fringe=fringe))["hair_below_eyes.parser"] for fringe in (20, 60))
    assert bald == full


def test_empty_classes_are_no_error() -> None:
    values = by_parser(np.zeros((256, 256, 3), np.uint8), np.zeros((256, 256), np.uint8))
    assert values["glasses.parser"] == 0


def mesh(**points: tuple[float, float]) -> np.ndarray:
    """A mesh at noise, with some points put where they are wanted: p13=(x, y)."""
    result = np.random.default_rng(0).uniform(80, 170, (468, 2))
    for i, at in {33: (80, 120), 133: (110, 120), 362: (146, 120), 263: (176, 120), 234: (60, 140),
                  454: (196, 140), 1: (128, 155), 61: (104, 192), 291: (152, 192)}.items():  # fmt: skip
        result[i] = at
    for name, at in points.items():
        result[int(name[1:])] = at
    return result


@pytest.mark.parametrize(
    ("attribute", "less", "more"),
    [
        ("mouth_open", {"p13": (128, 190), "p14": (128, 191)}, {"p13": (128, 185), "p14": (128, 205)}),
        ("yaw", {"p1": (115, 155)}, {"p1": (141, 155)}),
        ("face_width", {"p454": (190, 140)}, {"p454": (210, 140)}),
        ("smile", {"p61": (110, 196), "p291": (146, 196)}, {"p61": (96, 188), "p291": (160, 188)}),
        ("pitch", {"p1": (128, 165)}, {"p1": (128, 145)}),
    ],
)
def test_measurement_by_mesh_grows_with_its_attribute(attribute: str, less: dict, more: dict) -> None:
    lips = {"p13": (128, 190), "p14": (128, 194)}
    pixels = np.full((256, 256, 3), 128, np.uint8)
    low, high = (by_mesh(pixels, mesh(**lips | p))[f"{attribute}.mesh"] for p in (less, more))
    assert low < high


def test_every_source_named_is_measured() -> None:
    pixels, labels = drawn()
    measured = set(by_parser(pixels, labels)) | set(by_mesh(pixels, mesh()))
    named = {name for attribute in ATTRIBUTES.values() for name in (attribute.finder, attribute.judge)}
    assert {name for name in named if source_of(name) in {"parser", "mesh"}} <= measured
