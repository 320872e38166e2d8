"""Paint: a patch of one color is meant for the part of the face that fills most of it."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, label, maximum_filter, minimum_filter
from torch import Tensor

from ..conventions import LABELS
from ..ops.filters import enlarged
from .classes import grouped

PAINTED_TOGETHER = (
    ("skin", "nose", "l_ear", "r_ear", "neck"),
    ("l_brow", "r_brow"),
    ("l_eye", "r_eye"),
    ("mouth",),
    ("u_lip", "l_lip"),
    ("hair",),
    ("background",),
    ("cloth",),
)
"""Classes that are painted as one part."""

PAINTED_PARTS = (
    *PAINTED_TOGETHER,
    *((name,) for name in LABELS if all(name not in names for names in PAINTED_TOGETHER)),
)
"""All parts: every other class is one of its own."""

FACE = 5
"""The first of them are parts of one face."""

LEVELS = 6
"""Distinct shades of a channel."""

BLEND_WINDOW = 9
"""Side of the window in which blended colors have the patches beside them."""

OVERSHOOT = 0.25
"""How far resampling goes beyond the colors of two patches, relative to their difference."""

LEAST_SHARE, MOST_SHARE = 0.7, 0.95
"""A part's area in a patch, relative to the main part's. Below the first share the part keeps its colors;
from the second on it takes the patch's."""

PLAIN = 0.003
"""Variance of the paint in a part at which half of its shading is the paint's, for colors in [-1, 1]."""

SLIVER = 0.15
"""The same share, below which a part of the face is in a patch for another one by chance: maps are seldom
exact."""


def patches(color: Tensor, weight: Tensor) -> Tensor:
    """Labels of the connected patches of one color, `[B, 1, H, W]`. Outside patches, and where the colors of
    two patches are blended: the nearest patch's label, negative. All 0 in pictures without patches.

    Args:
        color: color map `[B, 3, H, W]` in [-1, 1].
        weight: `[B, 1, H, W]`; 0 where the map is empty.
    """
    shades = ((color + 1) / 2 * (LEVELS - 1)).round().long()
    shade = (shades * shades.new_tensor([LEVELS**2, LEVELS, 1])[:, None, None]).sum(1) + 1
    shade = shade.where(weight[:, 0] > 0, 0).cpu()
    colors = color.detach().cpu().numpy()
    numbers = [
        _with_surroundings(_unblended(_connected(one.numpy()), picture))
        for one, picture in zip(shade, colors, strict=True)
    ]
    return torch.stack(numbers)[:, None].to(weight)


def _connected(shade: NDArray[np.integer]) -> NDArray[np.integer]:
    """Labels of the connected patches of one shade `[H, W]`, from 1 on; shade 0 is no patch."""
    numbers, count = np.zeros_like(shade), 0
    for one in np.unique(shade[shade > 0]):
        found, more = label(shade == one, np.ones((3, 3)))
        numbers[found > 0] = count + found[found > 0]
        count += more
    return numbers


def _unblended(numbers: NDArray[np.integer], color: NDArray[np.floating]) -> NDArray[np.integer]:
    """Labels of patches `[H, W]`, 0 in thin patches whose colors `[3, H, W]` are between those of patches
    beside them: resampled borders, which nobody painted."""
    inner = (minimum_filter(numbers, 3) == maximum_filter(numbers, 3)) & (numbers > 0)
    thin = (numbers > 0) & ~np.isin(numbers, numbers[inner])
    window = (1, BLEND_WINDOW, BLEND_WINDOW)
    least = minimum_filter(np.where(inner, color, np.inf), size=window)
    most = maximum_filter(np.where(inner, color, -np.inf), size=window)
    margin = OVERSHOOT * (most - least)
    between = ((least - margin <= color) & (color <= most + margin)).all(0)
    return np.where(thin & between, 0, numbers)


def _with_surroundings(numbers: NDArray[np.integer]) -> Tensor:
    """Labels of patches `[H, W]`; outside them the nearest patch's label, negative."""
    if not numbers.any():
        return torch.from_numpy(numbers)
    y, x = distance_transform_edt(numbers == 0, return_distances=False, return_indices=True)
    return torch.from_numpy(np.where(numbers > 0, numbers, -numbers[y, x]))


def meant(patch: Tensor, painted: Tensor) -> Tensor:
    """How far each pixel belongs to the part that its patch, or the nearest one, is meant for: `[B, 1, H, W]`
    in [0, 1]; 1 in pictures without patches.

    Args:
        patch: labels of patches, `[B, 1, H, W]` (`patches`).
        painted: shares of the parts in the painted picture, `[B, K, H, W]` (`painted_parts`).
    """
    shares = painted.flatten(2)  # [B, K, H·W]
    numbers = patch.flatten(2).long()
    index = numbers.abs().expand_as(shares)
    areas = shares.new_zeros(*shares.shape[:2], int(index.max()) + 1)
    areas = areas.scatter_add(2, index, shares * (numbers > 0))
    ratio = areas / areas.amax(1, keepdim=True).clamp(min=1e-6)
    kept = ((ratio - LEAST_SHARE) / (MOST_SHARE - LEAST_SHARE)).clamp(0, 1)
    of_face = ratio[:, :FACE].amax(1, keepdim=True) == 1
    kept[:, :FACE] = torch.where(of_face & (ratio[:, :FACE] < SLIVER), 1.0, kept[:, :FACE])
    return torch.where(patch != 0, (shares * kept.gather(2, index)).sum(1).view_as(patch), 1.0)


def painted_parts(parts: Tensor, like: Tensor) -> Tensor:
    """Shares of the parts that are painted as one, `[B, K, H, W]` at the size of a picture, from shares of
    the classes `[B, 19, h, w]`."""
    return enlarged(grouped(parts, PAINTED_PARTS), like)


def unshaded(picture: Tensor, color: Tensor, weight: Tensor, painted: Tensor) -> Tensor:
    """A picture `[B, 3, H, W]` in which each part has its mean color, if its paint is of one color.

    Paint of one color is meant for the part as a whole: what is lighter or darker within it stays so.

    Args:
        picture: the edit and the photo around it, about [-1, 1].
        color: color map `[B, 3, H, W]` in [-1, 1].
        weight: strength of the color map, `[B, 1, H, W]`; 0 where it is empty.
        painted: shares of the parts in the picture, `[B, K, H, W]` (`painted_parts`).
    """
    shares = painted.flatten(2)  # [B, K, H·W]
    means = _means(shares, picture)  # [B, K, 3]
    covered = shares * (weight > 0).flatten(2)
    varied = _means(covered, color.square()) - _means(covered, color).square()
    plain = PLAIN / (PLAIN + varied.mean(2).clamp(min=0)) * (covered.sum(2) > 0)  # [B, K]
    flat = torch.einsum("bkn,bkc->bcn", shares * plain[..., None], means)
    rest = 1 - torch.einsum("bkn,bk->bn", shares, plain)[:, None]
    return flat.view_as(picture) + rest.view_as(weight) * picture


def _means(shares: Tensor, picture: Tensor) -> Tensor:
    """Mean colors `[B, K, 3]` of a picture over shares `[B, K, H·W]`."""
    sums = torch.einsum("bkn,bcn->bkc", shares, picture.flatten(2))
    return sums / shares.sum(2, keepdim=True).clamp(min=1e-6)
