"""Realism and diversity of edits as sets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ...conditions import Conditions
from ..faces import MASK_KINDS, Faces
from ..frechet import FEWEST_FACES, above_floor
from ..metrics import pooled
from ..trials import Case, Summary, Trial, cases, mean, stacked

MASKS = 4
"""Masks in which each face is edited."""


@dataclass(frozen=True)
class Frechet:
    """Fréchet distance of completions from photos of other people, relative to biharmonic inpainting.

    Each face is completed in four masks, the baseline in one.
    """

    name: str = "frechet"
    max_faces: int = 252
    on_real_faces: bool = False

    def run(self, trial: Trial) -> list[Case]:
        """Complete the faces in more masks."""
        edits, features = [trial.completion], [pooled(trial.completion_features)]
        for turn in range(1, MASKS):
            conditions = Conditions.build(image=trial.faces.photo, mask=_more_masks(trial.faces, turn))
            edits.append(trial.edit(conditions, trial.model.project(conditions)))
            features.append(pooled(trial.judges.perceptual.features(edits[-1])))
        arrays = {
            "edits": torch.stack(features, 1),
            "truth": pooled(trial.truth_features),
            "biharmonic": pooled(trial.biharmonic_features)[:, None],
        }
        scores = (arrays["edits"] - arrays["truth"][:, None]).norm(dim=2).mean(1)
        panels = {**{f"mask {i + 1}": edit for i, edit in enumerate(edits)}, "truth": trial.faces.photo}
        return cases(trial, scores, "from its photo's features", panels, arrays=arrays)

    def summary(self, found: Sequence[Case]) -> Summary:
        """Distances above the floor between photos, and their ratio."""
        if len(found) < FEWEST_FACES:
            return {"completion.frechet_ratio": _too_few(found)}
        truth = stacked(found, "truth")
        ours, baseline = (above_floor(stacked(found, name), truth) for name in ("edits", "biharmonic"))
        return {
            "completion.frechet_ratio": ours / baseline,
            "completion.frechet_distance": ours,
            "completion.biharmonic_frechet_distance": baseline,
        }


@dataclass(frozen=True)
class Diversity:
    """Distance between completions with random styles, relative to the distance between people."""

    name: str = "diversity"
    max_faces: int = 102
    on_real_faces: bool = False

    def run(self, trial: Trial) -> list[Case]:
        """Complete each face in two random styles."""
        faces, perceptual = trial.faces, trial.judges.perceptual
        codes = [trial.model.random_codes([2 * s + turn for s in faces.seeds]) for turn in (0, 1)]
        codes = [trial.fitted(code, trial.unguided) for code in codes]
        edits = [trial.edit(trial.unguided, code, trial.unguided_maps) for code in codes]
        first, second = (perceptual.features(edit) for edit in edits)
        between_people = trial.distance(perceptual.features(faces.other_photo))
        numbers = {"seeds": perceptual.between(first, second, faces.mask), "people": between_people}
        arrays = {
            "random": pooled(first)[:, None],
            "projected": pooled(trial.completion_features)[:, None],
            "biharmonic": pooled(trial.biharmonic_features)[:, None],
            "truth": pooled(trial.truth_features),
        }
        panels = {
            "photo": trial.unguided.masked_image,
            "random style": edits[0],
            "another": edits[1],
            "projected": trial.completion,
            "truth": faces.photo,
        }
        scores = -numbers["seeds"] / numbers["people"]
        return cases(trial, scores, "of people's distance (negative)", panels, numbers, arrays)

    def summary(self, found: Sequence[Case]) -> Summary:
        """The ratio of mean distances, and Fréchet ratios with and without random styles."""
        keys: Summary = {"diversity": mean(found, "seeds") / mean(found, "people")}
        styles = {"diversity.frechet_ratio": "random", "diversity.frechet_ratio_projected": "projected"}
        if len(found) < FEWEST_FACES:
            return keys | dict.fromkeys(styles, _too_few(found))
        truth = stacked(found, "truth")
        baseline = above_floor(stacked(found, "biharmonic"), truth)
        ratios = {key: above_floor(stacked(found, style), truth) / baseline for key, style in styles.items()}
        return keys | ratios


def _too_few(found: Sequence[Case]) -> str:
    return f"needs {FEWEST_FACES} faces, not {len(found)}"


def _more_masks(faces: Faces, turn: int) -> Tensor:
    """Another mask `[B, 1, H, W]` of each face, of the next kind."""
    kinds = tuple(MASK_KINDS)
    masks = []
    for seed, kind, labels in zip(faces.seeds, faces.kinds, faces.labels, strict=True):
        generator = torch.Generator().manual_seed(MASKS * seed + turn)
        make = MASK_KINDS[kinds[(kinds.index(kind) + turn) % len(kinds)]]
        masks.append(make(labels.cpu(), generator))
    return torch.stack(masks).to(faces.mask)
