"""Evaluation of attribute directions on bank faces that they were not found on (keys `attributes.NAME.*`)."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from torch import Tensor

from ..checkpoints.building import build_empty
from ..checkpoints.faceres import faceres_heads_state
from ..checkpoints.reading import read_safetensors
from ..checkpoints.weights import SHIPPED, Weights
from ..editing.directions import Linear
from ..editing.measuring import ATTRIBUTES, SOURCES, Measurer, Reading, source_of
from ..faces.comparison import FaceComparer
from ..networks.faceres import FaceResHeads
from .bars import slider_bars

HALFWAY = (-0.5, 0.5)
"""Slider amounts at which the person must stay the same."""

FACERES = "faceres"
"""The source that judges age, gender and identity."""

ALL_SOURCES = (*SOURCES, FACERES)

DEVIATIONS: Mapping[str, float] = MappingProxyType(
    {
        "age.faceres": 11.74,
        "age.network": 14.46,
        "brow_height.mesh": 0.00793,
        "brow_height.parser": 0.01186,
        "brow_thickness.parser": 0.00487,
        "eyes_open.mesh": 0.0346,
        "eyes_open.parser": 0.00173,
        "face_width.mesh": 0.02358,
        "face_width.parser": 0.0355,
        "fringe.parser": 0.1986,
        "glasses.mesh": 0.01411,
        "glasses.parser": 0.01764,
        "hair_below_eyes.parser": 0.0841,
        "hair_darkness.mesh": 0.1831,
        "hair_darkness.parser": 0.1313,
        "hair_length.parser": 0.0691,
        "hair_volume.parser": 0.0709,
        "lighting.mesh": 0.1425,
        "lighting.parser": 0.1022,
        "lip_fullness.mesh": 0.00675,
        "lip_fullness.parser": 0.00811,
        "lipstick.mesh": 0.0618,
        "lipstick.parser": 0.0411,
        "masculine.faceres": 3.421,
        "masculine.network": 2.872,
        "mouth_open.mesh": 0.02181,
        "mouth_open.parser": 0.00349,
        "nose_size.mesh": 0.01505,
        "nose_size.parser": 0.00199,
        "pitch.mesh": 0.0615,
        "pitch.parser": 0.0294,
        "skin_tone.mesh": 0.101,
        "skin_tone.parser": 0.0919,
        "smile.mesh": 0.0544,
        "smile.network": 11.23,
        "warmth.mesh": 0.0898,
        "warmth.parser": 0.082,
        "yaw.mesh": 0.1713,
        "yaw.parser": 0.0498,
    }
)
"""Standard deviations of measurements over 1,550 bank faces at truncations from 0.5 to 1 (`faceres`: 372)."""


@dataclass(frozen=True, eq=False)
class Observation:
    """A picture of a face and its measurements."""

    picture: Tensor
    """`[1, 3, 256, 256]` in [-1, 1]."""
    reading: Reading
    vector: Tensor
    """Identity features `[C]` of unit length."""


@dataclass(frozen=True, eq=False)
class Observer:
    """Measures pictures with all judges of attributes."""

    measurer: Measurer
    comparer: FaceComparer
    heads: Callable[[Tensor], tuple[Tensor, Tensor]]
    """Age and gender from the comparer's features."""

    def observe(self, picture: Tensor, sources: Collection[str] = ALL_SOURCES) -> Observation | None:
        """Measure an aligned face `[1, 3, 256, 256]` in [-1, 1] by these sources; None if none is found."""
        reading = self.measurer.measure(picture.cpu(), sources=sources)
        if reading is None:
            return None
        features = self.comparer.features(picture).cpu()
        if FACERES in sources:
            age, masculine = self.heads(features)
            reading |= {f"age.{FACERES}": float(age), f"masculine.{FACERES}": float(masculine)}
        return Observation(picture, reading, features[0] / features.norm())


def load_heads(weights: Weights = SHIPPED) -> FaceResHeads:
    """The age and gender heads; `fetch compare` downloads their weights.

    Raises:
        WeightsMissingError: the weights are missing.
    """
    heads = build_empty(FaceResHeads)
    heads.load_state_dict(faceres_heads_state(read_safetensors(weights.path("faceres.safetensors"))[0]))
    return heads.eval().requires_grad_(False)


def others_of(name: str) -> dict[str, str]:
    """The measurements of all other attributes, by name."""
    return {other: a.finder for other, a in ATTRIBUTES.items() if other != name}


def observe_along(
    name: str,
    direction: Linear,
    codes: Tensor,
    still: Observation,
    observe: Callable[[Tensor, Collection[str]], Observation | None],
) -> dict[float, Observation] | None:
    """Observe a face at amounts from −1 to 1 of a direction; None if one of the pictures shows no face.

    At halfway amounts only the attribute's own judge measures: the parser is most of the work.

    Args:
        name: the attribute.
        direction: its direction.
        codes: of the face, `[1, 18, 512]`.
        still: the face at amount 0.
        observe: draws codes and measures the picture by some sources.
    """
    alone = (source_of(ATTRIBUTES[name].judge),)
    observations = {0.0: still}
    for sources, amounts in ((ALL_SOURCES, (-1.0, 1.0)), (alone, HALFWAY)):
        for amount in amounts:
            seen = observe(direction.apply(codes, amount), sources)
            if seen is None:
                return None
            observations[amount] = seen
    return dict(sorted(observations.items()))


def judge_face(name: str, observations: Mapping[float, Observation]) -> dict[str, float]:
    """Numbers of one face from `observe_along`; NaN values are left out.

    - change: change of the judge's measurement from −1 to +1, in population standard deviations.
    - order: Spearman's correlation of amount and measurement.
    - cosine: mean cosine between the identity features at 0 and at ±0.5.
    - side.OTHER: change of another attribute from −1 to +1, in its own standard deviations.
    """
    from scipy.stats import spearmanr

    judge, low, high = ATTRIBUTES[name].judge, observations[-1.0].reading, observations[1.0].reading
    values = [seen.reading[judge] for seen in observations.values()]
    sources = {"change": judge} | {f"side.{other}": key for other, key in others_of(name).items()}
    numbers = {key: (high[source] - low[source]) / DEVIATIONS[source] for key, source in sources.items()}
    # The correlation of five amounts is a multiple of 0.1, which floats miss slightly.
    order = round(float(spearmanr(list(observations), values)[0]), 6) if np.ptp(values) > 0 else math.nan
    numbers["order"] = order
    numbers["cosine"] = float(
        np.mean([observations[amount].vector @ observations[0.0].vector for amount in HALFWAY])
    )
    return {key: value for key, value in numbers.items() if not math.isnan(value)}


def meets_bars(name: str, keys: Mapping[str, float]) -> bool:
    """Whether an attribute reaches all bars; `keys` are without "attributes.NAME."."""
    values = {f"attributes.{name}.{key}": float(value) for key, value in keys.items() if key in KEYS}
    return all(bar.verdict(values) for bar in slider_bars(name, ATTRIBUTES[name].same_person))


KEYS = ("effect", "monotone", "leak", "identity", "independent")
"""Keys of each attribute.

- effect: mean change from −1 to +1, in population standard deviations.
- monotone: mean of Spearman's correlations.
- leak: mean absolute change of all other attributes ÷ effect.
- identity: s (see `metrics.IdentityScale`) between amount 0 and ±0.5.
- independent: 1 if the judge is another source than the one that found the direction, else 0.
"""
