"""Composition of an edit from the bank's picture, the decoder's picture and the photo.

picture = harmonized(photo, bank)             each material in the photo's tone and sharpness
picture = gray                                if the photo is gray
picture = photo's own background              where bank or semantic map has background
picture = picture + drawn                     the decoder's details, as guides ask
picture = recolored(picture, color map)       where the color map has colors
edit    = without_seam(picture, photo)        no step along the mask's border
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from ..conventions import LABELS
from ..ops.filters import box_mean, enlarged, wide_mean
from ..ops.masks import dilated, fill_holes
from .background import continued
from .classes import grouped
from .harmony import energies, harmonized
from .paint import meant, painted_parts, patches, unshaded
from .recoloring import recolored
from .seams import nearness, without_seam
from .skin import SkinTone, predicted_tone, shift_to

SKIN = (
    "skin",
    "l_brow",
    "r_brow",
    "l_eye",
    "r_eye",
    "l_ear",
    "r_ear",
    "nose",
    "mouth",
    "u_lip",
    "l_lip",
    "neck",
)
MATERIALS = (SKIN, ("hair",), ("background",))
"""Classes of each material. A further material is everything else."""
BACKGROUND = 2
"""Index of the background in `MATERIALS`."""

LEAST_BEHIND, MOST_BEHIND = 0.1, 0.6
"""Shares of background between which a person's edge is blended. Without it, half-covered pixels would show a
fringe in the color of the bank's background."""

BORDER_WINDOW = 5
"""Side of the window, run twice, in which the visible photo decides where the person ends."""

EDGE_WINDOW = 9
"""Side of the window, run twice, from which the edge of a person takes its colors."""

LEAST_CHROMA = 2e-4
"""Mean squared distance from gray below which a photo counts as gray, for pictures in [-1, 1]."""

OPEN_WINDOW = 5
"""Side of the window that blends the edge of a semantic map's background."""

PERSON_MARGIN = 4
"""Pixels around a person from which no background is copied: hair and defocus mix into it."""


@dataclass(frozen=True, eq=False)
class Scene:
    """What an edit takes from photo and guides, independent of style codes."""

    photo: Tensor
    """`[B, 3, H, W]` in [-1, 1]."""
    mask: Tensor
    """`[B, 1, H, W]` in {0, 1}, 1 = edit."""
    seen: Tensor
    """Shares of the materials in the visible photo, `[B, M, H, W]`."""
    face_tone: Tensor
    """Predicted mean color of the hidden face, `[B, 3, 1, 1]` in [-1, 1]."""
    face_weight: Tensor
    """Weight of this prediction, `[B, 1, 1, 1]` in [0, 1]."""
    mid: Tensor
    fine: Tensor
    """Energies of the photo's mid and fine bands, `[B, 1, H, W]`."""
    gray: Tensor
    """`[B, 1, 1, 1]`: 1 if the visible photo is gray, else 0."""
    background: Tensor
    """The photo with its background continued under the mask, `[B, 3, H, W]`."""
    behind: Tensor
    """`[B, 1, 1, 1]`: 1 if any background is visible, else 0."""
    extended: Tensor
    """The photo smoothly extended over the mask's border, `[B, 3, H, W]`."""
    border: Tensor
    """`[B, 1, H, W]` in [0, 1]: 1 at the mask's border, 0 some pixels inside."""
    beside: Tensor
    """Share of background in the visible pixels near the border, `[B, 1, H, W]`."""
    open: Tensor
    """Where a semantic map asks for background, `[B, 1, H, W]` in [0, 1]."""
    color: Tensor
    """The color map in full strength, `[B, 3, H, W]`."""
    color_weight: Tensor
    """Its strength, `[B, 1, H, W]` in [0, 1]; 0 where the map is empty."""
    patch: Tensor
    """Labels of its patches, `[B, 1, H, W]` (`paint.patches`)."""

    def mapped(self, change: Callable[[Tensor], Tensor]) -> Scene:
        """All tensors changed in the same way."""
        return Scene(*(change(getattr(self, field.name)) for field in fields(self)))

    @staticmethod
    def cat(parts: Sequence[Scene]) -> Scene:
        """One batch of several."""
        return Scene(*(torch.cat([getattr(part, f.name) for part in parts]) for f in fields(Scene)))


