"""Whether edits look as solid as the photo around them, in the masks that people draw."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, geometric_mean

import numpy as np
import torch
from torch import Tensor

from ...conditions import Conditions, one_hot, pencil_sketch, region_means
from ...faces.regions import region_mask
from ...pipeline.style import random_style
from .. import solidity
from ..adherence import through_jpeg
from ..faces import FIRST_SEED, Faces
from ..trials import Case, Summary, Trial, stacked

HALF_ROWS, HALF_COLUMNS = slice(80, 220), slice(40, 128)
"""Where half a face lies in an aligned crop: from the brows to the chin, from the middle outwards."""
FEWEST_REGION = 200
"""A region with fewer pixels, such as the hair of a bald head, gives no mask."""

REGION_MASKS: Mapping[str, tuple[str, int]] = {
    "eyes_brows": ("eyes+brows", 6),
    "mouth": ("mouth", 6),
    "face": ("face", 6),
    "hair": ("hair", 8),
    "hair_face": ("hair+face", 8),
}
"""Masks by name: regions, and the pixels by which they are grown."""
MASKS = ("half_face", *REGION_MASKS)

STYLE_MASKS = ("face", "hair_face")
"""Masks in which a new style gives the face a new skin."""
LEAK_CLASSES = {"skin": solidity.SKIN, "hair": solidity.HAIR}
LEAK_MASKS: Mapping[str, tuple[str, ...]] = {
    "half_face": ("skin",),
    "face": ("skin",),
    "hair": ("hair",),
    "hair_face": ("skin", "hair"),
}
"""What the leak test looks at in which mask. It costs an inversion: each person is tested in one mask."""

RATIOS = ("contrast_mid", "contrast_fine", "background_contrast")
"""Numbers that are summed up by geometric means; others by means."""
SCORED = {"contrast_mid": 1.10, "contrast_fine": 1.12, "skin_delta_e": 3.0, "rim_delta_e": 1.0}
"""Numbers that cases are ranked by, relative to these values of them."""


@dataclass(frozen=True)
class Solid:
    """Edit each photo in six masks: completed, by the truth's own guides, and in a random style.

    It runs by itself, on each photo once. A case is one edit, its kind the edit and the mask, as in
    `completion.mouth`.
    """

    name: str = "solid"
    most: int = 60
    on_real_faces: bool = True

    def run(self, trial: Trial) -> list[Case]:
        """Edit and measure: up to eighteen cases a face."""
        return [case for i in range(len(trial.faces)) for case in _cases(trial, i)]

    def summary(self, found: Sequence[Case]) -> Summary:
        """Means, geometric means of ratios, and areas under curves, by kind of edit and by mask."""
        keys: Summary = {}
        for edit in solidity.EDITS:
            of_edit = [case for case in found if case.kind.startswith(f"{edit}.")]
            keys |= {f"solid.{edit}.{key}": value for key, value in _of_edit(of_edit).items()}
        return keys


@dataclass(frozen=True, eq=False)
class _Portrait:
    """A photo in M masks; pictures `[M, 3, H, W]` in [-1, 1]."""

    person: int
    names: tuple[str, ...]
    """Of the masks."""
    photo: Tensor
    labels: Tensor
    """`[M, H, W]` int64."""
    mask: Tensor
    """`[M, 1, H, W]`."""

    @classmethod
    def of(cls, faces: Faces, i: int) -> _Portrait:
        person = faces.seeds[i] - FIRST_SEED
        masks = portrait_masks(faces.labels[i], mirrored=person % 2 == 1)
        count = len(masks)
        return cls(
            person=person,
            names=tuple(masks),
            photo=faces.photo[i].expand(count, -1, -1, -1),
            labels=faces.labels[i].expand(count, -1, -1),
            mask=torch.stack(list(masks.values())),
        )

    def inside(self, picture: Tensor) -> Tensor:
        """A picture under the masks, the photo outside of them."""
        return torch.where(self.mask > 0, picture, self.photo)


def portrait_masks(labels: Tensor, mirrored: bool) -> dict[str, Tensor]:
    """The masks `[1, H, W]` that a face has regions for, of its classes `[256, 256]`.

    Half a face is the one on the left, or `mirrored` the one on the right.
    """
    half = torch.zeros(1, *labels.shape, device=labels.device)
    half[:, HALF_ROWS, HALF_COLUMNS] = 1
    masks = {"half_face": half.flip(-1) if mirrored else half}
    for name, (regions, grow) in REGION_MASKS.items():
        if region_mask(labels[None], regions).sum() >= FEWEST_REGION:
            masks[name] = region_mask(labels[None], regions, grow, specks=False)[0]
    return masks


def _cases(trial: Trial, i: int) -> list[Case]:
    """All edits of one face."""
    portrait = _Portrait.of(trial.faces, i)
    unguided = Conditions.build(image=portrait.photo, mask=portrait.mask)
    maps = trial.aggregate(unguided)
    codes = trial.project(unguided)
    random = random_style(trial.model, unguided, [trial.other_seeds[i]] * len(unguided))
    exemplar = trial.exemplar_codes[i : i + 1].expand_as(codes)
    edits = {
        "completion": trial.edit(unguided, codes, maps),
        "guided": trial.edit(_guided(portrait), exemplar),
        "random": trial.edit(unguided, random, maps),
    }
    ends = {
        "pasted": portrait.inside(trial.bank_picture(codes)),
        "recompressed": portrait.inside(through_jpeg(portrait.photo[:1])),
    }
    arrays = {name: _appearance(trial, picture, portrait.mask) for name, picture in (edits | ends).items()}
    truth = _appearance(trial, portrait.photo, portrait.mask)
    cases = []
    for name, edit in edits.items():
        labels = trial.judges.parser.parse(edit)
        numbers = measured(edit, labels, portrait.photo, portrait.labels, portrait.mask)
        seen = {"edit": arrays[name], "truth": truth}
        if name == "random":
            numbers["style_delta_e"] = _style(portrait, edit, labels)
        if name == "completion":
            numbers |= _leaks(trial, portrait, edit, labels)
            seen |= {end: arrays[end] for end in ends}
        cases += _as_cases(portrait, name, edit, numbers, seen)
    return cases


def _guided(portrait: _Portrait) -> Conditions:
    """The truth's own sketch, semantic map and color map."""
    photo, labels = portrait.photo[:1], portrait.labels[:1]
    return Conditions.build(
        image=portrait.photo,
        mask=portrait.mask,
        sketch=pencil_sketch(photo),
        semantic=one_hot(labels),
        color=region_means(photo, labels),
    )


