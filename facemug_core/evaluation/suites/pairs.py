"""Edits of real photos in drawn masks, by a second photo of the same person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, geometric_mean

from torch import Tensor

from .. import solidity
from ..trials import Case, Summary, Trial, cases

OURS = "ours"
RATIOS = ("contrast_mid", "contrast_fine")


@dataclass(frozen=True)
class Pairs:
    """Complete the mask with the exemplar and without it; other systems' results are measured, too.

    There is no truth: edits are compared with the pixels beside the mask. So is the exemplar in the same mask
    (`untouched`). It runs on the pairs of `photos.FolderFaces` alone. Look at the pictures, too.
    """

    name: str = "pairs"
    max_faces: int = 300
    on_real_faces: bool = False

    def run(self, trial: Trial) -> list[Case]:
        """Edit with either style."""
        faces, embed = trial.faces, trial.judges.comparer.embed
        codes = trial.exemplar_codes
        if trial.model.warping is not None:
            codes = trial.model.warp(codes, trial.unguided_codes)
        codes = trial.fitted(codes, trial.unguided)
        edit = trial.edit(trial.unguided, codes, trial.unguided_maps)
        edits = {"without": trial.completion, OURS: edit, **faces.peers}
        exemplar = embed(faces.exemplar)
        numbers: dict[str, Tensor] = {}
        for name, picture in {"photo": faces.photo, **edits}.items():
            numbers[f"{name}.likeness"] = (embed(picture) * exemplar).sum(1)
        for name, picture in {"untouched": faces.exemplar, **edits}.items():
            labels = trial.judges.parser.parse(picture)
            judged = judged_alone(picture, labels, faces.mask)
            numbers |= {f"{name}.{key}": values for key, values in judged.items()}
        panels = {
            "photo": faces.photo,
            "hole": trial.unguided.masked_image,
            "exemplar": faces.exemplar,
            **edits,
        }
        scores = -numbers[f"{OURS}.likeness"]
        return cases(trial, scores, "cosine to the exemplar (negative)", panels, numbers)

    def summary(self, found: Sequence[Case]) -> Summary:
        """Means, and geometric means of contrasts, of our edits and of each other system's."""
        keys: Summary = {}
        for name in sorted({name for case in found for name in case.numbers}):
            values = [case.numbers[name] for case in found if name in case.numbers]
            key = name.removeprefix(f"{OURS}.")
            keys[f"solid.exemplar.{key}"] = geometric_mean(values) if name.endswith(RATIOS) else fmean(values)
        return keys


def judged_alone(edit: Tensor, labels: Tensor, mask: Tensor) -> dict[str, Tensor]:
    """Measurements of edits `[B, 3, H, W]` without a truth: skin inside the mask against skin beside it, and
    the border; `[B]` each, NaN if it cannot be measured."""
    mid, fine = solidity.contrasts_beside(edit, solidity.of_classes(labels, solidity.FACE_SKIN), mask)
    return {
        "contrast_mid": mid,
        "contrast_fine": fine,
        "skin_delta_e": solidity.skin_delta_e_beside(edit, labels, mask),
        "rim_delta_e": solidity.rim_delta_e_beside(edit, mask),
    }