def build_scene(
    photo: Tensor, mask: Tensor, parts: Tensor, semantic: Tensor, color: Tensor, color_weight: Tensor
) -> Scene:
    """The scene of a photo and its guides.

    Args:
        photo, mask, color, color_weight: see `Scene`.
        semantic: map `[B, 19, H, W]` in [0, 1]; zeros where the map is empty.
        parts: shares of the classes in the visible photo, `[B, 19, h, w]`; zeros where unknown.
    """
    seen = materials(parts, photo)
    person = (1 - mask) * (seen[:, BACKGROUND, None] < 0.5)
    background, behind = continued(photo, mask, dilated(person, PERSON_MARGIN) * (1 - mask))
    extended, visible = fill_holes(photo, mask), 1 - mask
    weight = wide_mean(torch.cat([seen[:, BACKGROUND, None] * visible, visible], 1), BORDER_WINDOW)
    beside = weight[:, :1] / weight[:, 1:].clamp(min=1e-6)
    border = nearness(mask, BORDER_WINDOW)
    mid, fine = energies(extended)
    return Scene(
        photo, mask, seen, *predicted_tone(photo, mask, parts), mid, fine, _is_gray(photo, mask), background,
        behind, extended, border, beside,
        box_mean(semantic[:, LABELS.index("background"), None], OPEN_WINDOW),
        color, color_weight, patches(color, color_weight),
    )  # fmt: skip


def composed(scene: Scene, bank: Tensor, parts: Tensor, drawn: Tensor) -> Tensor:
    """The edit `[B, 3, H, W]`, valid under the mask.

    Args:
        scene: of the photo and its guides.
        bank: the bank's picture, `[B, 3, H, W]`.
        parts: shares of the classes in it, `[B, 19, h, w]`.
        drawn: the decoder's picture, which is added, `[B, 3, H, W]`.
    """
    shown = materials(parts, bank)
    face = shift_to(SkinTone(scene.face_tone, scene.face_weight), bank, parts, scene.mask)
    picture = harmonized(scene.photo, (scene.mid, scene.fine), scene.mask, bank, scene.seen, shown, face)
    picture, drawn = (torch.lerp(x, x.mean(1, keepdim=True), scene.gray) for x in (picture, drawn))
    behind = ((shown[:, BACKGROUND, None] - LEAST_BEHIND) / (MOST_BEHIND - LEAST_BEHIND)).clamp(0, 1)
    picture = torch.lerp(picture, _persons_color(picture, behind), scene.behind * behind)
    behind, drawn = torch.maximum(behind, scene.open), drawn * (1 - scene.behind * scene.open)
    # The person's outline continues the photo's: at the border the photo decides what is background.
    picture = torch.lerp(picture, scene.extended, scene.border * (1 - scene.beside) * behind)
    behind = torch.lerp(behind, scene.beside, scene.border)
    picture = torch.lerp(picture, scene.background, scene.behind * behind)
    if scene.color_weight.any():
        painted = painted_parts(parts, bank)
        here = meant(scene.patch, painted)
        drawn = drawn * torch.where(scene.color_weight > 0, here, 1.0)
        picture = picture + drawn
        weight = scene.color_weight * (here > 0.5) * (scene.patch > 0)
        whole = torch.where(scene.mask > 0, picture, scene.photo)
        own = unshaded(whole, scene.color, weight, painted)
        picture = recolored(picture, own, scene.color, weight, here)
    else:
        picture = picture + drawn
    return without_seam(picture, scene.photo, scene.mask)


def _is_gray(photo: Tensor, mask: Tensor) -> Tensor:
    """`[B, 1, 1, 1]`: 1 for photos whose visible part is gray, 0 for others and for hidden photos."""
    chroma = torch.where(mask > 0, 0.0, photo - photo.mean(1, keepdim=True)).square()
    visible = (1 - mask).sum((1, 2, 3), keepdim=True)
    mean = chroma.mean(1, keepdim=True).sum((2, 3), keepdim=True) / visible.clamp(min=1)
    return ((mean < LEAST_CHROMA) & (visible > 0)).to(photo)


def _persons_color(picture: Tensor, behind: Tensor) -> Tensor:
    """Mean color of the person near each pixel. It replaces edge pixels, which contain the bank's
    background."""
    person = (behind == 0).to(picture)
    sums = wide_mean(torch.cat([picture * person, person], 1), EDGE_WINDOW)
    return torch.where(sums[:, 3:] > 0, sums[:, :3] / sums[:, 3:].clamp(min=1e-6), picture)


def materials(parts: Tensor, like: Tensor) -> Tensor:
    """Shares of classes `[B, 19, h, w]` → shares of materials `[B, M, H, W]` at the size of a picture."""
    groups = grouped(parts, MATERIALS)
    rest = parts.sum(1, keepdim=True) - groups.sum(1, keepdim=True)
    return enlarged(torch.cat([groups, rest], 1), like)
