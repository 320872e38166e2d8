"""Metrics between a set of photos and a set of edits, on features `[N, C]` of one network."""

from __future__ import annotations

import numpy as np

from ..frechet import Array, frechet_distance


def fid(photos: Array, edits: Array) -> float:
    """Fréchet distance (Heusel et al. 2017) on all components; with Inception features it is FID."""
    return frechet_distance(photos, edits, unbiased=True)


def discriminability(photos: Array, edits: Array) -> tuple[float, float]:
    """U-IDS and P-IDS (Zhao et al. 2021), from 0 to 1: how often a linear classifier is wrong.

    A linear support vector machine is trained to tell photos from edits. U-IDS is its error on both sets,
    P-IDS the share of edits that it finds more like a photo than the photo they were made from: row i of
    `edits` is an edit of row i of `photos`. Edits that cannot be told apart give 0.5. Sets with fewer
    pictures than features can nearly always be told apart.
    """
    from sklearn.svm import LinearSVC

    features = np.concatenate([photos, edits])
    are_photos = np.arange(len(features)) < len(photos)
    classifier = LinearSVC(dual=False).fit(features, are_photos)
    as_photo = classifier.decision_function(edits) > classifier.decision_function(photos)
    return 1 - float(classifier.score(features, are_photos)), float(np.mean(as_photo))
