"""Semantic maps: one-hot labels, the display palette, and CelebAMask-HQ's numbering (PAPER 14.1)."""

from __future__ import annotations

import torch
from torch import Tensor

from ..conventions import CELEBAMASK_TO_LABELS, LABELS, NUM_LABELS, PALETTE
from ..errors import InputError


def one_hot(labels: Tensor) -> Tensor:
    """Class ids `[B, H, W]` → `[B, 19, H, W]` in {0, 1}; ids below 0, unknown, become all zero."""
    classes = torch.arange(NUM_LABELS, device=labels.device).view(1, -1, 1, 1)
    return (labels[:, None] == classes).float()


def labels_to_palette(labels: Tensor) -> Tensor:
    """Class ids `[B, H, W]`, below 0 where unknown (drawn black) → display colors uint8 `[B, H, W, 3]`."""
    colors = torch.tensor(((0, 0, 0), *PALETTE), dtype=torch.uint8, device=labels.device)
    return colors[labels.long().clamp(min=-1) + 1]


def palette_to_labels(colors: Tensor) -> Tensor:
    """Display colors uint8 `[B, H, W, 3]` → class ids int64 `[B, H, W]`; black is unknown, −1.

    Raises:
        InputError: colors that are not in the palette, named with their pixel counts.
    """
    packed = _packed(colors)
    labels = torch.full(packed.shape, -2, device=colors.device)
    # Color by color: all at once would take gigabytes for a camera's photo.
    for label, color in enumerate(_packed(torch.tensor(((0, 0, 0), *PALETTE))).tolist(), start=-1):
        labels[packed == color] = label
    unknown = labels == -2
    if unknown.any():
        found, counts = colors[unknown].unique(dim=0, return_counts=True)
        most = counts.argsort(descending=True)[:3].tolist()
        names = ", ".join(f"RGB{tuple(found[i].tolist())} ({counts[i]} pixels)" for i in most)
        more = f" and {len(found) - 3} more" if len(found) > 3 else ""
        raise InputError(
            f"The semantic map has colors that no label has: {names}{more}. Save it without smoothing or "
            "JPEG compression, in the colors of Parse Face (`python -m facemug_core parse`), or as label "
            "numbers 0-18."
        )
    return labels


def from_celebamask(labels: Tensor) -> Tensor:
    """CelebAMask-HQ's class numbers → ours; negative (unknown) ids stay."""
    table = torch.tensor((-1, *CELEBAMASK_TO_LABELS), device=labels.device)
    return table[labels.long().clamp(min=-1) + 1]


def check_labels(labels: Tensor) -> None:
    """Check that all ids are classes.

    Raises:
        InputError: an id has no class.
    """
    wrong = labels[(labels < -1) | (labels >= NUM_LABELS)]
    if len(wrong):
        raise InputError(
            f"The semantic map holds label {int(wrong.max())}; expected 0 ({LABELS[0]}) to "
            f"{NUM_LABELS - 1} ({LABELS[-1]})."
        )


def _packed(colors: Tensor) -> Tensor:
    """Colors `[…, 3]` as one number each."""
    r, g, b = colors.int().unbind(-1)
    return (r << 16) + (g << 8) + b
