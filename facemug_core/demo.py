"""The demonstration: one photo edited in several ways inside masks, all on one sheet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from PIL import Image
from torch import Tensor

from .conditions import pencil_sketch, region_means
from .conventions import LABELS
from .modalities import Guide
from .photo import Photo
from .pipeline.editor import EditRequest, PhotoEditor
from .sheets import contact_sheet


@dataclass(frozen=True, eq=False)
class Subject:
    """A photo, cut to the surroundings of its face, and what the demonstration's guides are made from."""

    photo: Photo
    """Cut to a square around the face."""
    rgb: Tensor
    """`[1, 3, H, W]` in [-1, 1]."""
    labels: Tensor
    """`[1, H, W]`."""


def demonstrate(editor: PhotoEditor, photo: Photo, progress: Callable[[str], object]) -> Image.Image:
    """Edit the largest face of a photo in several ways; returns the sheet of results."""
    subject = _subject(editor, photo)
    panels = [("photo", subject.photo.to_image().convert("RGB"))]
    for caption, request in _requests(subject).items():
        progress(caption)
        result = editor.edit(subject.photo, request)
        kept = (result.mask == 0).expand_as(subject.photo.pixels)
        assert torch.equal(result.photos[0].pixels[kept], subject.photo.pixels[kept])
        panels.append((f"{caption}: mask", _with_hole(subject.photo, result.mask)))
        panels.append((caption, result.photos[0].to_image().convert("RGB")))
    return contact_sheet(panels, columns=5)


def _subject(editor: PhotoEditor, photo: Photo) -> Subject:
    face = editor.find_faces(photo)[0]
    height, width = photo.size
    corners = face.matrix @ torch.tensor([[0.0, 256], [0, 256], [1, 1]]).double().numpy()
    (left, right), (top, bottom) = corners[0], corners[1]
    window = (
        ...,
        slice(max(0, round(top)), min(height, round(bottom))),
        slice(max(0, round(left)), min(width, round(right))),
    )
    photo = Photo(photo.pixels[window].contiguous(), photo.mode)
    rgb = photo.rgb / 127.5 - 1
    return Subject(photo, rgb, editor.parser.parse(rgb))


def _requests(subject: Subject) -> dict[str, EditRequest]:
    hair = torch.zeros_like(subject.rgb)
    hair[:] = torch.tensor([0.35, -0.35, -0.75])[None, :, None, None]  # copper
    in_hair = (subject.labels == LABELS.index("hair"))[:, None]
    means = region_means(subject.rgb, subject.labels)
    height, width = subject.photo.size
    half = torch.zeros(1, 1, height, width)
    half[..., height // 3 : height * 7 // 8, width // 4 : width // 2] = 1
    sketch, labels = Guide(pencil_sketch(subject.rgb)), Guide(subject.labels)
    return {
        "fill in half a face": EditRequest(mask=half),
        "the same with sketch and map": EditRequest(
            mask=half, sketch=sketch, semantic=labels, color=Guide(means)
        ),
        "color the hair": EditRequest(
            regions="hair",
            grow=3,
            semantic=labels,
            sketch=sketch,
            color=Guide(torch.where(in_hair, hair, means)),
            style="photo",
        ),
        "a new mouth": EditRequest(regions="mouth", grow=8, style="random", seeds=(4,)),
        "eyes and brows of another": EditRequest(regions="eyes+brows", grow=8, style="random", seeds=(8,)),
        "another face": EditRequest(regions="face", grow=4, style="random", seeds=(8,)),
        "new hair": EditRequest(regions="hair", grow=6, style="random", seeds=(3,)),
    }


def _with_hole(photo: Photo, mask: Tensor) -> Image.Image:
    pixels = torch.where(mask > 0, torch.full_like(photo.rgb, 255), photo.rgb)
    return Image.fromarray(pixels[0].permute(1, 2, 0).contiguous().numpy())
