"""Enlarged edits with the fine band of a larger photo.

The fine band is the difference between the photo and its picture at the edit's size. It is known outside the
mask. Inside, it is composed of blocks from kept places that look like the edit (example-based
super-resolution, Freeman et al. 2002, with the photo as the example). So skin gets the pores and grain of
this skin, hair the strands of this hair.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

BLOCK = 8
"""Side of a block in pixels of the edit."""
STEP = 4
"""Step between blocks, which overlap by half."""

SEEN = 2
"""Margin in pixels around a block that is compared, too."""
COARSE = 9
"""Side of the window whose mean is subtracted before comparison; the tone has its own weight."""
TONE = 4.0
"""Weight of a block's mean color against its pixels."""

EXAMPLES = 4000
"""Maximal number of kept places that are compared."""
ALIKE = 16
"""Number of similar examples from which one is drawn at random: the best alone would repeat visibly."""
SAME = 0.3
"""Squared difference up to which two examples count as equally similar."""
FAR = 4.0
"""Squared difference at which an example's band gets half its strength."""
AT_ONCE = 1024
"""Blocks whose distances are computed together, for memory."""


def with_fine_band(edited: Tensor, photo: Tensor, mask: Tensor) -> Tensor:
    """The edit at the photo's size and sharpness; valid only inside the mask.

    Args:
        edited: `[B, 3, s, s]` in [-1, 1].
        photo: `[B, 3, S, S]` in [-1, 1], S a multiple of s; never read inside the mask.
        mask: `[B, 1, s, s]`, 1 = edited. Without kept pixels the edit is only enlarged.

    Returns:
        `[B, 3, S, S]`, about [-1, 1].
    """
    each = zip(edited.split(1), photo.split(1), (mask > 0).split(1), strict=True)
    return torch.cat([_sharpened(*one) for one in each])


def enlarge(picture: Tensor, factor: int) -> Tensor:
    """A picture `[B, 3, h, w]`, `factor` times the side, bicubic."""
    return F.interpolate(picture, scale_factor=factor, mode="bicubic", align_corners=False)


def _sharpened(edited: Tensor, photo: Tensor, mask: Tensor) -> Tensor:
    factor = photo.shape[-1] // edited.shape[-1]
    enlarged = enlarge(edited, factor)
    small = F.avg_pool2d(photo, factor)
    examples = _some(_without(mask).nonzero())
    if len(examples) == 0:
        return enlarged
    wanted = F.max_pool2d(mask.float(), BLOCK, STEP)[0, 0] > 0
    cells = wanted.nonzero()
    descriptors = _descriptors(torch.where(mask, edited, small), torch.cat([STEP * cells, examples]))
    numbers, trust = _like(descriptors[: len(cells)], descriptors[len(cells) :])
    rows, columns = examples[numbers].T
    band = photo - enlarge(small, factor)
    side = BLOCK * factor
    blocks = band.unfold(2, side, factor).unfold(3, side, factor)[0, :, rows, columns]  # [3, N, side, side]
    window = tuple(slice(int(at.min()), int(at.max()) + 1) for at in cells.T)
    step = STEP * factor
    top, left = (step * at.start for at in window)
    laid = _laid(blocks * trust[:, None, None], wanted[window], step)
    enlarged[..., top : top + laid.shape[2], left : left + laid.shape[3]] += laid
    return enlarged


def _without(mask: Tensor) -> Tensor:
    """Blocks, by first row and column, outside the mask `[1, 1, s, s]`: bool `[s − 7, s − 7]`."""
    return F.max_pool2d(F.pad(mask.float(), (SEEN,) * 4), BLOCK + 2 * SEEN, 1)[0, 0] == 0


def _descriptors(picture: Tensor, places: Tensor) -> Tensor:
    """Descriptors `[N, D]` of the blocks of a picture `[1, 3, s, s]` that begin at places `[N, 2]`."""
    rows, columns = places.T
    gray = picture.mean(1, keepdim=True)
    fine = gray - F.avg_pool2d(gray, COARSE, 1, COARSE // 2, count_include_pad=False)
    wide = F.pad(fine, (SEEN,) * 4, mode="reflect")[0, 0]
    seen = BLOCK + 2 * SEEN
    lines = wide.unfold(0, seen, 1).unfold(1, seen, 1)[rows, columns].flatten(1)
    tone = TONE * F.avg_pool2d(picture, BLOCK, 1)[0, :, rows, columns].T
    return torch.cat([lines, tone], 1)


def _some(places: Tensor) -> Tensor:
    """At most `EXAMPLES` of places `[N, 2]`, always the same."""
    order = torch.randperm(len(places), generator=torch.Generator().manual_seed(0))[:EXAMPLES]
    return places[order.to(places.device)]


def _like(wanted: Tensor, examples: Tensor) -> tuple[Tensor, Tensor]:
    """For each wanted descriptor `[N, D]`: index of a similar example `[K, D]`, and the confidence in it."""
    count = min(ALIKE, len(examples))
    chance = torch.rand(len(wanted), count, generator=torch.Generator().manual_seed(0)).to(wanted.device)
    numbers, apart = [], []
    for own, luck in zip(wanted.split(AT_ONCE), chance.split(AT_ONCE), strict=True):
        distance = own.square().sum(1, keepdim=True) + examples.square().sum(1) - 2 * own @ examples.T
        near, which = distance.clamp(min=0).topk(count, largest=False)
        pick = torch.where(near <= near[:, :1] + SAME, luck, -1.0).argmax(1, keepdim=True)
        numbers.append(which.gather(1, pick)[:, 0])
        apart.append(near.gather(1, pick)[:, 0])
    return torch.cat(numbers), 1 / (1 + torch.cat(apart) / FAR)


def _laid(blocks: Tensor, wanted: Tensor, step: int) -> Tensor:
    """Blocks `[3, N, n, n]` at their places (bool `[G, H]`) blended into `[1, 3, R, C]`.

    The squares of the weights sum to one, because a mean of two textures would be fainter than both.
    """
    side = blocks.shape[-1]
    size = tuple(step * (count - 1) + side for count in wanted.shape)
    rising = torch.sin(torch.pi * (torch.arange(side, device=blocks.device) + 0.5) / side)
    weight = torch.outer(rising, rising)

    def spread(values: Tensor) -> Tensor:
        """Overlapping values `[C, N, n, n]` summed into `[1, C, rows, columns]`."""
        columns = values.new_zeros(len(values), wanted.numel(), side, side)
        columns[:, wanted.flatten()] = values
        columns = columns.permute(0, 2, 3, 1).reshape(1, -1, wanted.numel())
        return F.fold(columns, size, side, stride=step)

    squares = spread(weight.square().expand(1, blocks.shape[1], -1, -1))
    return spread(blocks * weight) / squares.clamp(min=1e-3).sqrt()
