"""Makes the example pictures that the workflows load: `python -m tests.host.example_inputs`.

All are drawn by the light feature bank, or painted here over what it draws: nobody's photo, free to share.
"""

from __future__ import annotations

from pathlib import Path

import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from facemug_core import latents
from facemug_core.conditions import labels_to_palette, pencil_sketch
from facemug_core.conventions import PALETTE
from facemug_core.faces.regions import grow_mask, region_mask, without_holes
from facemug_core.model import FaceMug
from facemug_core.ops.filters import enlarged, gaussian_blur
from facemug_core.pipeline.editor import PhotoEditor
from facemug_core.sheets import crop_image

from .installing import ROOT

FOLDER = ROOT / "workflows" / "inputs"
SIZE = 512
PHOTO, EXEMPLARS = 109, (117, 105, 118)
"""Seeds of the bank's faces."""
GROUP_SIZE = 500, 1180
GROUP = ((101, 500, 340, 0), (112, 560, -30, -30), (122, 540, 660, -20))
"""Of the people in the group photo: seed, side of the picture, and its left and top. The first stands
behind the others."""
LAYERS_OF_EXPRESSION = slice(4, 7)
NAMES = (
    "background", "skin", "left brow", "right brow", "left eye", "right eye", "glasses", "left ear",
    "right ear", "earrings", "nose", "inside of mouth", "upper lip", "lower lip", "neck", "necklace",
    "clothes", "hair", "hat",
)  # fmt: skip
"""Of `conventions.LABELS`, as people say them; left and right are the person's own."""

ROWS, ROW, COLUMN = 10, 34, 290
"""Of the legend: its rows, and the size of an entry in pixels."""


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    editor = PhotoEditor(FaceMug.load())
    model = editor.model
    codes = model.random_codes([PHOTO]).contiguous()
    photo = picture(model, codes)
    save_jpeg("photo", photo)
    for number, seed in enumerate(EXEMPLARS, start=1):
        save_jpeg(f"exemplar_{number}", picture(model, model.random_codes([seed])))
    save_jpeg("group", group_photo(editor))
    latents.save_codes(FOLDER / "facemug_face.safetensors", model.random_codes([EXEMPLARS[0]]).contiguous())

    labels = editor.parser.parse(photo)
    legend().save(FOLDER / "facemug_map_legend.png", optimize=True)
    legend().save(ROOT / "web" / "docs" / "map_legend.png", optimize=True)

    half = Image.new("L", (SIZE, SIZE), 255)
    ImageDraw.Draw(half).rounded_rectangle((256, 150, 420, 470), 40, fill=0)
    save_png("photo_with_hole", with_alpha(photo, half))
    mouth = (1 - grow_mask(region_mask(labels, "mouth"), 18)) * 255
    save_png("photo_with_mouth_mask", with_alpha(photo, Image.fromarray(mouth[0, 0].byte().numpy())))

    other = codes.clone()
    other[:, LAYERS_OF_EXPRESSION] = model.random_codes([EXEMPLARS[1]])[:, LAYERS_OF_EXPRESSION]
    strokes = pencil_sketch(picture(model, other))[0, 0]
    save_png("sketch", Image.fromarray(((1 - strokes) * 255).byte().numpy()))

    save_map("map", editor.parser.parse(picture(model, model.random_codes([EXEMPLARS[0]]))))
    hair = region_mask(labels, "hair")
    longer = (grow_mask(hair, 36)[:, 0] > 0) & (region_mask(labels, "background+cloth+neck")[:, 0] > 0)
    save_map("map_with_longer_hair", torch.where(longer, region_label(labels, hair), labels))

    save_png("hair_mask", Image.fromarray((grow_mask(hair, 4)[0, 0] * 255).byte().numpy()))
    save_png("hair_paint", painted(region_mask(labels, "hair"), (172, 82, 32)))
    make_up = Image.alpha_composite(
        painted(region_mask(labels, "mouth"), (190, 20, 60)),
        painted(grow_mask(region_mask(labels, "eyes"), 9) - region_mask(labels, "eyes"), (110, 50, 130)),
    )
    save_png("make_up_paint", make_up)
    save_png("photo_painted", with_paint(FOLDER / "facemug_photo.jpg", make_up, region_mask(labels, "brows")))


