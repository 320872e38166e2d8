"""Photo files of every kind: which mode they become, what they keep, and what is said to be lost."""

from __future__ import annotations

from contextlib import suppress
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from facemug_core.cli import _save
from facemug_core.conditions.reading import read_photo
from facemug_core.errors import InputError
from facemug_core.photos import Photo

PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
ORIENTATION, DESCRIPTION = 0x0112, 0x010E


@pytest.fixture
def picture() -> Image.Image:
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    return Image.fromarray(pixels).resize((60, 40), Image.Resampling.BICUBIC)


def opened(image: Image.Image, path: Path, **options: Any) -> Photo:
    image.save(path, **options)
    return Photo.from_image(read_photo(path))


@pytest.mark.parametrize(
    ("mode", "suffix", "own"),
    [
        ("1", "png", "L"), ("L", "png", "L"), ("LA", "png", "LA"), ("RGB", "png", "RGB"),
        ("RGBA", "png", "RGBA"), ("P", "png", "RGB"), ("P", "gif", "RGB"),
        ("CMYK", "jpg", "RGB"), ("CMYK", "tif", "RGB"),
        ("LAB", "tif", "RGB"), ("YCbCr", "jpg", "RGB"),
    ],
)  # fmt: skip
def test_every_mode_becomes_one_that_can_be_edited(
    mode: str, suffix: str, own: str, picture: Image.Image, tmp_path: Path
) -> None:
    photo = opened(picture.convert(mode), tmp_path / f"photo.{suffix}")
    assert (photo.mode, photo.size) == (own, (40, 60))
    assert photo.to_image().mode == own


@pytest.mark.parametrize(
    ("mode", "transparent", "own"), [("L", 7, "LA"), ("RGB", (1, 2, 3), "RGBA"), ("P", 3, "RGBA")]
)
def test_a_transparent_color_becomes_alpha(
    mode: str, transparent: Any, own: str, picture: Image.Image, tmp_path: Path
) -> None:
    flat = picture.convert(mode)
    flat.putpixel((0, 0), transparent)
    photo = opened(flat, tmp_path / "photo.png", transparency=transparent)
    assert photo.mode == own
    assert photo.pixels[0, -1, 0, 0] == 0
    assert (photo.pixels[0, -1] == 255).any()


@pytest.mark.parametrize(("kind", "white"), [(np.uint16, 65535), (np.int32, 65535), (np.float32, 1)])
def test_deeper_grays_are_scaled_and_what_is_lost_is_said(kind: type, white: float, tmp_path: Path) -> None:
    values = np.linspace(0, white, 256).astype(kind).reshape(16, 16)
    photo = opened(Image.fromarray(values), tmp_path / "gray.tif")
    expected = torch.arange(256).view(16, 16)
    assert (photo.pixels[0, 0].int() - expected).abs().max() <= 1
    assert "8 bits" in photo.lost[0]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_pixels_that_are_no_numbers_are_black_and_leave_the_others_alone(
    value: float, tmp_path: Path
) -> None:
    values = np.linspace(0, 1, 256, dtype=np.float32).reshape(16, 16)
    whole = opened(Image.fromarray(values), tmp_path / "whole.tif").pixels
    values[0, 5] = value
    photo = opened(Image.fromarray(values), tmp_path / "odd.tif")
    whole[..., 0, 5] = 0
    assert torch.equal(photo.pixels, whole)


def test_of_an_animation_the_first_frame_is_used_and_that_is_said(
    picture: Image.Image, tmp_path: Path
) -> None:
    path = tmp_path / "moving.png"
    photo = opened(picture, path, save_all=True, append_images=[picture.rotate(180)] * 2)
    assert torch.equal(photo.pixels, Photo.from_image(picture).pixels)
    assert "3 frames" in photo.lost[0]


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tif"])
def test_the_color_profile_is_kept(suffix: str, picture: Image.Image, tmp_path: Path) -> None:
    photo = opened(picture, tmp_path / f"in.{suffix}", icc_profile=PROFILE)
    _save(photo.to_image(), tmp_path / f"out.{suffix}")
    assert Image.open(tmp_path / f"out.{suffix}").info["icc_profile"] == PROFILE


def test_a_profile_of_other_colors_is_not_kept(picture: Image.Image, tmp_path: Path) -> None:
    assert opened(picture.convert("L"), tmp_path / "gray.png", icc_profile=PROFILE).profile is None
    assert opened(picture.convert("CMYK"), tmp_path / "inks.jpg", icc_profile=b"broken").profile is None


