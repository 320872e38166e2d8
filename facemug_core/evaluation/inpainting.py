"""Biharmonic inpainting: the classical baseline of edits without guides.

Fills the hole with the solution of the biharmonic equation (Damelin and Hoang 2018), with mirrored borders.
All channels share one sparse symmetric system per mask.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy import sparse
from scipy.sparse.linalg import splu
from torch import Tensor


def inpaint_biharmonic(image: Tensor, mask: Tensor) -> Tensor:
    """Fill the hole of a picture smoothly from its kept pixels.

    `image` `[C, H, W]` of any value range; `mask` `[1, H, W]`, 1 = hole, with at least one kept pixel.
    Returns `[C, H, W]` float32. Kept pixels keep their bits; new values stay within each channel's kept
    range. Values under the mask are never read.
    """
    hole = (mask > 0).flatten().numpy()
    kept = image.flatten(1).numpy()[:, ~hole].astype(np.float64)
    operator = _biharmonic(*image.shape[1:])[hole]
    # The operator is symmetric and positive definite on the hole: no pivoting is needed.
    solver = splu(
        operator[:, hole].tocsc(),
        permc_spec="MMD_AT_PLUS_A",
        diag_pivot_thresh=0.0,
        options={"SymmetricMode": True},
    )
    filled = solver.solve(-(operator[:, ~hole] @ kept.T)).T
    filled = filled.clip(kept.min(1, keepdims=True), kept.max(1, keepdims=True))
    result = image.float().flatten(1).clone()
    result[:, torch.from_numpy(hole)] = torch.from_numpy(filled).float()
    return result.view_as(image)


def _biharmonic(height: int, width: int) -> sparse.csr_array:
    """Square of the 5-point Laplacian with mirrored borders, on pixels in row-major order."""
    rows, columns = _second_difference(height), _second_difference(width)
    laplacian = sparse.kron(rows, sparse.eye_array(width)) + sparse.kron(sparse.eye_array(height), columns)
    return sparse.csr_array(laplacian @ laplacian)


def _second_difference(length: int) -> sparse.dia_array:
    diagonal = np.full(length, -2.0)
    diagonal[[0, -1]] = -1.0  # the mirrored neighbor is the pixel itself
    ones = np.ones(length - 1)
    return sparse.diags_array([ones, diagonal, ones], offsets=[-1, 0, 1])
