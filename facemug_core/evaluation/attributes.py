"""Judging attribute directions on bank faces they were not found on (report keys `attributes.NAME.*`)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ..editing.directions import Linear
from ..editing.measuring import ATTRIBUTES, Reading
from .metrics import IdentityScale

AMOUNTS = (-1.0, -0.5, 0.0, 0.5, 1.0)
"""Slider positions that are looked at."""

FIRST_SEED = 100_000
"""Directions are found on bank faces of seeds below this, and judged from here up."""


@dataclass(frozen=True)
class Look:
    """One face as its judges see it."""

    reading: Reading
    identity: NDArray[np.float32]
    """Features of an identity network."""


def judge_direction(
    name: str,
    direction: Linear,
    faces: Sequence[Tensor],
    look: Callable[[Tensor], Look | None],
    deviations: Mapping[str, float],
    scale: IdentityScale,
) -> dict[str, float]:
    """Keys of one attribute, without "attributes.NAME.".

    - effect: change of the judge's measurement from −1 to +1, in population standard deviations.
    - monotone: Spearman's correlation of amount and measurement.
    - leak: mean size of the mean changes of all other attributes, from −1 to +1, divided by the effect.
    - identity: s between amount 0 and ±0.5.
    - independent: 1 where another source judges than the one that found the direction, else 0.

    Values that are means over faces leave out faces that show no value.

    Args:
        name: of the attribute.
        direction: is judged.
        faces: codes [1, 18, 512] each.
        look: draws codes and measures the picture; None where no face is seen in it.
        deviations: standard deviations in the population, by measurement.
        scale: of the identity network.
    """
    from scipy.stats import spearmanr

    attribute = ATTRIBUTES[name]
    source = f"{name}.{attribute.judge or attribute.finder}"
    others = [f"{other}.{a.finder}" for other, a in ATTRIBUTES.items() if other != name]
    orders, kept = [], []
    changes: dict[str, list[float]] = {key: [] for key in (source, *others)}
    for codes in faces:
        looks = {amount: look(direction.apply(codes, amount)) for amount in AMOUNTS}
        seen = {amount: found for amount, found in looks.items() if found is not None}
        if len(seen) < len(AMOUNTS):
            continue
        values = [seen[amount].reading[source] for amount in AMOUNTS]
        if np.ptp(values) > 0:
            orders.append(float(spearmanr(AMOUNTS, values)[0]))
        kept += [scale.score(seen[0.0].identity, seen[amount].identity) for amount in (-0.5, 0.5)]
        for key, column in changes.items():
            column.append((seen[1.0].reading[key] - seen[-1.0].reading[key]) / deviations[key])
    effect = _mean(changes[source])
    return {
        "effect": effect,
        "monotone": _mean(orders),
        "leak": _mean([abs(_mean(changes[key])) for key in others]) / abs(effect),
        "identity": _mean(kept),
        "independent": float(attribute.judge is not None),
    } | {f"side.{key.partition('.')[0]}": _mean(changes[key]) for key in others}


def meets_bars(name: str, keys: Mapping[str, float]) -> bool:
    """Whether an attribute's keys are good enough to ship it."""
    return (
        keys["effect"] >= 1.5
        and keys["monotone"] >= 0.9
        and keys["leak"] <= 0.35
        and (keys["identity"] >= 0.6 or not ATTRIBUTES[name].same_person)
    )


def _mean(values: Sequence[float]) -> float:
    seen = [value for value in values if not math.isnan(value)]
    return float(np.mean(seen)) if seen else math.nan
