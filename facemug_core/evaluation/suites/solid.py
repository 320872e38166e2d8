"""How well edits match the photo around them, in the masks that people draw."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, geometric_mean

import numpy as np
import torch
from torch import Tensor

from ...conditions import Conditions, one_hot, pencil_sketch, region_means
from ...pipeline.style import random_style
from .. import solidity
from ..adherence import mean_iou, through_jpeg
from ..trials import Case, Summary, Trial, stacked
from .other_guides import by_other_guides
from .portraits import RATIOS, Portrait, appearance, as_cases, measured, right_half

STYLE_MASKS = ("face", "hair_face")
"""Masks in which a new style gives the face a new skin."""
LEAK_CLASSES = {"skin": solidity.SKIN, "hair": solidity.HAIR}
LEAK_MASKS: Mapping[str, tuple[str, ...]] = {
    "half_face": ("skin",),
    "face": ("skin",),
    "hair": ("hair",),
    "hair_face": ("skin", "hair"),
}
"""Materials of the leak test, by mask. It costs an inversion: each person is tested in one mask."""


@dataclass(frozen=True)
class Solid:
    """Edit each photo in six masks: completed, by the truth's guides, and in a random style; hair and face
    also by another person's guides.

    It runs by itself, on each photo once. A case is one edit. Its kind names the edit and the mask, as in
    `completion.mouth`, or the edit and the guides, as in `guided_other.map`.
    """

    name: str = "solid"
    max_faces: int = 60
    on_real_faces: bool = True

    def run(self, trial: Trial) -> list[Case]:
        """Edit and measure: up to 21 cases a face."""
        portraits = [Portrait.of(trial.faces, i) for i in range(len(trial.faces))]
        return [
            case
            for i, portrait in enumerate(portraits)
            for case in (*_in_masks(trial, i, portrait), *by_other_guides(trial, i, portrait))
        ]

    def summary(self, found: Sequence[Case]) -> Summary:
        """Means, geometric means of ratios, and areas under ROC curves, by kind of edit and by mask or
        guides, and by mask over the kinds of edits that have masks."""
        groups: dict[str, tuple[str, ...]] = {"solid": solidity.EDITS}
        groups |= {f"solid.{edit}": (edit,) for edit in (*solidity.EDITS, solidity.GUIDED_OTHER)}
        keys: Summary = {}
        for name, edits in groups.items():
            cases = [case for case in found if case.kind.split(".")[0] in edits]
            keys |= {f"{name}.{key}": value for key, value in _keys(cases).items()}
        return keys


def _in_masks(trial: Trial, i: int, portrait: Portrait) -> list[Case]:
    """All edits of one face in its masks."""
    unguided = Conditions.build(image=portrait.photo, mask=portrait.mask)
    maps = trial.aggregate(unguided)
    codes = trial.project(unguided)
    random = random_style(trial.model, unguided, [trial.other_seeds[i]] * len(unguided))
    guided, exemplar = _guided(portrait), trial.exemplar_codes[i : i + 1].expand_as(codes)
    edits = {
        "completion": trial.edit(unguided, codes, maps),
        "guided": trial.edit(guided, trial.fitted(exemplar, guided)),
        "random": trial.edit(unguided, trial.fitted(random, unguided), maps),
    }
    ends = {
        "pasted": portrait.inside(trial.bank_picture(codes)),
        "recompressed": portrait.inside(through_jpeg(portrait.photo[:1])),
    }
    arrays = {name: appearance(trial, picture, portrait.mask) for name, picture in (edits | ends).items()}
    truth = appearance(trial, portrait.photo, portrait.mask)
    cases = []
    for name, edit in edits.items():
        labels = trial.judges.parser.parse(edit)
        numbers = measured(edit, labels, portrait.photo, portrait.labels, portrait.mask)
        seen = {"edit": arrays[name], "truth": truth}
        if name == "random":
            numbers["style_delta_e"] = _style(portrait, edit, labels)
        if name == "completion":
            numbers |= _leaks(trial, portrait, edit, labels) | _half_identity(trial, i, portrait, edit)
            seen |= {end: arrays[end] for end in ends}
        cases += as_cases(portrait, name, edit, numbers, seen)
    return cases


def _guided(portrait: Portrait) -> Conditions:
    """Conditions with the truth's sketch, semantic map and color map."""
    photo, labels = portrait.photo[:1], portrait.labels[:1]
    return Conditions.build(
        image=portrait.photo,
        mask=portrait.mask,
        sketch=pencil_sketch(photo),
        semantic=one_hot(labels),
        color=region_means(photo, labels),
    )


