"""The mask of each face: its part of a mask on the photo, or regions of the face."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import NamedTuple

from torch import Tensor

from ..conventions import WORKING_SIZE
from ..errors import NothingToEditError
from ..faces.alignment import covered, inverse
from ..faces.parsing import Parser
from ..faces.pasting import mask_to_crop, mask_to_photo
from ..faces.regions import region_mask
from ..faces.under_mask import split_mask
from ..memory import Recall, afresh
from ..photo import Photo
from .locate import AlignedFace

SLIDERS_WITH_HAIR = frozenset({"hair_darkness", "hair_length", "hair_volume", "pitch", "warmth", "yaw"})
"""Attribute sliders that change the hair, too."""


class FaceMask(NamedTuple):
    """What to edit of a face."""

    face: AlignedFace
    on_crop: Tensor
    """`[1, 1, 256, 256]`, 1 = edit."""
    on_photo: Tensor
    """`[1, 1, H, W]`, bool or in [0, 1]."""


def own_masks(mask: Tensor, faces: Sequence[AlignedFace]) -> list[FaceMask]:
    """The part of a photo's mask `[1, 1, H, W]` that belongs to each face.

    Raises:
        NothingToEditError: the mask is empty.
    """
    if not mask.any():
        raise NothingToEditError("The mask is empty, so there is nothing to edit. White means edit.")
    parts = split_mask(mask, [face.matrix for face in faces])
    return [
        FaceMask(face, mask_to_crop(part, face.matrix), part) for face, part in zip(faces, parts, strict=True)
    ]


def region_masks(
    parser: Callable[[], Parser],
    photo: Photo,
    faces: Sequence[AlignedFace],
    regions: str,
    grow: int,
    recall: Recall = afresh,
) -> list[FaceMask]:
    """Regions of each face, named and joined by "+", grown by some pixels of the crop.

    `parser` is called only for faces that `recall` does not know.

    Raises:
        NothingToEditError: no face has them.
    """
    masks = []
    for face in faces:
        labels = recall("parts", (face.crop,), partial(_parsed, parser, face.crop))
        on_crop = region_mask(labels, regions, grow, specks=False)
        masks.append(FaceMask(face, on_crop, mask_to_photo(on_crop, face.matrix, photo.size).bool()))
    if not any(mask.on_crop.any() for mask in masks):
        raise NothingToEditError(f"The face has no {regions}, so there is nothing to edit.")
    return masks


def _parsed(parser: Callable[[], Parser], crop: Tensor) -> Tensor:
    return parser().parse(crop)


def slider_regions(names: Iterable[str]) -> str:
    """The regions that attribute sliders change."""
    return "face" if SLIDERS_WITH_HAIR.isdisjoint(names) else "face+hair"


def mask_in_crop(face: AlignedFace, mask: Tensor) -> Tensor:
    """The part of a photo's mask `[1, 1, H, W]` inside the face's crop, bool."""
    within = covered(inverse(face.matrix), (mask.shape[2], mask.shape[3]), (WORKING_SIZE, WORKING_SIZE))
    return within.logical_and_(mask > 0)
