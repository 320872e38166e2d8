"""Every subset of the five modalities: a further one should never harm."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import torch
from torch import Tensor

from ...conditions import Conditions
from ..trials import Case, Summary, Trial, cases, stacked

MODALITIES = ("photo", "sketch", "semantic", "color", "exemplar")
SUBSETS: tuple[tuple[str, ...], ...] = tuple(
    chosen for count in range(len(MODALITIES) + 1) for chosen in combinations(MODALITIES, count)
)
"""All 32 subsets, the empty one first."""

PAIRS = tuple(
    (SUBSETS.index(chosen), SUBSETS.index(tuple(m for m in MODALITIES if m in (*chosen, added))))
    for chosen in SUBSETS
    for added in MODALITIES
    if added not in chosen
)
"""The 80 pairs of a subset and the same with one modality more, as places in `SUBSETS`."""


@dataclass(frozen=True)
class Subsets:
    """Perceptual distance to the truth inside the mask, for each subset of guides."""

    name: str = "subsets"
    max_faces: int = 6
    on_real_faces: bool = False

    def run(self, trial: Trial) -> list[Case]:
        """Edit with every subset."""
        faces = trial.faces
        pictures, distances = {}, {}
        for chosen in SUBSETS:
            pictures[chosen] = drawn_by(trial, chosen)
            distances[chosen] = trial.distance(trial.judges.perceptual.features(pictures[chosen]))
        table = torch.stack([distances[subset] for subset in SUBSETS], 1)  # [B, 32]
        shown = {"+".join(s) or "none": pictures[s] for s in SUBSETS if len(s) in (0, 1, 5)}
        ratios = table.max(1).values / table[:, 0]
        return cases(
            trial,
            ratios,
            "of the empty subset's distance at worst",
            {**shown, "truth": faces.photo},
            arrays={"distances": table},
        )

    def summary(self, found: Sequence[Case]) -> Summary:
        """Mean distance of each subset ÷ that of the empty one; the worst; number of pairs that improve."""
        means = stacked(found, "distances").mean(0)
        ratios = {
            f"subsets.{'+'.join(s) or 'none'}": float(m / means[0])
            for s, m in zip(SUBSETS, means, strict=True)
        }
        improving = np.mean([means[more] <= means[fewer] for fewer, more in PAIRS])
        return {
            "subsets.worst": max(ratios.values()),
            "subsets.improving_pairs": float(improving),
            **ratios,
        }


def drawn_by(trial: Trial, chosen: Collection[str]) -> Tensor:
    """Edits [B, 3, 256, 256] by some of `MODALITIES`; new faces without the photo, random ones by none."""
    faces = trial.faces
    if set(chosen) == {"photo"}:
        return trial.completion
    guides = {"sketch": faces.sketch, "semantic": faces.semantic, "color": faces.color}
    given = {name: guide for name, guide in guides.items() if name in chosen}
    if "photo" in chosen:
        conditions = trial.with_guides(**given)
    else:
        conditions = Conditions.build(**(given or _blank(trial)))  # type: ignore[arg-type]
    if "exemplar" not in chosen:
        codes = trial.project(conditions) if chosen else trial.random_codes
    elif "photo" in chosen:
        codes = trial.fitted(trial.exemplar_codes, conditions)
    else:
        codes = trial.exemplar_codes
    return trial.edit(conditions, codes)


def _blank(trial: Trial) -> dict[str, Tensor]:
    """A sketch without strokes for the whole batch."""
    return {"sketch": torch.zeros_like(trial.faces.mask)}
