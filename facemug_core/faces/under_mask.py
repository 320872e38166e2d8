"""Assigns parts of a photo's mask to faces."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..conventions import WORKING_SIZE
from .alignment import BAND_PIXELS, Matrix, inverse, mapped_pixels, resample
from .regions import numbered_pieces

FACE_CENTER = (128.0, 140.0)
"""Middle of the face in its aligned crop, in pixels."""

HEAD_REACH = 128.0
"""Radius of the head around it, in pixels of the crop."""

CORE = (slice(18, 54), slice(18, 46))
"""Rows and columns of the face, brows to chin, in a crop of `CORE_GRID` pixels."""
CORE_GRID = 64

ENOUGH_OF_FACE = 1 / 3
"""A face is edited if the mask covers at least this share of it."""

GRID = 512
"""Longest side of the grid on which pieces of a mask are found."""


def split_mask(mask: Tensor, matrices: Sequence[Matrix]) -> list[Tensor]:
    """The part of a photo's mask `[1, 1, H, W]` that belongs to each face, by their alignment matrices.

    A pixel belongs to the nearest face, relative to the face's size, whose crop includes it. A single face
    has the whole mask.
    """
    if len(matrices) == 1:
        return [mask]
    parts = [torch.zeros_like(mask) for _ in matrices]
    for rows, distances in _distances(mask, matrices):
        nearest = distances.argmin(0)
        for number, part in enumerate(parts):
            own = (nearest == number) & distances[number].isfinite()
            part[..., rows, :] = mask[..., rows, :] * own
    return parts


def faces_under(mask: Tensor, matrices: Sequence[Matrix]) -> list[int]:
    """Indices of the faces that a photo's mask `[1, 1, H, W]` covers, the most covered first.

    Each connected piece of the mask covers the face to which most of it belongs. The mask also covers each
    face of which it has `ENOUGH_OF_FACE`.
    """
    if not matrices:
        return []
    small, matrices = _on_grid(mask, matrices)
    owned = torch.cat([part.flatten()[None] for part in split_mask(small, matrices)])
    if len(matrices) == 1:
        owned = torch.where(_distances_of(small, matrices).flatten(1).isfinite(), owned, 0)
    chosen = {number for number, matrix in enumerate(matrices) if _covers(small, matrix)}
    _, piece = numbered_pieces(small > 0).flatten().unique(return_inverse=True)
    shares = owned.new_zeros(len(matrices), int(piece.max()) + 1).index_add_(1, piece, owned)
    most, face = shares.max(0)
    chosen |= set(face[most > 0].tolist())
    return sorted(chosen, key=lambda number: -float(owned[number].sum()))


def beside_heads(mask: Tensor, matrices: Sequence[Matrix]) -> tuple[float, float, float, float] | None:
    """Bounds, in photo pixels, of those pieces of a mask that touch no head; None without any."""
    small, matrices = _on_grid(mask, matrices)
    pieces = numbered_pieces(small > 0)[0, 0]
    if matrices:
        heads = _distances_of(small, matrices).amin(0) <= HEAD_REACH
        pieces = torch.where(torch.isin(pieces, pieces[heads].unique()), 0, pieces)
    rows, columns = pieces.any(1).nonzero(), pieces.any(0).nonzero()
    if not len(rows):
        return None
    y, x = mask.shape[2] / small.shape[2], mask.shape[3] / small.shape[3]
    return (
        float(columns[0]) * x, float(rows[0]) * y, (float(columns[-1]) + 1) * x, (float(rows[-1]) + 1) * y,
    )  # fmt: skip


def beside_faces(boxes: Sequence[tuple[float, float, float, float] | None]) -> str:
    """Error message for a mask that covers none of the faces in these boxes."""
    places = "; ".join(
        ",".join(f"{value:.0f}" for value in (x0, y0, x1 - x0, y1 - y0))
        for x0, y0, x1, y1 in filter(None, boxes)
    )
    return (
        "The mask is beside every face, so there is nothing to edit. "
        + (f"Faces are at X,Y,W,H = {places}. " if places else "")
        + "Paint over one of them; if another face is under the mask, give its box or landmarks."
    )


def _on_grid(mask: Tensor, matrices: Sequence[Matrix]) -> tuple[Tensor, list[Matrix]]:
    """The mask in {0, 1} on a small grid, for speed, and the matrices for this grid."""
    height, width = mask.shape[2:]
    scale = min(1.0, GRID / max(height, width))
    size = max(1, round(height * scale)), max(1, round(width * scale))
    small = F.adaptive_max_pool2d((mask > 0).float(), size)
    to_grid = np.diag([size[1] / width, size[0] / height, 1])
    return small, [to_grid @ matrix for matrix in matrices]


def _covers(mask: Tensor, matrix: Matrix) -> bool:
    step = WORKING_SIZE / CORE_GRID
    size = (CORE_GRID, CORE_GRID)
    crop = resample(mask, matrix @ np.diag([step, step, 1]), size, border="zeros", mode="bilinear")
    return float(crop[0, 0][CORE].mean()) >= ENOUGH_OF_FACE


def _distances_of(mask: Tensor, matrices: Sequence[Matrix]) -> Tensor:
    return torch.cat([distances for _, distances in _distances(mask, matrices)], 1)


def _distances(mask: Tensor, matrices: Sequence[Matrix]) -> Iterator[tuple[slice, Tensor]]:
    """Bands of rows of the mask, and distances `[faces, rows, W]` of their pixels from each face in pixels of
    its crop; infinite beyond the crop."""
    height, width = mask.shape[2:]
    band = max(1, BAND_PIXELS // width)
    for top in range(0, height, band):
        bottom = min(height, top + band)
        far = []
        for matrix in matrices:
            x, y = mapped_pixels(inverse(matrix), (bottom - top, width), top)
            within = (x >= 0) & (x <= WORKING_SIZE) & (y >= 0) & (y <= WORKING_SIZE)
            distance = torch.hypot(x - FACE_CENTER[0], y - FACE_CENTER[1])
            far.append(torch.where(within, distance, torch.inf))
        yield slice(top, bottom), torch.stack(far)
