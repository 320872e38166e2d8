"""Edits of a portrait's hair and face by another person's guides."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import fmean

import torch
from torch import Tensor

from ...conditions import Conditions, one_hot, pencil_sketch, region_means
from .. import solidity
from ..adherence import color_errors, overlaps, stroke_agreement, through_jpeg
from ..trials import Case, Trial
from .portraits import Portrait, appearance, as_cases, measured

OTHER_GUIDES: Mapping[str, tuple[str, ...]] = {
    "map": ("semantic",),
    "map_sketch": ("semantic", "sketch"),
    "all": ("semantic", "sketch", "color"),
}
"""Guides of each edit, by its name."""


def by_other_guides(trial: Trial, i: int, portrait: Portrait) -> list[Case]:
    """Hair and face by another person's guides; codes are those of the photo, which follow the guides."""
    if "hair_face" not in portrait.names:
        return []
    portrait = portrait.in_mask("hair_face", tuple(OTHER_GUIDES))
    edit = _edited_by_others(trial, i, portrait)
    labels = trial.judges.parser.parse(edit)
    numbers = measured(edit, labels, portrait.photo, portrait.labels, portrait.mask)
    del numbers["skin_delta_e"]  # where the photo has skin, the other person may have hair
    skin = solidity.style_delta_e(edit, labels, portrait.photo, portrait.labels, portrait.mask)
    numbers["style_delta_e"] = _where("color", skin.tolist(), given=False)
    numbers |= _followed(trial, i, portrait, edit)
    arrays = {
        "edit": appearance(trial, edit, portrait.mask),
        "truth": appearance(trial, portrait.photo, portrait.mask),
        **_overlaps(trial, i, portrait, labels),
    }
    cases = as_cases(portrait, solidity.GUIDED_OTHER, edit, numbers, arrays)
    return [replace(case, panels={**case.panels, "guides of": trial.faces.other_photo[i]}) for case in cases]


def _edited_by_others(trial: Trial, i: int, portrait: Portrait) -> Tensor:
    """One edit by each of `OTHER_GUIDES`."""
    photo, labels = trial.faces.other_photo[i : i + 1], trial.faces.other_labels[i : i + 1]
    guides = {
        "semantic": one_hot(labels),
        "sketch": pencil_sketch(photo),
        "color": region_means(photo, labels),
    }
    image, mask = portrait.photo[:1], portrait.mask[:1]
    edits = []
    for names in OTHER_GUIDES.values():
        given = {name: guides[name] for name in names}
        conditions = Conditions.build(image=image, mask=mask, **given)  # type: ignore[arg-type]
        edits.append(trial.edit(conditions, trial.project(conditions)))
    return torch.cat(edits)


def _followed(trial: Trial, i: int, portrait: Portrait, edit: Tensor) -> dict[str, list[float]]:
    """Agreement of edits with the other person's lines and colors, by whether these were given."""
    photo, labels = trial.faces.other_photo[i : i + 1], trial.faces.other_labels[i : i + 1]
    strokes = pencil_sketch(photo).expand(len(edit), -1, -1, -1)
    f1 = stroke_agreement(pencil_sketch(edit), strokes, portrait.mask).tolist()
    colors = region_means(photo, labels)[0]
    errors = [color_errors(picture, colors, labels[0], portrait.mask[0]).values() for picture in edit]
    color = [fmean(own) if own else math.nan for own in errors]
    return {
        "f1": _where("sketch", f1),
        "f1_unconditioned": _where("sketch", f1, given=False),
        "color_delta_e": _where("color", color),
        "color_delta_e_unconditioned": _where("color", color, given=False),
    }


def _where(guide: str, values: Sequence[float], *, given: bool = True) -> list[float]:
    """Values of the edits with a guide (`given`) or without it; NaN for the others."""
    return [
        value if (guide in names) == given else math.nan
        for names, value in zip(OTHER_GUIDES.values(), values, strict=True)
    ]


def _overlaps(trial: Trial, i: int, portrait: Portrait, labels: Tensor) -> dict[str, Tensor]:
    """Counts of classes that edits share with the other person's map; `ceiling_…`: that person's photo after
    JPEG compression."""
    wanted = trial.faces.other_labels[i : i + 1].expand_as(labels)
    again = trial.judges.parser.parse(through_jpeg(trial.faces.other_photo[i : i + 1])).expand_as(labels)
    shared, either = overlaps(labels, wanted, portrait.mask)
    ceiling_shared, ceiling_either = overlaps(again, wanted, portrait.mask)
    return {
        "shared": shared,
        "either": either,
        "ceiling_shared": ceiling_shared,
        "ceiling_either": ceiling_either,
    }