def _style(portrait: Portrait, edit: Tensor, labels: Tensor) -> list[float]:
    """The new skin against the photo's; NaN in masks without the whole face."""
    values = solidity.style_delta_e(edit, labels, portrait.photo, portrait.labels, portrait.mask)
    return [
        value if name in STYLE_MASKS else math.nan
        for name, value in zip(portrait.names, values.tolist(), strict=True)
    ]


def _leaks(trial: Trial, portrait: Portrait, edit: Tensor, labels: Tensor) -> dict[str, list[float]]:
    """Color change of completed skin and hair if the background is violet; NaN in untested masks."""
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


def _half_identity(trial: Trial, i: int, portrait: Portrait, edit: Tensor) -> dict[str, list[float]]:
    """Cosines to the person: of the completed half face, of the mirrored photo, of another person."""
    at = portrait.names.index("half_face")
    half = solidity.doubled(edit[at : at + 1], right_half(portrait.person))
    photo = trial.photo_vectors[i]
    completed, mirrored = trial.judges.comparer.embed(torch.cat([half, portrait.photo[:1].flip(-1)]))
    vectors = {"": completed, "_mirrored": mirrored, "_strangers": trial.other_vectors[i]}
    numbers = {f"half_identity{end}": [math.nan] * len(edit) for end in vectors}
    for end, vector in vectors.items():
        numbers[f"half_identity{end}"][at] = float(vector @ photo)
    return numbers


def _keys(found: Sequence[Case]) -> Summary:
    """Keys of some kinds of edits: over all masks (or guides), and in each."""
    keys = _summed_up(found) | _told_apart(found)
    for kind in dict.fromkeys(case.kind.split(".")[1] for case in found):
        own = [case for case in found if case.kind.endswith(f".{kind}")]
        keys |= {f"{kind}.{key}": value for key, value in _summed_up(own).items()}
    return keys


def _summed_up(found: Sequence[Case]) -> Summary:
    """Every number of the cases, summed up."""
    keys: Summary = {}
    for name in sorted({name for case in found for name in case.numbers if name != "person"}):
        values = [case.numbers[name] for case in found if name in case.numbers]
        keys[name] = geometric_mean(values) if name in RATIOS else fmean(values)
        if name == "skin_delta_e":
            keys["skin_delta_e_p90"] = float(np.percentile(values, 90))
    if _all_have(found, "shared"):
        iou, ceiling = (
            mean_iou(*(stacked(found, f"{of}{count}").sum(0) for count in ("shared", "either")))
            for of in ("", "ceiling_")
        )
        keys["miou_ratio"] = iou / ceiling
    return keys


def _told_apart(found: Sequence[Case]) -> Summary:
    """Areas under ROC curves of edits against photos, together and in each mask; the ends of the scale."""
    people = np.array([case.numbers["person"] for case in found])
    count = len(set(people))
    if count < solidity.FOLDS:
        return {"told_apart": f"needs {solidity.FOLDS} people, not {count}"}
    keys: Summary = {}
    kinds = np.array([case.kind.split(".")[1] for case in found])
    for name in ("edit", "pasted", "recompressed"):
        if _all_have(found, name):
            scores = solidity.classified(stacked(found, name), stacked(found, "truth"), people)
            key = "told_apart" if name == "edit" else f"told_apart_{name}"
            keys[key] = solidity.told_apart(*scores)
            for kind in sorted(set(kinds)):
                keys[f"{kind}.{key}"] = solidity.told_apart(*(part[kinds == kind] for part in scores))
    return keys


def _all_have(found: Sequence[Case], array: str) -> bool:
    return bool(found) and all(array in case.arrays for case in found)
