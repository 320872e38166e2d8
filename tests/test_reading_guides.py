"""Photos, masks and guides read as people have them."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from facemug_core.conditions import from_celebamask, labels_to_palette
from facemug_core.conditions.reading import (
    read_beside,
    read_color,
    read_mask,
    read_photo,
    read_semantic,
    read_sketch,
    stretch_warnings,
)
from facemug_core.conventions import PALETTE
from facemug_core.errors import InputError

from .allocations import Allocations

READERS = (read_photo, read_mask, read_sketch, read_semantic, read_color)
BLACK, WHITE, CLEAR = (0, 0, 0, 255), (255, 255, 255, 255), (0, 0, 0, 0)
RED = (255, 0, 0, 255)


def gray(rows):
    return Image.fromarray(np.array(rows, dtype=np.uint8))


def rgba(*rows):
    return Image.fromarray(np.array(rows, dtype=np.uint8), "RGBA")


def drawing(line, ground, size=16):
    """A horizontal line of 2 pixels on a ground, both RGBA."""
    pixels = np.full((size, size, 4), ground, dtype=np.uint8)
    pixels[6:8, 2:14] = line
    return Image.fromarray(pixels, "RGBA")


def line(size=16):
    strokes = torch.zeros(1, 1, size, size)
    strokes[..., 6:8, 2:14] = 1
    return strokes


# --- files --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reader", READERS)
def test_a_missing_file_is_named(reader, tmp_path):
    with pytest.raises(InputError, match=r"no file .*gone\.png"):
        reader(tmp_path / "gone.png")


@pytest.mark.parametrize("content", [b"", b"<html>not found</html>", b"\x89PNG\r\n\x1a\n"])
@pytest.mark.parametrize("reader", READERS)
def test_a_file_that_is_no_picture_is_named(reader, content, tmp_path):
    path = tmp_path / "page.png"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"page\.png"):
        reader(path)


def test_a_folder_is_no_picture(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_photo(tmp_path)


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "gif", "bmp", "tif"])
def test_half_a_file_is_named(suffix, tmp_path):
    path = tmp_path / f"half.{suffix}"
    noise = torch.randint(256, (64, 64, 3), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    Image.fromarray(noise.numpy()).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(InputError, match="half"):
        read_photo(path)


def test_names_with_accents_and_spaces_are_read(tmp_path):
    path = tmp_path / "modèle é.png"
    gray([[255, 0]]).save(path)
    assert read_mask(str(path)).tolist() == [[[[1.0, 0.0]]]]


def test_a_photo_is_turned_as_its_camera_says(tmp_path):
    image = gray([[0, 100, 200]])
    exif = image.getexif()
    exif[0x0112] = 6  # the camera was held a quarter turn to the left
    image.save(tmp_path / "turned.png", exif=exif)
    for source in (tmp_path / "turned.png", Image.open(tmp_path / "turned.png")):
        assert np.array(read_photo(source)).tolist() == [[0], [100], [200]]


@pytest.mark.parametrize("lies", [5, 6, 7, 8])
def test_a_mask_drawn_on_the_photo_as_its_file_has_it_is_turned_along(lies, tmp_path):
    drawn = gray(np.arange(12).reshape(3, 4) * 20)
    drawn.save(tmp_path / "mask.png")
    exif = Image.Exif()
    exif[0x0112] = lies
    drawn.save(tmp_path / "photo.png", exif=exif)
    photo = read_photo(tmp_path / "photo.png")
    mask, misfits = read_beside(tmp_path / "mask.png", photo.size, lies)
    assert np.array_equal(mask, photo)
    assert misfits == []


def test_a_mask_that_has_the_shape_of_the_upright_photo_is_not_turned(tmp_path):
    mask = gray(np.arange(12).reshape(4, 3) * 20)
    mask.save(tmp_path / "mask.png")
    assert np.array_equal(read_beside(tmp_path / "mask.png", (3, 4), 6)[0], mask)


def test_a_mask_of_another_shape_than_the_photo_is_named_with_both_sizes(tmp_path):
    gray(np.zeros((30, 40))).save(tmp_path / "mask.png")
    (misfit,) = read_beside(tmp_path / "mask.png", (30, 40))[1]
    assert all(part in misfit for part in ("mask.png", "40 × 30", "30 × 40"))


def test_a_mask_of_another_size_but_the_photos_shape_is_no_misfit():
    assert stretch_warnings("mask.png", (100, 75), (4032, 3024)) == []


def test_an_empty_mask_beside_a_photo_is_refused_by_name(tmp_path):
    gray(np.zeros((3, 4))).save(tmp_path / "hole.png")
    with pytest.raises(InputError, match=r"hole\.png"):
        read_mask(read_beside(tmp_path / "hole.png", (4, 3))[0])


def test_a_photo_keeps_its_mode(tmp_path):
    drawing(RED, CLEAR).save(tmp_path / "alpha.png")
    assert read_photo(tmp_path / "alpha.png").mode == "RGBA"


@pytest.mark.parametrize("reader", READERS[1:])
def test_reading_leaves_the_picture_alone(reader):
    image = drawing(RED, CLEAR)
    before = image.tobytes()
    reader(image, (5, 7))
    assert image.tobytes() == before


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "CMYK", "YCbCr", "1", "P"])
@pytest.mark.parametrize("reader", [read_mask, read_sketch, read_color])
def test_pictures_of_any_mode_are_brought_to_size(reader, mode):
    guide = reader(drawing(BLACK, WHITE).convert(mode), (9, 21))
    assert guide.shape[2:] == (21, 9)
    assert guide.dtype == torch.float32
    assert guide.any()


@pytest.mark.parametrize("reader", READERS[1:])
def test_without_a_size_guides_keep_their_own(reader):
    assert reader(drawing(RED, CLEAR)).shape[-2:] == (16, 16)


# --- masks --------------------------------------------------------------------------------------------------


def test_a_gray_mask_is_soft_and_what_is_near_an_end_counts_as_the_end():
    mask = read_mask(gray([[0, 1, 51, 153, 254, 255]]))
    assert mask.flatten().tolist() == pytest.approx([0, 0, 0.2, 0.6, 1, 1])


def test_a_sixteen_bit_mask_is_soft():
    image = Image.fromarray(np.array([[0, 257 * 51, 65535]], dtype=np.uint16))
    assert read_mask(image).flatten().tolist() == pytest.approx([0, 0.2, 1])


def numbered(numbers, colors):
    """A palette file."""
    image = Image.fromarray(np.array(numbers, dtype=np.uint8), "P")
    image.putpalette(colors)
    return image


@pytest.mark.parametrize(
    "mask",
    [
        gray([[0, 1]]),
        gray([[0, 1]]).convert("RGB"),
        Image.fromarray(np.array([[0, 1]], np.int32)),
        Image.fromarray(np.array([[0, 1]], np.uint16)),
        Image.fromarray(np.array([[0, 1]], np.float32)),
        numbered([[0, 1]], [0, 0, 0, 128, 0, 0]),
    ],
    ids=["8 bits", "RGB", "32 bits", "16 bits", "float", "palette"],
)
def test_in_a_mask_of_0_and_1_one_is_white(mask):
    assert read_mask(mask).flatten().tolist() == [0, 1]


def test_a_palette_mask_goes_by_its_colors_where_they_tell_black_from_white():
    mask = numbered([[0, 1]], [255, 255, 255, 0, 0, 0])
    assert read_mask(mask).flatten().tolist() == [1, 0]


def test_strokes_of_1_on_0_are_found():
    strokes = np.zeros((4, 4), np.uint8)
    strokes[1, 1:3] = 1
    assert torch.equal(read_sketch(gray(strokes))[0, 0], torch.from_numpy(strokes).float())


def test_transparent_parts_are_to_be_edited_whatever_their_color():
    mask = read_mask(rgba([WHITE, (255, 255, 255, 0), BLACK, (9, 9, 9, 102)]))
    assert mask.flatten().tolist() == pytest.approx([0, 1, 0, 0.6])


@pytest.mark.parametrize("paint", [WHITE, BLACK, RED, (255, 255, 255, 102)])
def test_a_layer_of_paint_on_transparency_is_edited_where_it_is_painted(paint):
    mask = read_mask(drawing(paint, CLEAR))
    torch.testing.assert_close(mask, line() * (paint[3] / 255))


def test_a_photo_with_a_part_erased_is_edited_where_it_was_erased():
    photo = Image.effect_noise((40, 30), 60).convert("RGBA")
    photo.paste((0, 0, 0, 0), (10, 5, 39, 29))
    assert read_mask(photo)[0, 0, 5:29, 10:39].all()
    assert read_mask(photo).sum() == 24 * 29


def test_white_that_covers_most_of_a_transparent_layer_is_edited_and_that_is_said():
    said = []
    assert read_mask(rgba([WHITE, WHITE, WHITE, CLEAR]), None, said.append).flatten().tolist() == [1, 1, 1, 0]
    assert "white on transparency" in said[0]


@pytest.mark.parametrize("alpha", [255, 128, 0])
def test_alpha_that_is_the_same_everywhere_does_not_hide_a_gray_mask(alpha):
    mask = drawing(WHITE, BLACK)
    mask.putalpha(alpha)
    assert torch.equal(read_mask(mask), line())


def test_an_opaque_picture_with_alpha_is_a_gray_mask():
    assert read_mask(rgba([WHITE, BLACK])).tolist() == [[[[1, 0]]]]


def test_an_empty_mask_is_refused_by_name(tmp_path):
    gray([[0, 0]]).save(tmp_path / "empty.png")
    with pytest.raises(InputError, match=r"empty\.png is empty"):
        read_mask(tmp_path / "empty.png")


@settings(max_examples=20, deadline=None)
@given(width=st.integers(1, 40), height=st.integers(1, 40))
def test_a_resized_mask_of_black_and_white_has_no_gray(width, height):
    mask = read_mask(gray([[255, 0, 255], [255, 255, 0]]), (width, height))
    assert mask.shape == (1, 1, height, width)
    assert set(mask.unique().tolist()) <= {0.0, 1.0}


# --- sketches -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stroke", "ground"),
    [
        (BLACK, WHITE),
        (WHITE, BLACK),
        (BLACK, CLEAR),
        (WHITE, CLEAR),
        (RED, CLEAR),
        (BLACK, (255,) * 3 + (0,)),
    ],
)
def test_lines_are_found_on_any_ground(stroke, ground):
    assert torch.equal(read_sketch(drawing(stroke, ground)), line())


@pytest.mark.parametrize("ground", [BLACK, WHITE, CLEAR])
def test_a_blank_sheet_has_no_strokes(ground):
    assert not read_sketch(drawing(ground, ground)).any()


def test_with_two_tones_on_a_transparent_ground_the_rarer_is_the_line():
    paper = rgba([WHITE, WHITE, BLACK, CLEAR])
    assert read_sketch(paper).tolist() == [[[[0, 0, 1, 0]]]]


@settings(max_examples=40, deadline=None)
@given(x=st.integers(0, 99), y=st.integers(0, 79), width=st.integers(1, 100), height=st.integers(1, 80))
def test_the_thinnest_stroke_survives_shrinking_in_its_place(x, y, width, height):
    pixels = np.full((80, 100), 255)
    pixels[y, x] = 0
    (row, column), *others = read_sketch(gray(pixels), (width, height))[0, 0].nonzero().tolist()
    assert not others
    assert abs((column + 0.5) / width - (x + 0.5) / 100) <= 0.5 / width + 0.005
    assert abs((row + 0.5) / height - (y + 0.5) / 80) <= 0.5 / height + 0.007


def test_enlarging_makes_strokes_as_much_wider():
    enlarged = read_sketch(drawing(BLACK, WHITE), (32, 32))
    assert torch.equal(enlarged, line().repeat_interleave(2, 2).repeat_interleave(2, 3))


# --- semantic maps ------------------------------------------------------------------------------------------

LABEL_ROWS = [[0, 1, 17], [18, 10, 2]]
IDS = torch.tensor([LABEL_ROWS])


def display():
    return Image.fromarray(labels_to_palette(IDS)[0].numpy())


@pytest.mark.parametrize("mode", ["L", "I", "I;16"])
def test_a_gray_picture_holds_class_numbers(mode):
    assert torch.equal(read_semantic(gray(LABEL_ROWS).convert(mode)), IDS)


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
@pytest.mark.parametrize("numbering", ["auto", "palette"])
def test_a_colored_picture_holds_display_colors(mode, numbering):
    assert torch.equal(read_semantic(display().convert(mode), numbering=numbering), IDS)


def test_a_palette_file_in_display_colors_is_read_by_color_however_they_are_numbered():
    image = display().convert("P", palette=Image.Palette.ADAPTIVE)
    assert np.array(image).tolist() != LABEL_ROWS
    assert torch.equal(read_semantic(image), IDS)


def test_a_palette_file_in_other_colors_is_read_by_number():
    image = gray(LABEL_ROWS)
    image.putpalette([value for i in range(256) for value in (i, 255 - i, 7)])
    assert torch.equal(read_semantic(image), IDS)


def test_a_palette_file_that_is_neither_names_its_colors():
    image = gray([[200, 3]])
    image.putpalette([value for i in range(256) for value in (i, 255 - i, 7)])
    with pytest.raises(InputError, match=r"RGB\(200, 55, 7\)"):
        read_semantic(image)


@pytest.mark.parametrize("numbering", ["auto", "labels", "celebamask"])
def test_numbers_below_any_class_are_refused(numbering):
    with pytest.raises(InputError, match="label -7"):
        read_semantic(Image.fromarray(np.array([[3, -7]], np.int32)), numbering=numbering)


def test_celebamask_numbers_are_read_when_asked_for():
    assert torch.equal(read_semantic(gray(LABEL_ROWS), numbering="celebamask"), from_celebamask(IDS))


@pytest.mark.parametrize("numbering", ["labels", "celebamask"])
def test_numbers_are_also_read_from_gray_pictures_in_rgb(numbering):
    image = gray(LABEL_ROWS)
    assert torch.equal(
        read_semantic(image.convert("RGB"), None, numbering), read_semantic(image, None, numbering)
    )


@pytest.mark.parametrize("numbering", ["labels", "celebamask"])
def test_colors_are_no_class_numbers(numbering):
    with pytest.raises(InputError, match="but got colors"):
        read_semantic(display(), numbering=numbering)


def test_255_black_and_transparent_are_unknown():
    assert read_semantic(gray([[255, 3]])).tolist() == [[[-1, 3]]]
    skin = (*PALETTE[1], 255)
    assert read_semantic(rgba([BLACK, (255, 255, 255, 0), skin])).tolist() == [[[-1, -1, 1]]]


def test_unknown_colors_and_numbers_are_named_with_the_file(tmp_path):
    path = tmp_path / "map.png"
    Image.new("RGB", (2, 3), (1, 2, 3)).save(path)
    with pytest.raises(InputError, match=r"map\.png: .*RGB\(1, 2, 3\) \(6 pixels\)"):
        read_semantic(path)
    gray([[0, 40]]).save(path)
    with pytest.raises(InputError, match=r"map\.png: .*label 40"):
        read_semantic(path)


@settings(max_examples=20, deadline=None)
@given(width=st.integers(1, 40), height=st.integers(1, 40))
def test_a_resized_map_has_no_new_labels(width, height):
    labels = read_semantic(display(), (width, height))
    assert labels.shape == (1, height, width)
    assert labels.dtype == torch.int64
    assert set(labels.unique().tolist()) <= set(IDS.flatten().tolist())


# --- color maps ---------------------------------------------------------------------------------------------


def colors(image, **options):
    """Colors [pixel][channel] of the first row."""
    return read_color(image, **options)[0, :, 0].T.tolist()


def test_with_alpha_black_is_a_color_and_transparent_is_none():
    assert colors(rgba([BLACK, WHITE, (255, 0, 0, 0)])) == [[-1, -1, -1], [1, 1, 1], [0, 0, 0]]


@pytest.mark.parametrize(
    ("no_color", "expected"),
    [
        ("none", [[-1, -1, -1], [1, 1, 1], [1, -1, -1]]),
        ("black", [[0, 0, 0], [1, 1, 1], [1, -1, -1]]),
        ("white", [[-1, -1, -1], [0, 0, 0], [1, -1, -1]]),
    ],
)
def test_without_alpha_the_choice_tells_which_color_is_none(no_color, expected):
    assert colors(rgba([BLACK, WHITE, RED]).convert("RGB"), no_color=no_color) == expected


@pytest.mark.parametrize("value", [127, 128])
def test_mid_gray_is_a_color(value):
    (color,) = colors(Image.new("RGB", (1, 1), (value,) * 3))
    assert color == pytest.approx([value / 127.5 - 1] * 3, abs=1e-6)
    assert all(color)


def test_a_mix_that_is_exactly_mid_gray_is_a_color():
    assert read_color(rgba([BLACK, WHITE]), (1, 1)).flatten().tolist() == pytest.approx([1 / 255] * 3)


@settings(max_examples=30, deadline=None)
@given(width=st.integers(1, 40), height=st.integers(1, 40))
def test_what_is_transparent_never_bleeds_into_colors(width, height):
    green = (0, 255, 0, 0)
    color = read_color(rgba([RED, RED, green], [RED, green, green]), (width, height))
    present = color[0].any(0)
    assert color.shape == (1, 3, height, width)
    torch.testing.assert_close(
        color[0, :, present], torch.tensor([[1.0], [-1], [-1]]).expand(-1, present.sum())
    )


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_a_big_color_map_is_read_without_a_second_tensor_of_its_size(mode):
    picture = Image.effect_noise((300, 200), 50).convert("RGB").convert(mode)
    picture.putpixel((0, 0), CLEAR[: len(mode)])
    with Allocations() as made:
        color = read_color(picture, (300, 200))
    assert made.as_large_as(color) == {color.untyped_storage().data_ptr()}
