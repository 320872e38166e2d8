"""Every subset of the five modalities: a further one should never harm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import torch

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
        guides = {"sketch": faces.sketch, "semantic": faces.semantic, "color": faces.color}
        pictures, distances = {}, {}
        for chosen in SUBSETS:
            if "exemplar" in chosen:
                continue
            given = {name: guides[name] for name in chosen if name in guides}
            if "photo" in chosen:
                conditions = trial.with_guides(**given)
            elif given:
                conditions = Conditions.build(**given)  # type: ignore[arg-type]
            else:
                conditions = _blank(trial)
            maps = trial.aggregate(conditions)
            own = trial.project(conditions) if chosen else trial.random_codes
            theirs = trial.exemplar_codes
            if "photo" in chosen:
                theirs = trial.fitted(theirs, conditions)
            for subset, codes in ((chosen, own), ((*chosen, "exemplar"), theirs)):
                pictures[subset] = trial.edit(conditions, codes, maps)
                features = trial.judges.perceptual.features(pictures[subset])
                distances[subset] = trial.distance(features)
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


def _blank(trial: Trial) -> Conditions:
    """Conditions of the whole batch without photo and guides."""
    return Conditions.build(sketch=torch.zeros_like(trial.faces.mask))
