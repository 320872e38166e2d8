"""Masks of the paper's evaluation: hair, face, the whole person, irregular strokes by size, the center."""

from __future__ import annotations

import torch
from torch import Tensor

from ...conventions import WORKING_SIZE
from ...faces.regions import region_mask
from ...training.masks import stroke_mask

REGION_KINDS = ("hair", "face", "foreground")
GROWN = 5
"""Pixels by which regions are grown."""

LEAST_REGION = 0.005
"""Share of the picture below which a face has no such region."""

IRREGULAR_BINS = ((10, 20), (20, 30), (30, 40), (40, 50), (50, 60))
"""Percent of the picture, as the lists of irregular masks that inpainting is compared on."""

CENTER = slice(WORKING_SIZE // 4, 3 * WORKING_SIZE // 4)
"""A quarter of the picture."""

TURNS = (*REGION_KINDS, "irregular", "center")
"""Kinds of masks, which faces get in turn."""


def paper_mask(labels: Tensor, index: int) -> tuple[str, Tensor]:
    """Kind and mask `[1, H, W]` in {0, 1} of the face with this number; labels `[H, W]` int64.

    Kinds take turns, and so do the sizes of irregular masks. A face without the region gets an irregular one.
    """
    kind, turn = TURNS[index % len(TURNS)], index // len(TURNS)
    if kind == "center":
        mask = torch.zeros(1, WORKING_SIZE, WORKING_SIZE)
        mask[:, CENTER, CENTER] = 1
        return kind, mask
    if kind in REGION_KINDS:
        mask = region_mask(labels[None], kind, GROWN)[0]
        if mask.mean() >= LEAST_REGION:
            return kind, mask
    low, high = IRREGULAR_BINS[turn % len(IRREGULAR_BINS)]
    return f"irregular {low}-{high} %", irregular_mask(torch.Generator().manual_seed(index), low, high)


def irregular_mask(generator: torch.Generator, low: int, high: int) -> Tensor:
    """Brush strokes `[1, 256, 256]` in {0, 1} that cover between `low` and `high` percent of the picture."""
    mask = torch.zeros(1, WORKING_SIZE, WORKING_SIZE)
    while mask.mean() * 100 < low:
        more = mask.maximum(stroke_mask(generator, max_strokes=1))
        mask = more if more.mean() * 100 < high else torch.zeros_like(mask)
    return mask