@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize("suffix", ["png", "jpg", "webp"])
def test_metadata_is_kept_on_request_and_upright(
    suffix: str, keep: bool, picture: Image.Image, tmp_path: Path
) -> None:
    exif = Image.Exif()
    exif[ORIENTATION], exif[DESCRIPTION] = 6, "a person"
    photo = opened(picture, tmp_path / "in.jpg", exif=exif)
    assert photo.size == (60, 40)
    _save(photo.to_image(metadata=keep), tmp_path / f"out.{suffix}")
    written = Image.open(tmp_path / f"out.{suffix}")
    assert written.getexif().get(DESCRIPTION) == ("a person" if keep else None)
    assert written.getexif().get(ORIENTATION, 1) == 1


def test_the_thumbnail_of_the_face_before_is_not_kept(picture: Image.Image, tmp_path: Path) -> None:
    thumbnail = BytesIO()
    picture.save(thumbnail, "JPEG")
    exif = Image.Exif()
    exif[DESCRIPTION] = "a person"
    ifd0 = exif.tobytes()
    marker = thumbnail.getvalue()
    photo = opened(picture, tmp_path / "in.jpg", exif=ifd0 + marker)
    _save(photo.to_image(metadata=True), tmp_path / "out.jpg")
    assert marker not in (tmp_path / "out.jpg").read_bytes()


def damaged(exif: Image.Exif) -> bytes:
    """EXIF that can be read, but whose first entry tells a type that does not exist."""
    data = bytearray(exif.tobytes())
    data[17] = 0
    return bytes(data)


def test_a_photo_with_damaged_metadata_is_turned_all_the_same_and_that_is_said(
    picture: Image.Image, tmp_path: Path
) -> None:
    exif = Image.Exif()
    exif[DESCRIPTION], exif[ORIENTATION] = "a", 6
    photo = opened(picture, tmp_path / "in.png", exif=damaged(exif))
    turned = Photo.from_image(picture.transpose(Image.Transpose.ROTATE_270))
    assert torch.equal(photo.pixels, turned.pixels)
    assert "EXIF" in photo.lost[0]


def test_a_photo_with_metadata_of_no_known_kind_is_read_as_it_lies_and_that_is_said(
    picture: Image.Image, tmp_path: Path
) -> None:
    photo = opened(picture, tmp_path / "in.png", exif=b"no TIFF header")
    assert photo.size == (picture.height, picture.width)
    assert "on its side" in photo.lost[0]


@settings(max_examples=60, deadline=None)
@given(
    kind=st.sampled_from(["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "JPEG2000"]),
    lies=st.integers(0, 9),
    changes=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=6),
    kept=st.floats(0, 1),
)
def test_a_damaged_file_becomes_a_whole_photo_or_an_error_in_words(
    kind: str, lies: int, changes: list[tuple[float, int]], kept: float
) -> None:
    exif = Image.Exif()
    exif[DESCRIPTION], exif[ORIENTATION] = "a", lies
    file = BytesIO()
    Image.effect_mandelbrot((24, 16), (-2, -1, 1, 1), 20).convert("RGB").save(file, kind, exif=exif)
    data = bytearray(file.getvalue())
    for where, value in changes:
        data[int(where * (len(data) - 1))] = value
    with TemporaryDirectory() as folder:
        path = Path(folder, "damaged")
        path.write_bytes(data[: len(data) - int(len(data) * max(0, kept - 0.7))])
        with suppress(InputError):
            image = read_photo(path)
            assert Photo.from_image(image).pixels.shape[2:] == (image.height, image.width)


@pytest.mark.parametrize(("mode", "name"), [("RGB", "x.mpg"), ("RGBA", "x.jpg"), ("LA", "x.pcx")])
def test_a_format_that_cannot_hold_the_photo_is_refused_with_one_that_can(
    mode: str, name: str, picture: Image.Image, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=r"x\.png"):
        _save(picture.convert(mode), tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_damaged_metadata_is_refused_with_the_option_that_asked_for_it(
    picture: Image.Image, tmp_path: Path
) -> None:
    exif = Image.Exif()
    exif[DESCRIPTION] = "a"
    photo = opened(picture, tmp_path / "in.jpg", exif=damaged(exif))
    with pytest.raises(InputError, match="--keep-metadata"):
        _save(photo.to_image(metadata=True), tmp_path / "out.jpg")


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_there_and_back_keeps_every_bit_also_in_bands(
    mode: str, picture: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("facemug_core.photos.BAND_PIXELS", 150)
    given = picture.convert(mode)
    assert np.array_equal(np.array(Photo.from_image(given).to_image()), np.array(given))
