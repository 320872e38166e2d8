"""Enlargement of edited crops to the size and sharpness of their photo."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from ..batches import Progress, no_progress, one_by_one
from ..conventions import WORKING_SIZE
from ..faces.alignment import Matrix, align, scale_of
from ..model import DETAIL_SIZES, FaceMug
from ..photo import Photo


def fitting_size(matrix: Matrix) -> int:
    """Side of the crop whose pixels are about as large as the photo's: 256, 512 or at most 1024."""
    side = WORKING_SIZE * scale_of(matrix)
    # Up to a factor of √2 the smaller size is the nearer one.
    return next((s for s in (WORKING_SIZE, *DETAIL_SIZES) if side < s * math.sqrt(2)), DETAIL_SIZES[-1])


def sized(matrix: Matrix, size: int) -> Matrix:
    """The alignment matrix of a crop of another size, from that of the crop of 256 pixels."""
    return matrix @ np.diag([WORKING_SIZE / size, WORKING_SIZE / size, 1])


def add_detail(
    model: FaceMug,
    photo: Photo,
    crops: Tensor,
    mask: Tensor,
    matrix: Matrix,
    size: int,
    progress: Progress = no_progress,
) -> tuple[Tensor, Matrix]:
    """Edited crops at a larger size, as sharp as the photo, and the alignment matrix of their pixels.

    Args:
        model: that drew the crops.
        photo: that the crops come from.
        crops: `[N, 3, 256, 256]` in [-1, 1].
        mask: of the edit, `[1, 1, 256, 256]`.
        matrix: alignment matrix of the crops.
        size: 512 or 1024.
        progress: called for every crop.
    """
    finer = sized(matrix, size)
    around = align(photo.rgb, finer, size) / 127.5 - 1
    # One by one: a batch of large crops takes more memory and is no faster on a CPU.
    larger = one_by_one(lambda crop: model.add_detail(crop, around, mask).cpu(), {"crops": crops}, progress)
    return torch.cat(larger), finer
