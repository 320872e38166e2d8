"""How well an edit matches the photo around it: contrast, tone, border, leaks, and a classifier.

Pictures are `[B, 3, H, W]` in [-1, 1], masks `[B, 1, H, W]` in {0, 1} with 1 = edited, labels `[B, H, W]` the
parser's class ids. Values are `[B]`; NaN if too few pixels can be measured. No value compares the edit with
the truth pixel by pixel, because many edits of a hidden part are right.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from ..compositing.seams import boundary
from ..conditions.sketches import LUMA, gaussian_blur
from ..conventions import REGIONS
from ..faces.regions import distance_to, grow_mask
from .adherence import FEWEST_PIXELS, lab
from .metrics import masked_mean

EDITS = ("completion", "guided", "random")
"""Kinds of edits: by the photo alone, by all guides of the truth, in a random style."""
GUIDED_OTHER = "guided_other"
"""Kind of edit: hair and face by guides of another person."""

CONTRAST_INSET = 4
"""Pixels along the mask's border that contrast leaves out, because bands mix both sides there."""
MID_SIGMA = 8.0
"""Standard deviation of a Gaussian. The mid band is a 3 px box mean minus this Gaussian's blur."""

SKIN = (*REGIONS["skin"], *REGIONS["nose"], *REGIONS["ears"], *REGIONS["neck"])
"""Classes whose mean color is the tone of the skin, without brows, eyes and lips."""
FACE_SKIN = (*REGIONS["skin"], *REGIONS["nose"])
HAIR = REGIONS["hair"]

BOUNDARY_WIDTH = 2
"""Width in pixels of the bands that are compared on either side of the mask's border."""
RIM_WINDOW = 7
"""Side of the window in which the colors of a band are averaged."""
RIM_EDGE = 4.0
"""CIEDE2000 across the border above which the truth has an edge there."""

VIOLET = (60.0, -50.0)
"""a* and b* of the background in the leak test: far from skin, hair and most rooms."""

RIM_BESIDE = 6
"""Distance in pixels from the mask at which the photo's own color steps are measured if there is no truth."""

BESIDE = 24
"""Width in pixels of the band beside the mask that is compared with the same material inside."""
FEWEST_BESIDE = 200
"""Fewest pixels of a material inside and beside the mask, and fewest pixels of hair or hat that became
background, for a comparison."""
QUANTUM = 0.004
"""Half a step of 8 bits: files cannot hold weaker contrast."""

COMPONENTS = 60
PENALTY = 0.01
"""C of the logistic regression."""
FOLDS = 10
"""Folds of the cross-validation, and the fewest people for it."""

Array = NDArray[np.floating]


