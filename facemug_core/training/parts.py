"""Losses and pictures for networks that read the parts of a face as shares of classes in cells."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ..conditions import labels_to_palette, one_hot
from ..conventions import NUM_LABELS
from ..pictures import from_bytes
from .bank_faces import Faces

RARITY = 0.25
"""Exponent of the inverse class frequency, by which classes are weighted: eyes are small but important."""

RAREST = 1e-3
"""Smallest class frequency in the weights."""

COUNTED_FACES = 100
"""Number of faces over which class frequencies are taken."""


def class_weights(faces: Faces) -> Tensor:
    """Weights `[19]` of the classes; rare ones weigh more."""
    labels = torch.stack([faces.face(i)[1] for i in range(min(COUNTED_FACES, len(faces)))])
    counts = torch.bincount(labels[labels >= 0], minlength=NUM_LABELS)
    return (counts / counts.sum()).clamp(min=RAREST) ** -RARITY


def share_loss(read: Tensor, labels: Tensor, weights: Tensor) -> tuple[Tensor, dict[str, Tensor], None]:
    """Cross-entropy over known labels `[B, H, W]`, and the share of correct cells."""
    shares = class_shares(labels, read.shape[-1])
    known = shares.sum(1)
    total = -(weights[:, None, None] * shares * read.float()).sum() / known.sum().clamp(min=1)
    right = ((read.argmax(1) == shares.argmax(1)) * known).sum() / known.sum().clamp(min=1)
    return total, {"loss": total.detach(), "right": right}, None


def parts_side_by_side(image: Tensor, read: Tensor, labels: Tensor) -> Tensor:
    """Columns: face, predicted parts, labels."""
    found = F.interpolate(read.float(), image.shape[-2:]).argmax(1)
    parts = [from_bytes(labels_to_palette(x).permute(0, 3, 1, 2)) for x in (found, labels)]
    return torch.stack([image, *parts], 1)


def class_shares(labels: Tensor, cells: int) -> Tensor:
    """Share `[B, 19, cells, cells]` of each class in each cell of labels `[B, H, W]`, −1 = unknown."""
    return F.adaptive_avg_pool2d(one_hot(labels), cells)
