"""Masks of named face regions, and operations on masks."""

from __future__ import annotations

import re

import torch
import torch.nn.functional as F
from torch import Tensor

from ..conventions import REGIONS
from ..errors import InputError

SPECK = 0.01
"""Share of a region below which a piece of it is a speck, a frequent error of parsers."""


def region_names(text: str) -> list[str]:
    """The names of regions in a text, separated by plus signs, commas or spaces, in any case.

    Raises:
        InputError: there is no region of a name, or no name.
    """
    names = re.findall(r"[^\s,+]+", text.lower())
    unknown = [name for name in names if name not in REGIONS]
    if unknown or not names:
        raise InputError(
            f"Unknown region {', '.join(map(repr, unknown)) or repr(text)}. Join names by +, such as "
            f"hair+mouth. The regions are: {', '.join(REGIONS)}."
        )
    return names


def region_mask(labels: Tensor, names: str, grow: int = 0, *, specks: bool = True) -> Tensor:
    """The mask of named regions.

    Args:
        labels: class ids `[B, H, W]` (int64).
        names: one or more of `REGIONS`, as `region_names` reads them, for example "hair+brows".
        grow: pixels by which the mask is grown; negative shrinks it.
        specks: whether to keep pieces that are a small part of their region.

    Returns:
        `[B, 1, H, W]` in {0, 1}; empty where the face has no such region.

    Raises:
        InputError: a region is unknown.
    """
    mask = labels.new_zeros(len(labels), 1, *labels.shape[1:], dtype=torch.bool)
    for name in region_names(names):
        region = torch.isin(labels, torch.tensor(REGIONS[name], device=labels.device))[:, None]
        mask |= region if specks else _without_specks(region)
    return grow_mask(mask.float(), grow)


def _without_specks(region: Tensor) -> Tensor:
    """A region, bool `[B, 1, H, W]`, without its connected pieces below `SPECK`."""
    kept = []
    for piece in numbered_pieces(region):
        sizes = piece.flatten().bincount()
        sizes[0] = 0
        kept.append((sizes >= min(SPECK * int(sizes.sum()), int(sizes.max())))[piece])
    return torch.stack(kept) & region


def numbered_pieces(region: Tensor) -> Tensor:
    """Numbers of connected pieces, int64 in the shape of the bool region `[B, 1, H, W]`; 0 outside."""
    numbers = torch.arange(1, region[0].numel() + 1, dtype=torch.float32, device=region.device)
    pieces = numbers.view_as(region[:1]) * region
    while True:  # the largest number spreads over its piece
        spread = F.max_pool2d(pieces, 3, stride=1, padding=1) * region
        if torch.equal(spread, pieces):
            return pieces.long()
        # A number is also an index. All pixels of a number take the largest number among their neighbors,
        # so that numbers spread far in few rounds.
        met = spread.flatten(1)
        known = F.pad(met, (1, 0)).scatter_reduce(1, pieces.flatten(1).long(), met, "amax")
        pieces = known.gather(1, met.long()).view_as(spread)


def grow_mask(mask: Tensor, pixels: int) -> Tensor:
    """Grow a mask `[B, 1, H, W]` by a disk of this radius in pixels; a negative radius shrinks it.

    Pixels beyond the picture neither grow nor shrink the mask. Returns {0, 1}.
    """
    edited = mask > 0
    if pixels >= 0:
        return (distance_to(edited, pixels) <= pixels).float()
    return (distance_to(~edited, -pixels) > -pixels).float()


def smooth_mask(mask: Tensor, pixels: int) -> Tensor:
    """Smooth the outline of a mask `[B, 1, H, W]`: dents and bumps narrower than about `pixels` vanish.

    Every pixel takes the majority in a square of side `2 * pixels + 1`, blurred twice. Returns {0, 1}; for 0
    pixels, the mask's bits.

    Raises:
        InputError: `pixels` is negative.
    """
    if pixels < 0:
        raise InputError(f"Expected 0 or more pixels to smooth a mask by, but got {pixels}.")
    if pixels == 0:
        return mask
    shares = F.pad((mask > 0).float(), (2 * pixels,) * 4, mode="replicate")
    for _ in range(2):
        shares = F.avg_pool2d(F.avg_pool2d(shares, (2 * pixels + 1, 1), 1), (1, 2 * pixels + 1), 1)
    return (shares > 0.5).float()


def without_holes(mask: Tensor) -> Tensor:
    """Fills the holes of a mask `[B, 1, H, W]` in [0, 1].

    A hole is what white pixels enclose: a path to the picture's border, in steps along rows and columns, does
    not lead from it without crossing them. Its pixels become 1; all others keep their values.
    """
    free = F.pad(mask < 1, (1, 1, 1, 1), value=True)
    outside = torch.zeros_like(free)
    outside[..., 0, :] = True
    while True:
        spread = _along_rows(_along_rows(outside, free).mT, free.mT).mT
        if torch.equal(spread, outside):
            return torch.where(outside[..., 1:-1, 1:-1], mask, 1.0)
        outside = spread


def _along_rows(marked: Tensor, free: Tensor) -> Tensor:
    """The runs of free pixels in rows that hold a marked one, bool as both."""
    runs = (~free).cumsum(-1)
    held = torch.zeros(*runs.shape[:-1], runs.shape[-1] + 1, dtype=torch.uint8, device=runs.device)
    return held.scatter_reduce_(-1, runs, marked.byte(), "amax").gather(-1, runs).bool() & free


def distance_to(target: Tensor, limit: int) -> Tensor:
    """Distance in pixels of every pixel from the nearest target pixel.

    Args:
        target: bool `[B, C, H, W]`.
        limit: larger distances become `limit + 1`.

    Returns:
        float32 `[B, C, H, W]`; 0 on the target.
    """
    height, width = target.shape[-2:]
    position = torch.arange(width, dtype=torch.float32, device=target.device)
    before = position.where(target, float("-inf")).cummax(-1).values
    after = position.where(target, float("inf")).flip(-1).cummin(-1).values.flip(-1)
    in_row = torch.minimum(position - before, after - position).clamp_(max=limit + 1).square_()
    squared = in_row.clone()
    for rows in range(1, min(limit, height - 1) + 1):
        above, below = squared[..., rows:, :], squared[..., :-rows, :]
        torch.minimum(above, in_row[..., :-rows, :] + rows**2, out=above)
        torch.minimum(below, in_row[..., rows:, :] + rows**2, out=below)
    return squared.sqrt_().clamp_(max=limit + 1)