def legend() -> Image.Image:
    """The colors of semantic maps with their names and numbers, as painting programs take them."""
    image = Image.new("RGB", (2 * COLUMN, ROWS * ROW), "white")
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(16)
    entries = [*zip(NAMES, PALETTE, strict=True), ("unknown", (0, 0, 0))]
    for number, (name, color) in enumerate(entries):
        x, y = number // ROWS * COLUMN, number % ROWS * ROW
        draw.rectangle((x + 8, y + 4, x + 52, y + ROW - 5), fill=color, outline="gray")
        draw.text((x + 64, y + ROW // 2), f"{name}  #{bytes(color).hex()}", "black", font, "lm")
    return image


def picture(model: FaceMug, codes: Tensor) -> Tensor:
    """The bank's picture of a face, [1, 3, 512, 512] in [-1, 1]."""
    with torch.inference_mode():
        return torch.nn.functional.avg_pool2d(model.bank(codes), 2).clamp(-1, 1)


def group_photo(editor: PhotoEditor) -> Tensor:
    """Three people close together before a wall, [1, 3, H, W] in [-1, 1]; all heads touch the upper edge."""
    height, width = GROUP_SIZE
    down, across = torch.linspace(0, 1, height)[:, None], torch.linspace(-1, 1, width)
    group = (0.15 - 0.35 * down - 0.3 * across**2).expand(1, 3, -1, -1).contiguous()
    for seed, side, left, top in GROUP:
        person = picture(editor.model, editor.model.random_codes([seed]))
        outline = region_mask(editor.parser.parse(person), "foreground", -2, specks=False)
        soft = gaussian_blur(without_holes(outline), 2)
        person, soft = (enlarged(one, person.new_empty(1, 1, side, side)) for one in (person, soft))
        rows, columns = slice(-top, height - top), slice(max(0, left), left + side)
        place = group[..., columns]
        cut = slice(max(0, -left), max(0, -left) + place.shape[-1])
        place.lerp_(person[..., rows, cut], soft[..., rows, cut])
    return group


def region_label(labels: Tensor, region: Tensor) -> Tensor:
    """The class that a region's pixels have."""
    return labels[region[:, 0] > 0][0]


def painted(mask: Tensor, color: tuple[int, int, int]) -> Image.Image:
    """A paint layer: one color inside a mask [1, 1, H, W], transparent elsewhere."""
    layer = Image.new("RGBA", (SIZE, SIZE), (0, 0, 0, 0))
    layer.paste((*color, 255), mask=Image.fromarray((mask[0, 0] * 255).byte().numpy()))
    return layer


def with_paint(photo: Path, colors: Image.Image, strokes: Tensor) -> Image.Image:
    """A photo as the mask editor's paint layer leaves it: colors, and dark strokes where a mask is."""
    image = Image.open(photo).convert("RGBA")
    dark = Image.new("RGBA", image.size, (20, 15, 15, 255))
    image.alpha_composite(colors)
    image.paste(dark, mask=Image.fromarray((strokes[0, 0] * 255).byte().numpy()))
    return image.convert("RGB")


def with_alpha(photo: Tensor, alpha: Image.Image) -> Image.Image:
    """The photo with a mask painted in the host's way: transparent where to edit."""
    image = crop_image(photo[0])
    image.putalpha(alpha)
    return image


def save_map(name: str, labels: Tensor) -> None:
    save_png(name, Image.fromarray(labels_to_palette(labels)[0].numpy()))


def save_jpeg(name: str, values: Tensor) -> None:
    crop_image(values[0]).save(FOLDER / f"facemug_{name}.jpg", quality=92)


def save_png(name: str, image: Image.Image) -> None:
    image.save(FOLDER / f"facemug_{name}.png", optimize=True)


if __name__ == "__main__":
    main()
