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
from PIL import Image, ImageCms, PngImagePlugin

from facemug_core.conditions.reading import read_photo
from facemug_core.errors import InputError
from facemug_core.photo import Photo
from facemug_core.pipeline.editor import EditRequest, PhotoEditor
from facemug_core.writing import fitted
from facemug_core.writing import save_picture as _save

from .tiny import tiny_model

PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
ORIENTATION, DESCRIPTION = 0x0112, 0x010E


@pytest.fixture
def picture() -> Image.Image:
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    return Image.fromarray(pixels).resize((60, 40), Image.Resampling.BICUBIC)


def opened(image: Image.Image, path: Path, **options: Any) -> Photo:
    image.save(path, **options)
    return Photo.from_file(path)


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
    monkeypatch.setattr("facemug_core.photo.BAND_PIXELS", 150)
    given = picture.convert(mode)
    assert np.array_equal(np.array(Photo.from_image(given).to_image()), np.array(given))


# --- what files of every kind keep, and what is said to be lost ---------------------------------------------


@pytest.mark.parametrize("suffix", ["png", "webp", "tif"])
def test_colors_under_alpha_0_are_kept(suffix: str, picture: Image.Image, tmp_path: Path) -> None:
    clear = picture.convert("RGBA")
    clear.putalpha(Image.linear_gradient("L").resize(picture.size).point(lambda value: value // 128 * 255))
    assert _save(clear, tmp_path / f"x.{suffix}") == []
    assert np.array_equal(np.array(read_photo(tmp_path / f"x.{suffix}")), np.array(clear))


@pytest.mark.parametrize(
    ("suffix", "room"), [("png", 1000), ("jpg", 2_000_000), ("webp", 20_000_000), ("tif", 20_000_000)]
)
@pytest.mark.parametrize("size", [1000, 2_000_000, 20_000_000])
def test_a_profile_that_its_format_has_no_room_for_is_named_and_the_result_can_be_read(
    suffix: str, room: int, size: int, picture: Image.Image, tmp_path: Path
) -> None:
    picture.info["icc_profile"] = np.random.default_rng(0).bytes(size)
    path = tmp_path / f"x.{suffix}"
    lost = _save(picture, path)
    profile = picture.info["icc_profile"] if size <= room else None
    assert Image.open(path).info.get("icc_profile") == profile
    assert any("color profile" in loss for loss in lost) == (profile is None)
    assert read_photo(path).size == picture.size


def test_a_file_with_a_profile_that_is_larger_than_pillow_likes_is_read(
    picture: Image.Image, tmp_path: Path
) -> None:
    profile = np.random.default_rng(0).bytes(2_000_000)
    picture.save(tmp_path / "x.png", icc_profile=profile)
    assert read_photo(tmp_path / "x.png").info["icc_profile"] == profile


def test_texts_above_a_megabyte_are_kept_and_can_be_read(picture: Image.Image, tmp_path: Path) -> None:
    picture.info["xmp"] = b"<x>" + b"y" * 2_000_000
    _save(picture, tmp_path / "x.png")
    assert Image.open(tmp_path / "x.png").info["xmp"] == picture.info["xmp"]


def test_what_a_png_says_of_its_colors_is_kept_or_said(picture: Image.Image, tmp_path: Path) -> None:
    chunks = {b"gAMA": (45455).to_bytes(4, "big"), b"cHRM": bytes(32), b"cICP": bytes([12, 13, 0, 1])}
    info = PngImagePlugin.PngInfo()
    for name, data in chunks.items():
        info.add(name, data)
    photo = opened(picture, tmp_path / "in.png", pnginfo=info)
    assert _save(photo.to_image(), tmp_path / "out.png") == []
    assert read_photo(tmp_path / "out.png").info["png_colors"] == chunks
    assert "gAMA, cHRM, cICP" in _save(photo.to_image(), tmp_path / "out.webp")[0]


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tif"])
def test_xmp_is_kept(suffix: str, picture: Image.Image, tmp_path: Path) -> None:
    picture.info["xmp"] = b"<x:xmpmeta/>"
    _save(picture, tmp_path / f"x.{suffix}")
    assert Image.open(tmp_path / f"x.{suffix}").info["xmp"] == b"<x:xmpmeta/>"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("x.jpg", "JPEG changes all pixels"),
        ("x.gif", "256 colors"),
        ("x.bmp", "color profile"),
        ("x.png", ""),
    ],
)
def test_results_say_what_their_format_loses(
    name: str, expected: str, picture: Image.Image, tmp_path: Path
) -> None:
    picture.info["icc_profile"] = PROFILE
    assert expected in " ".join(_save(picture, tmp_path / name))


def test_inks_that_become_rgb_are_said(picture: Image.Image, tmp_path: Path) -> None:
    assert "CMYK" in opened(picture.convert("CMYK"), tmp_path / "x.jpg").lost[0]


@pytest.mark.parametrize(
    ("name", "way"),
    [("x.heic", "pip install pillow-heif"), ("x.jxl", "pillow-jxl-plugin"), ("x.nef", "developed")],
)
def test_a_photo_that_pillow_does_not_read_says_how(name: str, way: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"\0\0\0\x18ftypheic" + bytes(50))
    with pytest.raises(InputError, match=way):
        read_photo(tmp_path / name)


def test_the_preview_within_a_raw_photo_is_not_taken_for_the_photo(
    picture: Image.Image, tmp_path: Path
) -> None:
    picture.save(tmp_path / "x.dng", "TIFF")
    with pytest.raises(InputError, match="developed"):
        read_photo(tmp_path / "x.dng")


def test_a_format_that_a_plug_in_of_pillow_reads_is_read(
    picture: Image.Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = BytesIO()
    picture.save(file, "PNG")
    (tmp_path / "x.heic").write_bytes(b"ftypheic" + file.getvalue())
    monkeypatch.setattr(Image, "OPEN", dict(Image.OPEN))
    monkeypatch.setattr(Image, "ID", list(Image.ID))

    def unpacked(fp: Any, filename: Any = None) -> Image.Image:
        fp.seek(8)
        return Image.open(BytesIO(fp.read()))

    Image.register_open("HEIF", unpacked, lambda prefix: prefix.startswith(b"ftypheic"))  # type: ignore[arg-type]
    assert read_photo(tmp_path / "x.heic").size == picture.size


def test_names_up_to_the_limit_of_file_systems_work(picture: Image.Image, tmp_path: Path) -> None:
    for name in ("x" * 251 + ".png", "é" * 125 + ".png"):
        _save(picture, tmp_path / name)
        assert (tmp_path / name).is_file()
        longer = fitted((tmp_path / name).with_name(f"{Path(name).stem}_edited.png"))
        _save(picture, longer)
        assert longer.suffix == ".png"
        assert longer != fitted(longer.with_name(f"{Path(name).stem}_other.png"))


def test_editing_what_is_transparent_says_that_it_stays_invisible() -> None:
    pixels = torch.full((1, 4, 96, 96), 255, dtype=torch.uint8)
    pixels[:, :3] = torch.arange(96).byte()
    pixels[:, 3, 40:50, 40:50] = 0
    mask = torch.zeros(1, 1, 96, 96)
    mask[..., 30:60, 30:60] = 1
    request = EditRequest(mask=mask, aligned=True, size=256)
    warnings = PhotoEditor(tiny_model()).edit(Photo(pixels, "RGBA"), request).warnings
    assert any("invisible" in warning for warning in warnings)
