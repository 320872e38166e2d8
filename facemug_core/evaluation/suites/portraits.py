"""One photo in several masks, and cases of its edits."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import torch
from torch import Tensor

from ...faces.regions import region_mask
from .. import solidity
from ..faces import FIRST_SEED, Faces
from ..trials import Case, Trial

HALF_ROWS, HALF_COLUMNS = slice(80, 220), slice(40, 128)
"""Half a face in an aligned crop: from the brows to the chin, from the middle outwards."""
FEWEST_REGION = 200
"""A region with fewer pixels, such as the hair of a bald head, gives no mask."""

REGION_MASKS: Mapping[str, tuple[str, int]] = {
    "eyes_brows": ("eyes+brows", 6),
    "mouth": ("mouth", 6),
    "face": ("face", 6),
    "hair": ("hair", 8),
    "hair_face": ("hair+face", 8),
}
"""Masks by name: regions, and their growth in pixels. `half_face` is added to them."""

RATIOS = ("contrast_mid", "contrast_fine", "background_contrast")
"""Numbers that are summed up by geometric means; others by means."""
SCORED = {"contrast_mid": 1.10, "contrast_fine": 1.12, "skin_delta_e": 3.0, "rim_delta_e": 1.0}
"""Cases are ranked by these numbers, relative to these values."""


@dataclass(frozen=True, eq=False)
class Portrait:
    """A photo in M masks; pictures `[M, 3, H, W]` in [-1, 1]."""

    person: int
    names: tuple[str, ...]
    """Names of the masks, or of the guides."""
    photo: Tensor
    labels: Tensor
    """`[M, H, W]` int64."""
    mask: Tensor
    """`[M, 1, H, W]`."""

    @classmethod
    def of(cls, faces: Faces, i: int) -> Portrait:
        """One face of a batch in all masks whose regions it has."""
        person = faces.seeds[i] - FIRST_SEED
        masks = portrait_masks(faces.labels[i], right_half(person))
        count = len(masks)
        return cls(
            person=person,
            names=tuple(masks),
            photo=faces.photo[i].expand(count, -1, -1, -1),
            labels=faces.labels[i].expand(count, -1, -1),
            mask=torch.stack(list(masks.values())),
        )

    def in_mask(self, name: str, names: Sequence[str]) -> Portrait:
        """The photo in one of the masks, repeated for each name of `names`."""
        mask = self.mask[self.names.index(name)].expand(len(names), -1, -1, -1)
        photo = self.photo[:1].expand(len(names), -1, -1, -1)
        return Portrait(self.person, tuple(names), photo, self.labels[:1].expand(len(names), -1, -1), mask)

    def inside(self, picture: Tensor) -> Tensor:
        """A picture inside the masks, the photo outside."""
        return torch.where(self.mask > 0, picture, self.photo)


def right_half(person: int) -> bool:
    """Whether `half_face` is the right half."""
    return person % 2 == 1


def portrait_masks(labels: Tensor, mirrored: bool) -> dict[str, Tensor]:
    """The masks `[1, H, W]` whose regions a face has, from its classes `[256, 256]`.

    `half_face` is the left half, or the right one if `mirrored`.
    """
    half = torch.zeros(1, *labels.shape, device=labels.device)
    half[:, HALF_ROWS, HALF_COLUMNS] = 1
    masks = {"half_face": half.flip(-1) if mirrored else half}
    for name, (regions, grow) in REGION_MASKS.items():
        if region_mask(labels[None], regions).sum() >= FEWEST_REGION:
            masks[name] = region_mask(labels[None], regions, grow, specks=False)[0]
    return masks


def measured(
    edit: Tensor, edit_labels: Tensor, photo: Tensor, labels: Tensor, mask: Tensor
) -> dict[str, list[float]]:
    """Numbers of edits `[B, 3, H, W]` (see `solidity`); NaN if a number cannot be measured."""
    mid, fine = solidity.contrast_ratios(edit, photo, mask)
    values = {
        "contrast_mid": mid,
        "contrast_fine": fine,
        "skin_delta_e": solidity.skin_delta_e(edit, photo, labels, mask),
        "rim_delta_e": solidity.rim_delta_e(edit, photo, mask),
        "background_contrast": solidity.background_contrast(edit, edit_labels, labels, mask),
    }
    return {name: value.tolist() for name, value in values.items()}


def appearance(trial: Trial, pictures: Tensor, mask: Tensor) -> Tensor:
    """The classifier's features `[B, C]` of pictures `[B, 3, H, W]` in [-1, 1] inside the masks."""
    return solidity.appearance(trial.judges.perceptual.features(pictures), mask)


def as_cases(
    portrait: Portrait,
    name: str,
    edit: Tensor,
    numbers: Mapping[str, Sequence[float]],
    arrays: Mapping[str, Tensor],
) -> list[Case]:
    """One case for each mask; NaN numbers are left out.

    Args:
        portrait: the edited photo.
        name: kind of edit.
        edit: `[M, 3, H, W]` in [-1, 1].
        numbers: M values each.
        arrays: the first dimension is M.
    """
    cases = []
    for k, mask in enumerate(portrait.names):
        own = {key: values[k] for key, values in numbers.items() if not math.isnan(values[k])}
        score = _score(own)
        cases.append(
            Case(
                title=f"person {portrait.person}, {name} of {mask}: {score:.2f} times the bars",
                kind=f"{name}.{mask}",
                score=score,
                numbers=own | {"person": float(portrait.person)},
                panels={
                    "photo": torch.where(portrait.mask[k] > 0, 0.0, portrait.photo[k]),
                    "ours": edit[k],
                    "truth": portrait.photo[k],
                },
                arrays={key: values[k].cpu().numpy() for key, values in arrays.items()},
            )
        )
    return cases


def _score(numbers: Mapping[str, float]) -> float:
    """Mean of the numbers relative to `SCORED`."""
    shares = [
        abs(math.log(numbers[name])) / math.log(one) if name in RATIOS else abs(numbers[name]) / one
        for name, one in SCORED.items()
        if name in numbers
    ]
    return fmean(shares) if shares else 0.0
