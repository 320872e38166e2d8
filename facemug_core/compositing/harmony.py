"""Harmonization: each material of the bank's picture gets the tone and sharpness that it has in the photo.

A material's shift of tone is measured where photo and bank both show that material. Colors along the
hole's border are not used: they may belong to another material. The tone of a hidden face is predicted
(`skin.py`). Contrast stays the bank's own, which rules out haze.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from ..ops.filters import box_mean, enlarged, gaussian_blur, wide_mean
from ..ops.masks import eroded
from .skin import BORDER, SkinShift

CELL = 4
"""Tones are measured in cells of so many pixels."""

TONE_RANGE = 0.25
"""Largest difference of a local shift from the median, for pictures in [-1, 1]. A larger one comes from a
shadow or a reflection."""

TONE_WINDOW = 19
"""Side of the window, run twice, over which a shift is averaged, in cells: σ 31 px."""

GLOBAL_SHARE = 0.03
"""Weight of a material's mean shift against its local one."""

TONE_DOUBT = 250.0
"""Pixels of evidence at which a measured shift has half its weight."""

SKIN = 0
"""Index of skin in the materials."""

PERSON = slice(0, 2)
"""Skin and hair in the materials. They are equally sharp."""

BAND_BORDER = 4
BAND_DOUBT = 150.0
"""`BORDER` and `TONE_DOUBT` of the measurement of sharpness."""

LEAST_GAIN, MOST_GAIN = 0.85, 2.2
"""Limits of the gain of a band."""

USUAL_GAINS = 1.1, 1.5
"""Gains of the mid and the fine band of a photo that shows neither skin nor hair: portraits are sharper than
the bank's pictures."""

ENERGY_DOUBT = 1e-4
"""Added to energies: the ratio of two flat pictures becomes 1."""

LOW_SIGMA = 8.0
"""Standard deviation in pixels of the blur that separates low and mid band."""


def harmonized(
    photo: Tensor,
    wanted: Sequence[Tensor],
    mask: Tensor,
    bank: Tensor,
    seen: Tensor,
    drawn: Tensor,
    face: SkinShift,
) -> Tensor:
    """The bank's picture in the photo's tones and sharpness.

    Args:
        photo: `[B, 3, H, W]` in [-1, 1]; never read under the mask.
        wanted: energies of the photo's mid and fine bands, `[B, 1, H, W]` each (`energies`).
        mask: `[B, 1, H, W]` in {0, 1}, 1 = edit.
        bank: the bank's picture `[B, 3, H, W]`.
        seen: shares of the photo's materials, `[B, M, H, W]`.
        drawn: shares of the bank's materials, `[B, M, H, W]`.
        face: shift of the hidden face.

    Returns:
        `[B, 3, H, W]`, valid under the mask.
    """
    both = (1 - mask) * (torch.minimum(seen, drawn) > 0.5)
    both, inner = eroded(both, BORDER), eroded(both, BAND_BORDER)
    toned = bank + torch.einsum("bmchw,bmhw->bchw", tone_shift(photo, bank, both, face), drawn)
    return sharpened(toned, wanted, drawn, inner)


def tone_shift(photo: Tensor, bank: Tensor, both: Tensor, face: SkinShift) -> Tensor:
    """The offset from the bank's tone to the photo's, for each material.

    Args:
        photo, bank: `[B, 3, H, W]`.
        both: where both show a material and nothing is hidden, `[B, M, H, W]` in {0, 1}.
        face: shift of the hidden face; it replaces the mean shift of the skin.

    Returns:
        `[B, M, 3, H, W]`; 0 for a material that is nowhere visible, unless it is predicted.
    """
    count = F.avg_pool2d(both, CELL)[:, :, None]  # [B, M, 1, h, w]
    sums = _pooled((photo - bank)[:, None] * both[:, :, None])  # [B, M, 3, h, w]
    apart = sums / count.clamp(min=1e-6)
    median = torch.where(count > 0, apart, torch.nan).flatten(3).nanmedian(3).values.nan_to_num()
    median = median[..., None, None]
    sums = ((apart - median).clamp(-TONE_RANGE, TONE_RANGE) + median) * count
    evidence = count.sum((3, 4), keepdim=True) * CELL**2
    trust = evidence / (evidence + TONE_DOUBT)
    mean = trust * sums.sum((3, 4), keepdim=True) * CELL**2 / evidence.clamp(min=1e-6)
    skin = torch.lerp(mean[:, SKIN], face.shift, face.weight)
    mean = torch.cat([skin[:, None], mean[:, SKIN + 1 :]], 1)
    local = trust * wide_mean(sums, TONE_WINDOW) + GLOBAL_SHARE * mean
    local = local / (trust * wide_mean(count, TONE_WINDOW) + GLOBAL_SHARE)
    return enlarged(local.flatten(0, 1), photo).view(*both.shape[:2], *photo.shape[1:])


def sharpened(toned: Tensor, wanted: Sequence[Tensor], drawn: Tensor, both: Tensor) -> Tensor:
    """A picture whose mid and fine bands are as strong as the photo's, material by material. A material that
    the photo does not show is as sharp as skin and hair in it.

    Args:
        toned: `[B, 3, H, W]`.
        wanted: energies of the photo's bands, `[B, 1, H, W]` each.
        drawn: shares of the picture's materials, `[B, M, H, W]`.
        both: where both show a material and nothing is hidden, `[B, M, H, W]` in {0, 1}.
    """
    result, *there = bands(toned)
    evidence = _total(both)
    for energy, band, usual in zip(wanted, there, USUAL_GAINS, strict=True):
        goal, own = (_total(x * both) for x in (energy, band.square().mean(1, keepdim=True)))
        goals, owns, pixels = (x[:, PERSON].sum(1, keepdim=True) for x in (goal, own, evidence))
        of_person = _gain(goals, owns, pixels, pixels.new_tensor(usual))
        gain = _gain(goal, own, evidence, of_person)
        result = result + (gain * drawn).sum(1, keepdim=True) * band
    return result


def _gain(goal: Tensor, own: Tensor, evidence: Tensor, usual: Tensor) -> Tensor:
    """Gain of a band to the photo's energy; near the usual one where there are few pixels of evidence."""
    trust = evidence / (evidence + BAND_DOUBT)
    ratio = ((goal + ENERGY_DOUBT) / (own + ENERGY_DOUBT)).sqrt().clamp(LEAST_GAIN, MOST_GAIN)
    return ratio**trust * usual ** (1 - trust)


def _total(x: Tensor) -> Tensor:
    return x.sum((2, 3), keepdim=True)


def energies(picture: Tensor) -> tuple[Tensor, Tensor]:
    """Energies of the mid and the fine band of `[B, 3, H, W]` in each pixel, `[B, 1, H, W]` each."""
    _, mid, fine = bands(picture)
    return mid.square().mean(1, keepdim=True), fine.square().mean(1, keepdim=True)


def bands(picture: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Low, mid and fine bands of `[B, C, H, W]`, which add up to it."""
    mean, low = box_mean(picture, 3), gaussian_blur(picture, LOW_SIGMA)
    return low, mean - low, picture - mean


def _pooled(x: Tensor) -> Tensor:
    """Means of `[B, M, C, H, W]` over cells."""
    return F.avg_pool2d(x.flatten(0, 1), CELL).view(*x.shape[:3], x.shape[-2] // CELL, x.shape[-1] // CELL)
