"""Contact sheets: inputs and results of an edit side by side, with captions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from .conditions import Conditions
from .conditions.conditions import NAMES
from .conventions import WORKING_SIZE
from .editing.directions import Direction
from .modalities import MODALITIES
from .model import FaceMug
from .photo import Photo
from .pictures import to_pixels
from .pipeline.editor import EditRequest, EditResult
from .pipeline.locate import AlignedFace

PANEL = 256
"""Longest side of a panel in pixels."""
CAPTION = 18
"""Height of a caption in pixels."""
COLUMNS = 6

Panel = tuple[str, Image.Image]


def crop_image(crop: Tensor) -> Image.Image:
    """`[3, H, W]` in [-1, 1] → RGB picture."""
    return Image.fromarray(to_pixels(crop))


def edit_sheet(photo: Photo, request: EditRequest, result: EditResult) -> Image.Image:
    """Photo, mask (edited in red, left alone in yellow), guides, exemplar and results."""
    panels: list[Panel] = [("photo", photo.to_image().convert("RGB")), ("mask", _mask_overlay(photo, result))]
    panels += _guide_panels(result.conditions[0]) if result.conditions else []
    if request.exemplar is not None:
        panels.append(("exemplar", request.exemplar.to_image().convert("RGB")))
    names = ["result"] if len(result.photos) == 1 else [f"result {i + 1}" for i in range(len(result.photos))]
    panels += [(n, p.to_image().convert("RGB")) for n, p in zip(names, result.photos, strict=True)]
    return contact_sheet(panels)


def conditions_sheet(conditions: Conditions, exemplar: Tensor | None, pictures: Tensor) -> Image.Image:
    """Guides, exemplar and the faces made from them."""
    panels = _guide_panels(conditions)
    if exemplar is not None:
        panels.append(("exemplar", crop_image(exemplar[0])))
    return contact_sheet([*panels, *((f"face {i + 1}", crop_image(p)) for i, p in enumerate(pictures))])


def contact_sheet(panels: Sequence[Panel], columns: int = COLUMNS) -> Image.Image:
    """Panels with captions in rows."""
    columns = min(columns, len(panels))
    rows = -(-len(panels) // columns)
    sheet = Image.new("RGB", (columns * PANEL, rows * (PANEL + CAPTION)), "white")
    draw = ImageDraw.Draw(sheet)
    for i, (caption, image) in enumerate(panels):
        x, y = i % columns * PANEL, i // columns * (PANEL + CAPTION)
        scale = PANEL / max(image.size)
        small = image.resize(
            (max(1, round(image.width * scale)), max(1, round(image.height * scale))),
            Image.Resampling.LANCZOS,
        )
        sheet.paste(small, (x + (PANEL - small.width) // 2, y + CAPTION + (PANEL - small.height) // 2))
        draw.text((x + 4, y + 3), caption, fill="black")
    return sheet


SLIDER = (-1.0, -0.5, 0.0, 0.5, 1.0)
"""Amounts that a direction's row shows."""


def direction_sheet(model: FaceMug, directions: Mapping[str, Direction], codes: Tensor) -> Image.Image:
    """A row for each direction: the bank's picture of the codes `[1, 18, 512]` from −1 to +1."""
    middle = crop_image(model.render(codes)[0])
    panels: list[Panel] = []
    for name, direction in directions.items():
        for amount in SLIDER:
            image = crop_image(model.render(direction.apply(codes, amount))[0]) if amount else middle
            panels.append((f"{name} {amount:+.1f}", image))
    return contact_sheet(panels, len(SLIDER))


FRAME, CHOSEN, BESIDE = (255, 220, 0), (0, 220, 120), (190, 190, 190)
"""Colors of an overlay: frames of crops, bounds of chosen faces and of the others."""

NUMBER = 14
"""Height of a face's number, in widths of the lines."""


def faces_overlay(
    photo: Photo,
    faces: Sequence[AlignedFace],
    beside: Sequence[AlignedFace] = (),
    scale: float = 1,
    *,
    numbers: bool = True,
) -> Image.Image:
    """The photo with the bounds of faces and the frames of their crops.

    Args:
        photo: the photo.
        faces: the chosen faces.
        beside: faces that were not chosen; they have no frame.
        scale: at most 1; size of the overlay, in sizes of the photo.
        numbers: whether to number all faces from left to right, from 0, as `FaceQuery.which` does.
    """
    image = photo.to_image().convert("RGB")
    if scale < 1:
        image = image.resize([max(1, round(side * scale)) for side in image.size], Image.Resampling.BOX)
    draw = ImageDraw.Draw(image)
    width = max(1, round(max(image.size) / 300))
    corners = np.array(
        [[0, 0, 1], [WORKING_SIZE, 0, 1], [WORKING_SIZE, WORKING_SIZE, 1], [0, WORKING_SIZE, 1]]
    )
    for face in faces:
        frame = [tuple(point) for point in (scale * corners @ face.matrix.T)[:, :2].tolist()]
        draw.line([*frame, frame[0]], fill=FRAME, width=width)
    boxes = [(face.box, face in faces) for face in (*faces, *beside) if face.box is not None]
    for number, (box, chosen) in enumerate(sorted(boxes, key=lambda one: one[0][0] + one[0][2])):
        x0, y0, x1, y1 = (scale * side for side in box)
        draw.rectangle((x0, y0, x1, y1), outline=CHOSEN if chosen else BESIDE, width=width)
        if numbers:
            plate = draw.textbbox((x0, y0), f" {number} ", font_size=NUMBER * width)
            draw.rectangle(plate, fill=CHOSEN if chosen else BESIDE)
            draw.text((x0, y0), f" {number} ", fill="black", font_size=NUMBER * width)
    return image


def curve_image(curve: Sequence[float], best: int) -> Image.Image:
    """A loss over the steps of a search, with the best step marked; blank if there was no step."""
    image = Image.new("RGB", (2 * PANEL, PANEL), "white")
    if not curve:
        return image
    draw = ImageDraw.Draw(image)
    low, high = min(curve), max(curve)
    across = (image.width - 2 * CAPTION) / max(1, len(curve) - 1)
    down = (image.height - 4 * CAPTION) / ((high - low) or 1)
    points = [(CAPTION + i * across, 2 * CAPTION + (high - loss) * down) for i, loss in enumerate(curve)]
    draw.line(points, fill=(40, 90, 160), width=2)
    x, y = points[best]
    draw.ellipse((x - 4, y - 4, x + 4, y + 4), fill=(220, 60, 40))
    draw.text((4, 3), f"loss {curve[0]:.3f} at the start, {curve[best]:.3f} at step {best}", fill="black")
    return image


def _mask_overlay(photo: Photo, result: EditResult) -> Image.Image:
    pixels = photo.rgb[0].permute(1, 2, 0).float()
    for mask, color in ((result.mask, (255.0, 40.0, 40.0)), (result.untouched, (255.0, 220.0, 0.0))):
        pixels = torch.lerp(pixels, pixels.new_tensor(color), 0.5 * mask[0, 0, :, :, None])
    return Image.fromarray(pixels.round().byte().numpy())


def _guide_panels(conditions: Conditions) -> list[Panel]:
    return [
        (NAMES[name], crop_image(modality.panel(getattr(conditions, name)[0])))
        for name, modality in MODALITIES.items()
        if name in conditions.present
    ]
