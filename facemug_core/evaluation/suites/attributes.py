"""Attribute sliders on bank faces: effects and side effects."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ...editing.directions import shipped_directions
from ...editing.measuring import ATTRIBUTES
from ...model import FaceMug
from ..attributes import ALL_SOURCES, KEYS, Observation, judge_face, observe_along, others_of
from ..trials import Case, Summary, Trial, mean, slow_faces
from .identity import identity


@dataclass(frozen=True)
class Attributes:
    """All shipped sliders from −1 to +1 on random faces of the evaluation's seeds.

    The pictures are the picture head's. Over thirty faces, measurements on them and on the bank's pictures
    correlate by 0.91 to 1.
    """

    name: str = "attributes"
    max_faces: int = 72
    on_real_faces: bool = False

    def run(self, trial: Trial) -> list[Case]:
        """Move every slider on each sixth face."""
        return [_case(trial, i) for i in slow_faces(trial.faces)]

    def summary(self, found: Sequence[Case]) -> Summary:
        """Means over faces; keys are described at `attributes.KEYS`."""
        keys: Summary = {}
        for name in ATTRIBUTES:
            values: Summary = dict.fromkeys(KEYS, "no slider of this name ships")
            if any(f"{name}.change" in case.numbers for case in found):
                values = dict(_keys(found, name))
            keys |= {f"attributes.{name}.{key}": value for key, value in values.items()}
        return keys


def _case(trial: Trial, i: int) -> Case:
    """One face with all sliders; its panels show −1 above +1."""
    observer, seed = trial.judges.observer, trial.faces.seeds[i]
    codes = trial.model.random_codes([seed])

    def observe(codes: Tensor, sources: Collection[str] = ALL_SOURCES) -> Observation | None:
        return observer.observe(_draw(trial.model, codes), sources)

    still, drawn = observe(codes), _draw(trial.model, codes)
    numbers = {name: float(values[i]) for name, values in trial.identity_ends.items()}
    panels = {"as it is": _small(drawn, drawn)}
    for name, direction in shipped_directions(trial.judges.weights).items():
        observations = still and observe_along(name, direction, codes, still, observe)
        if observations:
            numbers |= {f"{name}.{key}": value for key, value in judge_face(name, observations).items()}
            panels[name] = _small(observations[-1.0].picture, observations[1.0].picture)
    least = min((value for key, value in numbers.items() if key.endswith(".change")), default=0.0)
    return Case(f"face {seed}: {least:.2f} deviations is the least effect", "bank", -least, numbers, panels)


def _draw(model: FaceMug, codes: Tensor) -> Tensor:
    """The bank's picture `[1, 3, 256, 256]` of codes, by the picture head if there is one."""
    if model.heads is None:
        return model.render(codes).clamp(-1, 1)
    picture = model.heads.picture.picture(model.bank, codes)
    assert picture is not None
    return picture.clamp(-1, 1)


def _small(*pictures: Tensor) -> Tensor:
    """Pictures one above the other, `[3, H, W]`."""
    return torch.cat([F.avg_pool2d(picture[0], 2) for picture in pictures], 1)


def _keys(found: Sequence[Case], name: str) -> dict[str, float]:
    effect = mean(found, f"{name}.change")
    leaks = [abs(mean(found, f"{name}.side.{other}")) for other in others_of(name)]
    return {
        "effect": effect,
        "monotone": mean(found, f"{name}.order"),
        "leak": float(np.nanmean(leaks)) / abs(effect),
        "identity": identity(found, f"{name}.cosine"),
        "independent": float(ATTRIBUTES[name].independent),
    }
