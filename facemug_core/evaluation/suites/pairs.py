"""Edits of real photos in masks that people drew, by a second photo of the same person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..trials import Case, Summary, Trial, cases, mean


@dataclass(frozen=True)
class Pairs:
    """Complete the mask by the exemplar and without it. There is no truth: the pictures say more.

    It runs on the pairs of `photos.FolderFaces` alone.
    """

    name: str = "pairs"
    most: int = 300
    on_real_faces: bool = False

    def run(self, trial: Trial) -> list[Case]:
        """Edit with either style."""
        faces, embed = trial.faces, trial.judges.comparer.embed
        codes = trial.exemplar_codes
        if trial.model.warping is not None:
            codes = trial.model.warp(codes, trial.untold_codes)
        codes = trial.fitted(codes, trial.untold)
        edit = trial.edit(trial.untold, codes, trial.untold_maps)
        exemplar = embed(faces.exemplar)
        pictures = {"photo": faces.photo, "without": trial.completion, "with": edit}
        numbers = {name: (embed(picture) * exemplar).sum(1) for name, picture in pictures.items()}
        panels = {
            "photo": faces.photo,
            "hole": trial.untold.masked_image,
            "exemplar": faces.exemplar,
            "without it": trial.completion,
            "ours": edit,
        }
        return cases(trial, -numbers["with"], "cosine to the exemplar (negative)", panels, numbers)

    def summary(self, found: Sequence[Case]) -> Summary:
        """Mean cosines to the exemplar's face."""
        return {f"pairs.cosine_{name}": mean(found, name) for name in ("photo", "without", "with")}