def contrast_ratios(edit: Tensor, truth: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Strength of the mid and the fine band of luminance, edit ÷ truth, `[B]` each.

    Root mean squares over the mask without `CONTRAST_INSET` pixels along its border.
    """
    inside = grow_mask(mask, -CONTRAST_INSET)
    mid, fine = (
        _strength(of_edit, inside) / _strength(of_truth, inside)
        for of_edit, of_truth in zip(_bands(edit), _bands(truth), strict=True)
    )
    return mid, fine


def mean_delta_e(first: Tensor, second: Tensor, region: Tensor, other: Tensor | None = None) -> Tensor:
    """CIEDE2000 `[B]` of the mean colors of two pictures in a region, bool `[B, H, W]`.

    `other` is the second picture's region, if it differs. NaN if a region is below `FEWEST_PIXELS`.
    """
    others = region if other is None else other
    return torch.tensor(
        [
            float(_ciede2000(_mean_lab(a, here), _mean_lab(b, there)))
            for a, b, here, there in zip(first, second, region, others, strict=True)
        ]
    )


def skin_delta_e(edit: Tensor, truth: Tensor, labels: Tensor, mask: Tensor) -> Tensor:
    """CIEDE2000 `[B]` between edit and truth, of mean colors over the truth's skin under the mask."""
    return mean_delta_e(edit, truth, of_classes(labels, SKIN) & (mask[:, 0] > 0))


def style_delta_e(edit: Tensor, edit_labels: Tensor, photo: Tensor, labels: Tensor, mask: Tensor) -> Tensor:
    """CIEDE2000 `[B]` between the mean colors of the edit's facial skin and the photo's.

    The visible skin is no reference: necks are in shadow, so photos themselves have a large step from it to
        the
    face. NaN if the photo shows no skin outside the mask.
    """
    hidden = mask[:, 0] > 0
    new, old = (of_classes(seen, FACE_SKIN) & hidden for seen in (edit_labels, labels))
    visible = (of_classes(labels, SKIN) & ~hidden).sum((1, 2))
    return mean_delta_e(edit, photo, new, old).where(visible.cpu() >= FEWEST_PIXELS, torch.nan)


def rim_delta_e(edit: Tensor, truth: Tensor, mask: Tensor) -> Tensor:
    """Color step across the mask's border minus the truth's, CIEDE2000 `[B]`.

    Compares, at each pixel of the border, the mean colors of `BOUNDARY_WIDTH` pixels inside and outside.
    Pixels where the truth has an edge are left out.
    """
    values = []
    for own, true, hole in zip(edit, truth, mask, strict=True):
        steps, true_steps = (_boundary_steps(picture, hole) for picture in (own, true))
        smooth = true_steps <= RIM_EDGE
        enough = smooth.sum() >= FEWEST_PIXELS
        values.append(float((steps - true_steps)[smooth].mean()) if enough else float("nan"))
    return torch.tensor(values)


def rim_delta_e_beside(edit: Tensor, mask: Tensor) -> Tensor:
    """Color step across the mask's border minus that of the photo nearby, CIEDE2000 `[B]`, without a truth.

    The photo's step is measured across the border of the mask grown by `RIM_BESIDE`. About 0 or less for a
    photo.
    """
    wider = grow_mask(mask, RIM_BESIDE)
    values = [
        float(_boundary_steps(picture, hole).mean() - _boundary_steps(picture, outside).mean())
        for picture, hole, outside in zip(edit, mask, wider, strict=True)
    ]
    return torch.tensor(values)


def with_violet_background(photo: Tensor, labels: Tensor, mask: Tensor) -> Tensor:
    """The photo with its background outside the mask turned violet, at the same lightness.

    Its edit and the photo's edit should differ in the background alone; other differences are leaks.
    """
    from skimage.color import lab2rgb

    visible = of_classes(labels, REGIONS["background"])[:, None] & (mask == 0)
    colors = lab(photo.permute(0, 2, 3, 1))
    colors[..., 1:] = VIOLET
    violet = torch.from_numpy(lab2rgb(colors)).to(photo).permute(0, 3, 1, 2) * 2 - 1
    return torch.where(visible, violet.clamp(-1, 1), photo)


def background_contrast(edit: Tensor, edit_labels: Tensor, labels: Tensor, mask: Tensor) -> Tensor:
    """Contrast of the edit's background inside the mask ÷ beside it, `[B]`.

    The geometric mean of the ratios of `contrasts_beside`. Also NaN if hardly any of the truth's hair or hat
    became background.
    """
    background = of_classes(edit_labels, REGIONS["background"])
    freed = of_classes(labels, (*REGIONS["hair"], *REGIONS["hat"])) & background & (mask[:, 0] > 0)
    mid, fine = contrasts_beside(edit, background, mask)
    return (mid * fine).sqrt().where(freed.sum((1, 2)) >= FEWEST_BESIDE, torch.nan)


def contrasts_beside(picture: Tensor, region: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Strength of the mid and of the fine band of a region, inside the mask ÷ beside it, `[B]` each.

    Each band is computed from pixels of the region alone, a bool `[B, H, W]`. NaN if the region is too small
    on either side.
    """
    clear = grow_mask(region[:, None].float(), -BOUNDARY_WIDTH) > 0
    inside, beside = (clear & side for side in _sides(mask))
    enough = torch.minimum(inside.sum((1, 2, 3)), beside.sum((1, 2, 3))) >= FEWEST_BESIDE
    mid, fine = (
        _strength(band, inside.float(), QUANTUM) / _strength(band, beside.float(), QUANTUM)
        for band in _bands(picture, region[:, None].float())
    )
    return mid.where(enough, torch.nan), fine.where(enough, torch.nan)


def skin_delta_e_beside(edit: Tensor, edit_labels: Tensor, mask: Tensor) -> Tensor:
    """CIEDE2000 `[B]` between the edit's facial skin inside the mask and beside it, without a truth.

    Photos are some units above 0, because the light on a face varies.
    """
    inside, beside = (of_classes(edit_labels, FACE_SKIN) & side[:, 0] for side in _sides(mask))
    return mean_delta_e(edit, edit, inside, beside)


def doubled(face: Tensor, right: bool) -> Tensor:
    """The left half of aligned faces `[B, 3, H, W]`, or the `right` one, joined with its mirror image.

    A completed half can so be identified by itself: next to the true half, any completion would look like the
    same person.
    """
    half = (face.flip(-1) if right else face)[..., : face.shape[-1] // 2]
    return torch.cat([half, half.flip(-1)], -1)


def appearance(features: Sequence[Tensor], mask: Tensor) -> Tensor:
    """Features `[B, 2·ΣC]` of the masked part for a classifier, from feature levels `[B, C, h, w]`.

    Means and standard deviations of every channel, cells weighted by the mask's share of them.
    """
    parts = []
    for level in features:
        height, width = level.shape[-2:]
        weight = F.adaptive_avg_pool2d(mask, (height, width))
        weight = weight / weight.sum((2, 3), keepdim=True)
        mean = (level * weight).sum((2, 3), keepdim=True)
        deviation = ((level - mean).square() * weight).sum((2, 3)).sqrt()
        parts += [mean[..., 0, 0], deviation]
    return torch.cat(parts, 1)


def classified(edits: Array, photos: Array, people: Array) -> tuple[Array, Array]:
    """Scores `[N]` of edits and `[N]` of photos by a classifier; higher = more like an edit.

    A logistic regression on principal components of `appearance`, cross-validated over people: none is in
    both training and test set. `people` are their numbers `[N]`, at least `FOLDS` different ones.
    """
    from sklearn.decomposition import PCA
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GroupKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    features = np.concatenate([edits, photos])
    fewest = len(features) * (FOLDS - 2) // FOLDS
    classifier = make_pipeline(
        StandardScaler(),
        PCA(min(COMPONENTS, fewest), svd_solver="full"),
        LogisticRegression(C=PENALTY, max_iter=1000),
    )
    scores = cross_val_predict(
        classifier,
        features,
        np.repeat([1, 0], len(edits)),
        groups=np.tile(people, 2),
        cv=GroupKFold(FOLDS),
        method="decision_function",
    )
    return scores[: len(edits)], scores[len(edits) :]


def told_apart(edit_scores: Array, photo_scores: Array) -> float:
    """Area under the ROC curve of `classified` scores: 0.5 if edits look like photos, 1 if none does."""
    from sklearn.metrics import roc_auc_score

    truth = np.repeat([1, 0], [len(edit_scores), len(photo_scores)])
    return float(roc_auc_score(truth, np.concatenate([edit_scores, photo_scores])))


def of_classes(labels: Tensor, classes: Sequence[int]) -> Tensor:
    """Bool `[B, H, W]`: labels `[B, H, W]` that are one of these classes."""
    return torch.isin(labels, torch.tensor(classes, device=labels.device))


def _bands(picture: Tensor, region: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Mid and fine band of luminance `[B, 1, H, W]`, computed inside a region `[B, 1, H, W]`."""
    luma = torch.einsum("bchw,c->bhw", picture, picture.new_tensor(LUMA))[:, None]
    counts = torch.ones_like(luma) if region is None else region
    box, low = (smooth(luma * counts) / smooth(counts).clamp(min=1e-6) for smooth in (_box_mean, _mid_blur))
    return box - low, luma - box


def _box_mean(x: Tensor) -> Tensor:
    return F.avg_pool2d(F.pad(x, (1,) * 4, mode="replicate"), 3, 1)


def _mid_blur(x: Tensor) -> Tensor:
    return gaussian_blur(x, MID_SIGMA)


def _strength(band: Tensor, region: Tensor, least: float = 1e-6) -> Tensor:
    """Root mean square `[B]` in a region `[B, 1, H, W]`; NaN if it is empty."""
    return (masked_mean(band.square(), region) + least**2).sqrt()


def _sides(mask: Tensor) -> tuple[Tensor, Tensor]:
    """The inside of a mask `[B, 1, H, W]`, and the band beside it; bool."""
    hidden = mask > 0
    return hidden, ~hidden & (distance_to(hidden, BESIDE) <= BESIDE)


def _boundary_steps(picture: Tensor, hole: Tensor) -> Array:
    """CIEDE2000 `[N]` across the border of a hole `[1, H, W]`, at its N pixels."""
    border = boundary(hole[None])[0, 0] > 0
    colors = []
    for side in (hole, 1 - hole):
        band = boundary(side[None], BOUNDARY_WIDTH)
        sums = F.avg_pool2d(torch.cat([picture[None] * band, band], 1), RIM_WINDOW, 1, RIM_WINDOW // 2)
        colors.append(lab((sums[:, :3] / sums[:, 3:].clamp(min=1e-6))[0, :, border].T))
    return _ciede2000(*colors)


def _mean_lab(picture: Tensor, region: Tensor) -> Array:
    """L*a*b* `[3]` of the mean color of a region, bool `[H, W]`; NaN if it is too small."""
    if int(region.sum()) < FEWEST_PIXELS:
        return np.full(3, np.nan)
    return lab(picture[:, region].mean(1))


def _ciede2000(first: Array, second: Array) -> Array:
    from skimage.color import deltaE_ciede2000

    return deltaE_ciede2000(first, second)
