"""Fréchet distance between sets of pictures, on principal components of a network's features.

Computed like FID (Heusel et al. 2017), but on another network and on fewer dimensions, so that hundreds of
pictures are enough. Its values cannot be compared with FID.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

COMPONENTS = 64
FEWEST_FACES = 100
"""Fewest faces for meaningful covariances."""

Array = NDArray[np.floating]


def principal_components(features: Array, count: int = COMPONENTS) -> Array:
    """Directions of greatest variance, `[C, count]`, of features `[N, C]`."""
    centered = features - features.mean(0)
    _, _, directions = np.linalg.svd(centered, full_matrices=False)
    return directions[:count].T


def frechet_distance(first: Array, second: Array, *, unbiased: bool = False) -> float:
    """Squared Fréchet distance of normal distributions fitted to features `[N, K]` and `[M, K]`.

    `unbiased`: sample covariances divide by N − 1, as published values of FID do.
    """
    apart = first.mean(0) - second.mean(0)
    a, b = (np.cov(features, rowvar=False, bias=not unbiased) for features in (first, second))
    values, vectors = np.linalg.eigh(a)
    root = (vectors * values.clip(0) ** 0.5) @ vectors.T
    # The trace of (ab)^½ through a symmetric matrix with the same eigenvalues.
    crossed = np.linalg.eigvalsh(root @ b @ root).clip(0) ** 0.5
    return float(apart @ apart + np.trace(a) + np.trace(b) - 2 * crossed.sum())


def above_floor(edits: Array, truth: Array) -> float:
    """How much farther edits are from other people's photos than photos are from each other; ideally 0.

    People are split into two halves. The result is the distance of one half's edits to the other half's
    photos, minus the distance between the two halves' photos, averaged over both ways.

    Args:
        edits: features `[N, E, C]` of E edits of each of N photos.
        truth: features `[N, C]` of the photos.
    """
    basis = principal_components(truth)
    edits, truth = edits @ basis, truth @ basis
    gaps = []
    for one, other in ((0, 1), (1, 0)):
        mine = edits[one::2].reshape(-1, edits.shape[-1])
        gaps.append(
            frechet_distance(mine, truth[other::2]) - frechet_distance(truth[one::2], truth[other::2])
        )
    return float(np.mean(gaps))
