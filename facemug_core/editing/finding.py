"""Finds directions from measured faces, from two sets of codes, from codes alone, and from weights alone.

Fits with scikit-learn, a training dependency, which is imported late.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..conventions import CODE_DIM
from ..errors import InputError
from .directions import ALL_LAYERS, Layers, Linear
from .measuring import ATTRIBUTES

Array = NDArray[np.float64]

LEAST_EXAMPLES = 4
"""Fewest codes on each side."""

WHITENED = 200
"""Principal components of the codes that are used for fits; the rest of the space is almost empty."""


def standardized(values: Array) -> Array:
    """Columns `[N, K]` as normal scores by rank, so that outliers lose weight; missing values become 0."""
    from scipy.stats import norm, rankdata

    result = np.zeros_like(values)
    for column, out in zip(values.T, result.T, strict=True):
        seen = np.isfinite(column)
        if seen.any():
            out[seen] = norm.ppf((rankdata(column[seen]) - 0.5) / seen.sum())
    return result


def find_from_values(codes: Array, values: Array, ridge: float = 300.0, loose: float = 0.3) -> Array:
    """Directions `[K, 512]` along which each of K measurements grows and the others stay.

    Ridge regression in whitened codes predicts the measurements. A direction is the step with a predicted
    change of its measurement by one standard deviation, and the least sum of the others' squared changes and
    its squared length. A short step stays among likely faces.

    Args:
        codes: `[N, 512]`.
        values: `[N, K]`, standardized.
        ridge: penalty on the slopes.
        loose: weight of the length; larger values allow more change of the other measurements.
    """
    from sklearn.decomposition import PCA
    from sklearn.linear_model import Ridge

    pca = PCA(min(WHITENED, *codes.shape), whiten=True, random_state=0).fit(codes)
    slopes = Ridge(alpha=ridge).fit(pca.transform(codes), values).coef_.reshape(values.shape[1], -1)
    steps = np.linalg.solve(loose * np.eye(slopes.shape[1]) + slopes.T @ slopes, slopes.T).T
    steps /= (slopes * steps).sum(1, keepdims=True)
    return (steps * np.sqrt(pca.explained_variance_)) @ pca.components_


def find_attribute(
    name: str, codes: Array, observed: Mapping[str, Array], layers: Layers = ALL_LAYERS
) -> Linear:
    """A direction along which one of `ATTRIBUTES` grows and the others stay, from measured faces.

    An amount of 1 is a predicted change by one standard deviation.

    Args:
        name: of the attribute.
        codes: of the faces, `[N, 512]`.
        observed: their measurements `[N]` by name, NaN = not measurable.
        layers: codes that the direction may change.

    Raises:
        InputError: there is no such attribute.
    """
    if name not in ATTRIBUTES:
        raise InputError(f"{name!r} is not measured. Choose among: {', '.join(ATTRIBUTES)}.")
    values = [observed[attribute.finder] for attribute in ATTRIBUTES.values()]
    found = find_from_values(codes, standardized(np.stack(values, 1)))[list(ATTRIBUTES).index(name)]
    about = {"what": ATTRIBUTES[name].what, "found": f"measurements of {len(codes)} faces"}
    return Linear(torch.from_numpy(found).float(), layers, (-2.0, 2.0), about)


def find_from_examples(with_it: Tensor, without_it: Tensor, layers: Layers = ALL_LAYERS) -> Linear:
    """A direction from codes `[N, 18, 512]` of faces with and without something, by logistic regression.

    An amount of 1 is half the distance between the means of both sets along the boundary's normal.

    Raises:
        InputError: fewer than four faces on a side.
    """
    from sklearn.linear_model import LogisticRegression

    if min(len(with_it), len(without_it)) < LEAST_EXAMPLES:
        raise InputError(
            f"Expected at least {LEAST_EXAMPLES} faces with it and as many without, but got {len(with_it)} "
            f"and {len(without_it)}."
        )
    w = torch.cat([with_it, without_it])[:, layers[0] : layers[1]].mean(1).double().numpy()
    labels = np.repeat([1, 0], [len(with_it), len(without_it)])
    scale = w.std(0) + 1e-6
    # Strongly penalized, for few examples: the boundary's normal is then near the difference of means.
    fit = LogisticRegression(C=1e-2, class_weight="balanced", max_iter=1000).fit(
        (w - w.mean(0)) / scale, labels
    )
    normal = fit.coef_[0] * scale
    normal /= np.linalg.norm(normal)
    half = (w[labels == 1].mean(0) - w[labels == 0].mean(0)) @ normal / 2
    vector = torch.from_numpy(normal * half).float()
    about = {"found": f"two sets of faces, {len(with_it)} with it and {len(without_it)} without"}
    return Linear(vector, layers, (-2.0, 2.0), about)


def find_components(codes: Tensor, count: int, layers: Layers = ALL_LAYERS) -> list[Linear]:
    """Principal components of codes w `[N, 512]`, largest first; an amount of 1 is two standard deviations.

    Raises:
        InputError: more components than codes or dimensions.
    """
    from sklearn.decomposition import PCA

    if count > min(codes.shape):
        raise InputError(f"{count} components need as many codes, but there are {len(codes)} of {CODE_DIM}.")
    pca = PCA(count, random_state=0).fit(codes.double().numpy())
    steps = 2 * np.sqrt(pca.explained_variance_)[:, None] * pca.components_
    return [
        Linear(torch.from_numpy(step).float(), layers, about={"found": f"principal component {i} of codes"})
        for i, step in enumerate(steps)
    ]


def find_factors(modulations: Sequence[Tensor], count: int, layers: Layers = ALL_LAYERS) -> list[Linear]:
    """Closed-form factorization (Shen and Zhou 2021): unit directions that change the modulation most.

    Args:
        modulations: weights `[C, 512]` of the bank's modulation layers in `layers`.
        count: number of directions, strongest first.
        layers: layers of the directions.
    """
    weights = torch.cat([weight / weight.norm(dim=1, keepdim=True) for weight in modulations])
    _, vectors = torch.linalg.eigh(weights.T @ weights)
    return [
        Linear(vector, layers, about={"found": f"factor {i} of the bank's modulation"})
        for i, vector in enumerate(vectors.T.flip(0)[:count])
    ]
