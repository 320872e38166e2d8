"""How well a picture follows its guides (classes, strokes, colors), and how well an edit joins its photo."""

from __future__ import annotations

import colorsys

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

from ..conventions import NUM_LABELS
from ..faces.regions import distance_to
from ..pictures import as_jpeg

TOLERANCE = 2
"""Greatest distance in pixels between strokes that agree."""
MOST_STROKES = 0.1
"""Largest share of the mask's area that given strokes take."""
FEWEST_CLASS_PIXELS = 500
"""Fewest pixels in all masks together for a class to enter a mean."""
FEWEST_PIXELS = 64
"""Fewest pixels of a region whose mean color is compared."""
SEAM_BAND = 4
"""Width in pixels of the band inside the mask's border that is compared with the truth."""
SEAM_PIECE = 64
"""Side in pixels of the squares that are compared one by one: errors of opposite sign must not cancel."""
JPEG_QUALITY = 75

Array = NDArray[np.floating]


def overlaps(labels: Tensor, given: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Intersections and unions `[B, 19]` in pixels, by class, of two label maps `[B, H, W]` inside a mask.

    `mask` is `[B, 1, H, W]`. Pixels of unknown class (below 0) in `given` do not count.
    """
    counts = (mask[:, 0] > 0) & (given >= 0)
    shared, either = [], []
    for label in range(NUM_LABELS):
        found, wanted = labels == label, given == label
        shared.append((found & wanted & counts).sum((1, 2)))
        either.append(((found | wanted) & counts).sum((1, 2)))
    return torch.stack(shared, 1), torch.stack(either, 1)


def mean_iou(shared: Array, either: Array) -> float:
    """Mean IoU of counts `[19]` over the classes with enough pixels, or with any where none has enough."""
    seen = either >= min(FEWEST_CLASS_PIXELS, either.max())
    return float((shared[seen] / np.maximum(either[seen], 1)).mean())


def sparse_strokes(sketch: Tensor, mask: Tensor) -> Tensor:
    """The longest strokes inside the mask that together take at most a tenth of its area, `[B, 1, H, W]`."""
    kept = torch.zeros_like(sketch)
    for result, strokes, hole in zip(kept, sketch, mask, strict=True):
        numbers, count = ndimage.label((strokes * hole)[0].cpu().numpy(), np.ones((3, 3)))
        lengths = np.bincount(numbers.ravel(), minlength=count + 1)[1:]
        order = np.argsort(-lengths, kind="stable")
        fitting = order[np.cumsum(lengths[order]) <= MOST_STROKES * float(hole.sum())]
        result[0] = torch.from_numpy(np.isin(numbers, fitting + 1)).to(sketch)
    return kept


def stroke_agreement(found: Tensor, given: Tensor, mask: Tensor) -> Tensor:
    """F1 score `[B]` of strokes `[B, 1, H, W]` inside the mask `[B, 1, H, W]`.

    A stroke pixel counts as found if the other map has one within `TOLERANCE`. Two maps without strokes
    score 1.
    """
    found, given = (found > 0) & (mask > 0), (given > 0) & (mask > 0)
    right = found & (distance_to(given, TOLERANCE) <= TOLERANCE)
    met = given & (distance_to(found, TOLERANCE) <= TOLERANCE)
    scores = []
    for i in range(len(mask)):
        finds, gives = int(found[i].sum()), int(given[i].sum())
        precision, recall = int(right[i].sum()) / max(finds, 1), int(met[i].sum()) / max(gives, 1)
        both = precision + recall
        scores.append(2 * precision * recall / both if both else float(not finds and not gives))
    return torch.tensor(scores)


def color_errors(picture: Tensor, colors: Tensor, labels: Tensor, mask: Tensor) -> dict[int, float]:
    """CIEDE2000 by class, between a picture's region means and a color map of one color a region.

    `picture` and `colors` `[3, H, W]` in [-1, 1], `labels` `[H, W]`, `mask` `[1, H, W]`. Pixels outside the
    mask and regions below `FEWEST_PIXELS` are left out.
    """
    from skimage.color import deltaE_ciede2000

    errors = {}
    for label in range(NUM_LABELS):
        region = (labels == label) & (mask[0] > 0)
        if int(region.sum()) >= FEWEST_PIXELS:
            found, wanted = (lab(values[:, region].mean(1)) for values in (picture, colors))
            errors[label] = float(deltaE_ciede2000(found, wanted))
    return errors


def class_means(picture: Tensor, labels: Tensor) -> dict[int, Tensor]:
    """Mean color `[3]` in [-1, 1] of each class in a picture `[3, H, W]`."""
    return {int(label): picture[:, labels == label].mean(1) for label in labels.unique() if label >= 0}


def painted(labels: Tensor, means: dict[int, Tensor]) -> Tensor:
    """Color map `[3, H, W]`: each class of `labels` `[H, W]` in its color `[3]`, 0 without one."""
    colors = torch.zeros(3, *labels.shape, device=labels.device)
    for label, mean in means.items():
        colors[:, labels == label] = mean[:, None].to(colors)
    return colors


def rotated_hue(color: Tensor, degrees: float) -> Tensor:
    """A color `[3]` in [-1, 1] with its hue rotated; saturation and value (HSV) stay."""
    hue, saturation, value = colorsys.rgb_to_hsv(*((color + 1) / 2).clamp(0, 1).tolist())
    turned = colorsys.hsv_to_rgb((hue + degrees / 360) % 1, saturation, value)
    return color.new_tensor(turned) * 2 - 1


def seam_gradients(picture: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Mean brightness steps `[B]` between neighboring pixels across the mask's border, and inside the mask.

    `picture` `[B, 3, H, W]`, `mask` `[B, 1, H, W]`. NaN where there are no such neighbors.
    """
    gray, inside = picture.mean(1), mask[:, 0] > 0
    across, within = [], []
    for values, hole in zip(gray, inside, strict=True):
        steps = torch.cat([values.diff(dim=0).abs().flatten(), values.diff(dim=1).abs().flatten()])
        # How many of the two neighbors are inside: one across the border, two within.
        count = torch.cat(
            [(hole[1:].int() + hole[:-1]).flatten(), (hole[:, 1:].int() + hole[:, :-1]).flatten()]
        )
        across.append(steps[count == 1].mean())
        within.append(steps[count == 2].mean())
    return torch.stack(across), torch.stack(within)


def seam_color_shift(picture: Tensor, truth: Tensor, mask: Tensor) -> Tensor:
    """Color error just inside the mask's border, CIEDE2000 `[B]`.

    Compares the mean colors of the border band, square by square, with the truth's. Squares are weighted by
    their share of the band. `picture`, `truth` `[B, 3, H, W]` in [-1, 1], `mask` `[B, 1, H, W]`; H and W
    are multiples of `SEAM_PIECE`. NaN for a mask without a border.
    """
    from skimage.color import deltaE_ciede2000

    band = ((mask > 0) & (distance_to(mask == 0, SEAM_BAND) <= SEAM_BAND)).float()

    def squares(values: Tensor) -> Tensor:
        return F.avg_pool2d(values * band, SEAM_PIECE)

    share = squares(torch.ones_like(band))  # [B, 1, h, w]
    weight = share.where(share * SEAM_PIECE**2 >= FEWEST_PIXELS, 0)[:, 0]
    found, wanted = (
        lab((squares(values) / share.clamp(min=1e-6)).permute(0, 2, 3, 1)) for values in (picture, truth)
    )
    errors = torch.from_numpy(deltaE_ciede2000(found, wanted)).to(weight)
    return (errors * weight).sum((1, 2)) / weight.sum((1, 2))


def through_jpeg(pictures: Tensor) -> Tensor:
    """Pictures `[B, 3, H, W]` in [-1, 1] after JPEG compression."""
    return torch.stack([as_jpeg(picture, JPEG_QUALITY) for picture in pictures]).to(pictures.device)


def lab(color: Tensor) -> Array:
    """CIE L*a*b* `[..., 3]` of colors `[..., 3]` in [-1, 1]."""
    from skimage.color import rgb2lab

    return rgb2lab(((color + 1) / 2).clamp(0, 1).double().cpu().numpy())
