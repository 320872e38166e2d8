"""Masks, guides, boxes and landmarks of photos that their cameras turn: never guessed in silence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facemug_core.conditions.orientation import TURNS, boxes_along, points_along
from facemug_core.conditions.reading import read_beside, read_photo
from facemug_core.errors import InputError

from .commands import run_command

ORIENTATION = 0x0112
ALL = [*TURNS]


def exif(orientation: int) -> Image.Exif:
    tags = Image.Exif()
    tags[ORIENTATION] = orientation
    return tags


def drawn(width: int, height: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (height, width), dtype=np.uint8))


def pair(
    folder: Path, orientation: int, size: tuple[int, int], own: int | None = None
) -> tuple[Image.Image, Path]:
    """A photo, upright, and a mask of the same raw pixels in a file that says its orientation with `own`."""
    raw = drawn(*size)
    raw.save(folder / "photo.png", exif=exif(orientation))
    raw.save(folder / "mask.png", **({} if own is None else {"exif": exif(own)}))
    return read_photo(folder / "photo.png"), folder / "mask.png"


@pytest.mark.parametrize("orientation", [orientation for orientation in ALL if orientation >= 5])
def test_shape_tells_what_a_mask_was_drawn_on(orientation: int, tmp_path: Path) -> None:
    photo, mask = pair(tmp_path, orientation, (40, 30))
    assert np.array_equal(read_beside(mask, photo.size, orientation)[0], photo)
    photo.save(tmp_path / "upright.png")
    assert np.array_equal(read_beside(tmp_path / "upright.png", photo.size, orientation)[0], photo)


@pytest.mark.parametrize("size", [(40, 40), (40, 30)])
@pytest.mark.parametrize("orientation", ALL)
def test_the_masks_own_exif_tells(orientation: int, size: tuple[int, int], tmp_path: Path) -> None:
    photo, mask = pair(tmp_path, orientation, size, own=orientation)
    assert np.array_equal(read_beside(mask, photo.size, orientation)[0], photo)
    photo.save(tmp_path / "upright.png", exif=exif(1))
    assert np.array_equal(read_beside(tmp_path / "upright.png", photo.size, orientation)[0], photo)


@pytest.mark.parametrize(
    ("orientation", "size"),
    [*((orientation, (40, 40)) for orientation in ALL), (2, (40, 30)), (3, (40, 30)), (4, (40, 30))],
)
def test_what_nothing_tells_is_asked_for_and_never_guessed(
    orientation: int, size: tuple[int, int], tmp_path: Path
) -> None:
    photo, mask = pair(tmp_path, orientation, size)
    with pytest.raises(InputError, match=r"mask\.png .* --drawn-on"):
        read_beside(mask, photo.size, orientation)
    assert np.array_equal(read_beside(mask, photo.size, orientation, "raw")[0], photo)
    photo.save(tmp_path / "upright.png")
    assert np.array_equal(read_beside(tmp_path / "upright.png", photo.size, orientation, "turned")[0], photo)


@pytest.mark.parametrize("orientation", [0, 1, 9])
def test_photos_that_are_upright_ask_nothing(orientation: int, tmp_path: Path) -> None:
    photo, mask = pair(tmp_path, orientation, (40, 40))
    assert np.array_equal(read_beside(mask, photo.size, orientation)[0], photo)


@pytest.mark.parametrize("shares", [False, True])
@pytest.mark.parametrize("size", [(40, 40), (40, 30)])
@pytest.mark.parametrize("orientation", ALL)
def test_points_are_turned_as_pixels_are(orientation: int, size: tuple[int, int], shares: bool) -> None:
    raw = np.zeros((size[1], size[0]), np.uint8)
    raw[7, 25] = 1
    upright = Image.fromarray(raw).transpose(TURNS[orientation])
    point = np.array([[25.5, 7.5]]) / (size if shares else 1)
    (found,) = points_along(point, "lm", upright.size, orientation, "raw")
    ((y, x),) = np.argwhere(np.array(upright))
    np.testing.assert_allclose(found, (x + 0.5, y + 0.5))
    if shares:
        np.testing.assert_allclose(
            points_along(point, "lm", upright.size, orientation, "turned")[0], point[0] * upright.size
        )


def test_points_and_boxes_tell_by_where_they_lie_or_ask() -> None:
    assert points_along([[35, 10]], "lm", (30, 40), 6, None).tolist() == [[20, 35]]
    assert points_along([[10, 35]], "lm", (30, 40), 6, None).tolist() == [[10, 35]]
    assert boxes_along([(30, 5, 38, 15)], (30, 40), 6, None) == [(15, 30, 25, 38)]
    with pytest.raises(InputError, match=r"lm .* --drawn-on"):
        points_along([[10, 10]], "lm", (30, 40), 6, None)


def test_points_of_an_upright_photo_stay_and_shares_are_scaled() -> None:
    assert points_along([[35, 10]], "lm", (30, 40), 1, None).tolist() == [[35, 10]]
    assert points_along([[0.5, 0.25]], "lm", (30, 40), 1, None).tolist() == [[15, 10]]


@pytest.mark.usefixtures("tiny_command")
def test_the_command_asks_and_takes_the_answer(
    photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, mask = tmp_path / "phone.png", tmp_path / "drawn.png"
    Image.open(photo).save(source, exif=exif(3))
    hole = np.zeros((256, 256), np.uint8)
    hole[20:60, 30:90] = 255
    Image.fromarray(hole).save(mask)
    command = ("edit", source, "--mask", mask, "--aligned", "--inversion", 0, "-o", tmp_path / "out.png")
    code, _, said = run_command(capsys, *command)
    assert code == 2
    assert "--drawn-on" in said
    for answer, place in (("raw", hole[::-1, ::-1]), ("turned", hole)):
        assert run_command(capsys, *command, "--drawn-on", answer)[0] == 0
        changed = (np.array(Image.open(tmp_path / "out.png")) != np.array(Image.open(photo).rotate(180))).any(
            -1
        )
        assert changed.any()
        assert (place[changed] == 255).all()