def _appearance(trial: Trial, pictures: Tensor, mask: Tensor) -> Tensor:
    return solidity.appearance(trial.judges.perceptual.features(pictures), mask)


def measured(
    edit: Tensor, edit_labels: Tensor, photo: Tensor, labels: Tensor, mask: Tensor
) -> dict[str, list[float]]:
    """Numbers of edits `[B, 3, H, W]`, NaN where a number cannot be measured; see `solidity`."""
    mid, fine = solidity.contrast_ratios(edit, photo, mask)
    values = {
        "contrast_mid": mid,
        "contrast_fine": fine,
        "skin_delta_e": solidity.skin_delta_e(edit, photo, labels, mask),
        "rim_delta_e": solidity.rim_delta_e(edit, photo, mask),
        "background_contrast": solidity.background_contrast(edit, edit_labels, labels, mask),
    }
    return {name: value.tolist() for name, value in values.items()}


def _style(portrait: _Portrait, edit: Tensor, labels: Tensor) -> list[float]:
    """The new skin against the visible one's; NaN in masks that leave the face its skin."""
    values = solidity.style_delta_e(edit, labels, portrait.photo, portrait.labels, portrait.mask)
    return [
        value if name in STYLE_MASKS else math.nan
        for name, value in zip(portrait.names, values.tolist(), strict=True)
    ]


def _leaks(trial: Trial, portrait: _Portrait, edit: Tensor, labels: Tensor) -> dict[str, list[float]]:
    """How far skin and hair of the completion move when the background turns violet; NaN in masks that are
    not tested."""
    numbers = {f"background_leak_{part}": [math.nan] * len(edit) for part in LEAK_CLASSES}
    name = tuple(LEAK_MASKS)[portrait.person % len(LEAK_MASKS)]
    if name not in portrait.names:
        return numbers
    at = portrait.names.index(name)
    row = slice(at, at + 1)
    mask = portrait.mask[row]
    violet = solidity.with_violet_background(portrait.photo[row], portrait.labels[row], mask)
    conditions = Conditions.build(image=violet, mask=mask)
    again = trial.edit(conditions, trial.project(conditions))
    for part in LEAK_MASKS[name]:
        region = solidity.of_classes(labels[row], LEAK_CLASSES[part]) & (mask[:, 0] > 0)
        numbers[f"background_leak_{part}"][at] = float(solidity.mean_delta_e(edit[row], again, region))
    return numbers


def _as_cases(
    portrait: _Portrait,
    name: str,
    edit: Tensor,
    numbers: Mapping[str, Sequence[float]],
    arrays: Mapping[str, Tensor],
) -> list[Case]:
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
    """How large the numbers are relative to `SCORED`, on average."""
    shares = [
        abs(math.log(numbers[name])) / math.log(one) if name in RATIOS else abs(numbers[name]) / one
        for name, one in SCORED.items()
        if name in numbers
    ]
    return fmean(shares) if shares else 0.0


def _of_edit(found: Sequence[Case]) -> Summary:
    """Keys of one kind of edit: in all masks together, and in each."""
    masks = {mask: [case for case in found if case.kind.endswith(f".{mask}")] for mask in MASKS}
    keys = _summed_up(found) | _told_apart(found)
    for mask, cases in masks.items():
        keys |= {f"{mask}.{key}": value for key, value in _summed_up(cases).items()}
    return keys


def _summed_up(found: Sequence[Case]) -> Summary:
    """Every number that was measured in any case."""
    keys: Summary = {}
    for name in sorted({name for case in found for name in case.numbers if name != "person"}):
        values = [case.numbers[name] for case in found if name in case.numbers]
        keys[name] = geometric_mean(values) if name in RATIOS else fmean(values)
        if name == "skin_delta_e":
            keys["skin_delta_e_p90"] = float(np.percentile(values, 90))
    return keys


def _told_apart(found: Sequence[Case]) -> Summary:
    """Areas under curves of edits against photos, in all masks and in each; the ends of the scale."""
    people = np.array([case.numbers["person"] for case in found])
    count = len(set(people))
    if count < solidity.FOLDS:
        return {"told_apart": f"needs {solidity.FOLDS} people, not {count}"}
    keys: Summary = {}
    kinds = np.array([case.kind.split(".")[1] for case in found])
    for name in ("edit", "pasted", "recompressed"):
        if name in found[0].arrays:
            scores = solidity.classified(stacked(found, name), stacked(found, "truth"), people)
            key = "told_apart" if name == "edit" else f"told_apart_{name}"
            keys[key] = solidity.told_apart(*scores)
            for mask in sorted(set(kinds)):
                keys[f"{mask}.{key}"] = solidity.told_apart(*(part[kinds == mask] for part in scores))
    return keys
