"""Reconstruction of the masked part, and the seam between edit and photo."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from ...conditions import Conditions
from ..adherence import seam_color_shift, seam_gradients
from ..faces import FIRST_SEED, MASK_KINDS
from ..metrics import absolute_error, peak_signal_to_noise
from ..trials import Case, Summary, Trial, cases, guide_panels, mean

PASTED = 102
"""Number of faces compared with pasting; the bank's full picture is the slowest step."""


@dataclass(frozen=True)
class Reconstruction:
    """Reconstruct the masked part, and compare with two cheaper baselines.

    One is biharmonic inpainting. The other ("paste", on the first faces) renders the codes by the bank alone
    and pastes the picture into the hole.
    """

    name: str
    guided: bool
    """With the truth's sketch, semantic map, color map and exemplar, or by photo and mask alone."""
    max_faces: int = 300
    on_real_faces: bool = True

    def run(self, trial: Trial) -> list[Case]:
        """Edit, render and measure a batch."""
        faces, perceptual = trial.faces, trial.judges.perceptual
        conditions = all_guides(trial) if self.guided else trial.unguided
        if self.guided:
            edit = trial.edit(conditions, trial.fitted(trial.exemplar_codes, conditions))
            features = perceptual.features(edit)
        else:
            edit, features = trial.completion, trial.completion_features
        baselines = {"biharmonic": faces.biharmonic}
        numbers = {
            "distance": trial.distance(features),
            "biharmonic_distance": trial.distance(trial.biharmonic_features),
            "l1": absolute_error(edit, faces.photo, faces.mask),
            "biharmonic_l1": absolute_error(faces.biharmonic, faces.photo, faces.mask),
            "psnr": peak_signal_to_noise(edit, faces.photo, faces.mask),
            "biharmonic_psnr": peak_signal_to_noise(faces.biharmonic, faces.photo, faces.mask),
        }
        if faces.seeds[-1] < FIRST_SEED + PASTED:
            rendered = trial.exemplar_rendering if self.guided else trial.render(trial.unguided_codes)
            baselines["paste"] = torch.where(faces.mask > 0, rendered, faces.photo)
            numbers["paste_distance"] = trial.distance(perceptual.features(baselines["paste"]))
        panels = {
            **guide_panels(conditions),
            **({"exemplar": faces.exemplar} if self.guided else {}),
            **baselines,
            "ours": edit,
            "truth": faces.photo,
        }
        scores = numbers["distance"] / numbers["biharmonic_distance"]
        return cases(trial, scores, "of biharmonic's distance", panels, numbers)

    def summary(self, found: Sequence[Case]) -> Summary:
        """Ratios of mean distances, of all cases and of each mask kind; means of all numbers."""
        keys = _ratios(found)
        for kind in MASK_KINDS:
            of_kind = [case for case in found if case.kind == kind]
            if of_kind:
                keys |= {f"{kind}.{name}": value for name, value in _ratios(of_kind).items()}
        keys |= {name: mean(found, name) for name in found[0].numbers}
        return {f"{self.name}.{key}": value for key, value in keys.items()}


@dataclass(frozen=True)
class Seam:
    """Steps of brightness across the border of completed holes, and color errors along it."""

    name: str = "seam"
    max_faces: int = 300
    on_real_faces: bool = True

    def run(self, trial: Trial) -> list[Case]:
        """Measure the completions."""
        edit, truth, mask = trial.completion, trial.faces.photo, trial.faces.mask
        numbers = {"color_shift": seam_color_shift(edit, truth, mask)}
        for name, picture in (("edit", edit), ("truth", truth)):
            numbers[f"{name}_across"], numbers[f"{name}_inside"] = seam_gradients(picture, mask)
        ratios = (numbers["edit_across"] / numbers["edit_inside"]) / (
            numbers["truth_across"] / numbers["truth_inside"]
        )
        panels = {"photo": trial.unguided.masked_image, "ours": edit, "truth": truth}
        scores = ratios.log().abs().nan_to_num(posinf=9.0)
        return cases(trial, scores, "times off, as a logarithm", panels, numbers)

    def summary(self, found: Sequence[Case]) -> Summary:
        """Mean steps across the border ÷ inside, relative to the photo's; the mean color error."""
        ours, truth = (mean(found, f"{n}_across") / mean(found, f"{n}_inside") for n in ("edit", "truth"))
        return {"seam.gradient_ratio": ours / truth, "seam.color_shift": mean(found, "color_shift")}


def all_guides(trial: Trial) -> Conditions:
    """Photo, mask, and sketch, semantic map and color map of the truth."""
    faces = trial.faces
    return trial.with_guides(sketch=faces.sketch, semantic=faces.semantic, color=faces.color)


def _ratios(found: Sequence[Case]) -> dict[str, float]:
    pasted = [case for case in found if "paste_distance" in case.numbers]
    return {
        "perceptual_ratio": mean(found, "distance") / mean(found, "biharmonic_distance"),
        "paste_ratio": mean(pasted, "distance") / mean(pasted, "paste_distance"),
    }


COMPLETION = Reconstruction("completion", guided=False)
GUIDED = Reconstruction("guided", guided=True, max_faces=180)
