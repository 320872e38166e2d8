"""Identity: exemplars, encoding and warping.

A cosine c is reported as s = (c − different) / (same − different). `same` is the mean cosine of one person,
mirrored and in another tone; `different` that of two people. Both are means over the suite's faces.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from ...conditions import Conditions, whole_photo
from ...editing.measuring import by_mesh
from ...faces.regions import region_mask
from ...pictures import to_pixels
from ..metrics import IdentityScale
from ..trials import Case, Summary, Trial, cases, mean, stacked

FACE_GROWN = 6
"""Growth in pixels of the face, which is the mask of exemplar edits."""
GALLERY = 100


@dataclass(frozen=True)
class Exemplar:
    """How much more an edit with an exemplar looks like its person than one without."""

    name: str = "exemplar"
    max_faces: int = 24
    on_real_faces: bool = False

    def run(self, trial: Trial) -> list[Case]:
        """Edit the face with another person's style and with the photo's."""
        faces = trial.faces
        mask = region_mask(faces.labels, "face", FACE_GROWN)
        conditions = Conditions.build(image=faces.photo, mask=mask)
        own = trial.model.project(conditions)
        theirs = trial.project(whole_photo(faces.other_photo))
        if trial.model.warping is not None:
            theirs = trial.model.warp(theirs, own)
        theirs = trial.fitted(theirs, conditions)
        maps = trial.aggregate(conditions)
        edits = {"without": trial.edit(conditions, own, maps), "with": trial.edit(conditions, theirs, maps)}
        numbers = {
            **trial.identity_ends,
            **{n: (trial.judges.comparer.embed(e) * trial.other_vectors).sum(1) for n, e in edits.items()},
        }
        panels = {
            "photo": conditions.masked_image,
            "exemplar": faces.other_photo,
            "without it": edits["without"],
            "ours": edits["with"],
            "photo itself": faces.photo,
        }
        return cases(trial, numbers["without"] - numbers["with"], "of cosine lost", panels, numbers)

    def summary(self, found: Sequence[Case]) -> Summary:
        """Mean s with the exemplar less mean s without."""
        return {"exemplar.identity_gain": identity(found, "with") - identity(found, "without")}


@dataclass(frozen=True)
class Encoder:
    """Whether the bank's picture of a photo's codes shows the same person."""

    name: str = "encoder"
    max_faces: int = 102
    on_real_faces: bool = True

    def run(self, trial: Trial) -> list[Case]:
        """Encode and render (the exemplars: their codes are needed anyway)."""
        vectors = trial.judges.comparer.embed(trial.exemplar_rendering)
        truth = trial.judges.comparer.embed(trial.faces.exemplar)
        numbers = {**trial.identity_ends, "rendered": (vectors * truth).sum(1)}
        panels = {"photo": trial.faces.exemplar, "encoded and rendered": trial.exemplar_rendering}
        arrays = {"rendered": vectors, "truth": truth}
        return cases(trial, -numbers["rendered"], "cosine (negative)", panels, numbers, arrays)

    def summary(self, found: Sequence[Case]) -> Summary:
        """Mean s; share of renderings whose nearest photo of a hundred is the right one; the ends of s."""
        keys: Summary = {
            "encoder.identity": identity(found, "rendered"),
            "identity.same_cosine": mean(found, "same_cosine"),
            "identity.different_cosine": mean(found, "different_cosine"),
        }
        if len(found) < GALLERY:
            return keys | {"encoder.rank1_of_100": f"needs {GALLERY} faces, not {len(found)}"}
        cosines = stacked(found[:GALLERY], "rendered") @ stacked(found[:GALLERY], "truth").T
        right = cosines.argmax(1) == np.arange(GALLERY)
        return keys | {"encoder.rank1_of_100": float(right.mean())}


@dataclass(frozen=True)
class Warp:
    """Whether warped codes of another person take the photo's pose and stay that person."""

    name: str = "warp"
    max_faces: int = 24
    on_real_faces: bool = False

    def run(self, trial: Trial) -> list[Case]:
        """Render codes before and after warping; nothing without warping weights."""
        if trial.model.warping is None:
            return []
        faces, embed = trial.faces, trial.judges.comparer.embed
        codes = trial.model.encode(faces.other_photo)
        warped = trial.model.warp(codes, trial.model.encode(faces.photo))
        pictures = {"unwarped": trial.render(codes), "warped": trial.render(warped)}
        numbers: dict[str, Tensor | list[float]] = {**trial.identity_ends}
        targets = [_pose(trial, photo) for photo in faces.photo]
        for name, picture in pictures.items():
            numbers[f"{name}_pose"] = _pose_errors(trial, picture, targets)
            numbers[f"{name}_cosine"] = (embed(picture) * trial.other_vectors).sum(1)
        panels = {"source": faces.other_photo, "pose": faces.photo, **pictures}
        scores = np.nan_to_num(numbers["warped_pose"], nan=9.0).tolist()
        return cases(trial, scores, "off in pose", panels, numbers)

    def summary(self, found: Sequence[Case]) -> Summary:
        """Ratios of warped to unwarped codes."""
        if not found:
            reason = "there are no warping weights"
            return {"warp.pose_ratio": reason, "warp.identity_ratio": reason}
        return {
            "warp.pose_ratio": mean(found, "warped_pose") / mean(found, "unwarped_pose"),
            "warp.identity_ratio": identity(found, "warped_cosine") / identity(found, "unwarped_cosine"),
        }


def identity(found: Sequence[Case], cosine: str) -> float:
    """s of the mean of a cosine."""
    return IdentityScale(mean(found, "same_cosine"), mean(found, "different_cosine")).of(mean(found, cosine))


Pose = tuple[float, float]
"""(yaw, pitch) from the face mesh; NaN if no face is found."""


def _pose_errors(trial: Trial, pictures: Tensor, targets: Sequence[Pose]) -> list[float]:
    """Distances of the pictures' poses to these."""
    return [
        math.hypot(*(a - b for a, b in zip(_pose(trial, picture), target, strict=True)))
        for picture, target in zip(pictures, targets, strict=True)
    ]


def _pose(trial: Trial, picture: Tensor) -> Pose:
    mesh = trial.judges.mesh(picture)
    if mesh is None:
        return math.nan, math.nan
    reading = by_mesh(to_pixels(picture), mesh)
    return reading["yaw.mesh"], reading["pitch.mesh"]
