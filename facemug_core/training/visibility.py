"""Visibility of differences of codes, measured on random faces."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from ..latents import broadcast
from ..networks.mapping import MappingNetwork
from ..networks.perceptual import PerceptualLoss
from .bank_faces import bank_code

MEASURED_FACES = 200
"""Number of faces whose pictures are measured."""
VARIANCE_FACES = 1000
"""Number of faces whose codes are measured."""
MEASURED_FROM = 200_000_000
"""Seed of the first face."""


def measured_codes(mapping: MappingNetwork) -> Tensor:
    """Codes w `[1000, 512]` of the measured faces."""
    return torch.cat([bank_code(MEASURED_FROM + i, mapping) for i in range(VARIANCE_FACES)])


def measure_visibility(
    picture_of: Callable[[Tensor], Tensor], perceptual: PerceptualLoss, codes: Tensor
) -> Tensor:
    """Visibility V `[512, 512]` of small differences δ of codes w, as δᵀ V δ; mean over faces.

    δᵀ V δ is the growth of the perceptual distance plus the squared difference of pictures pooled by 16. Both
    are squared lengths of vectors, and V is the mean of g gᵀ, where g is the gradient of vector · noise.

    Args:
        picture_of: codes `[1, 18, 512]` → picture `[1, 3, 256, 256]`, differentiable.
        perceptual: frozen perceptual loss, on the device of the codes.
        codes: of the faces to measure on, w `[N, 512]`.
    """
    total = torch.zeros(codes.shape[1], codes.shape[1], device=codes.device)
    for face, w in enumerate(codes.split(1)):
        start = w.clone().requires_grad_()
        noise = torch.Generator().manual_seed(face)
        picture = picture_of(broadcast(start))
        levels = list(perceptual.features(picture).values())
        answer = _random_sum(F.avg_pool2d(picture, 16), noise) / 3**0.5
        for level in levels:
            answer = answer + _random_sum(level, noise) / len(levels) ** 0.5
        gradient = torch.autograd.grad(answer, start)[0][0]
        total += gradient.outer(gradient)
    return total / len(codes)


def _root_of(covariance: Tensor) -> Tensor:
    """Symmetric square root of a covariance `[N, N]`."""
    variances, axes = torch.linalg.eigh(covariance)
    return (axes * variances.clamp(min=0).sqrt()) @ axes.T


def _random_sum(maps: Tensor, noise: torch.Generator) -> Tensor:
    """Sum of `[1, C, H, W]` times normal noise, averaged over pixels so that unit vectors give size 1."""
    numbers = torch.randn(maps.shape, generator=noise).to(maps.device)
    return (maps * numbers).sum() / (maps.shape[-1] * maps.shape[-2]) ** 0.5


def descent_steps(visibility: Tensor, covariance: Tensor, rank: int, prior: float = 0.5) -> Tensor:
    """`Inverter.steps` S `[512, rank]`: S Sᵀ inverts the summed curvature of distance and likelihood.

    Args:
        visibility: curvature of the distance of pictures with a code w, `[512, 512]` (`measure_visibility`).
        covariance: of the codes w of faces, `[512, 512]`.
        rank: number of the most visible directions to keep.
        prior: weight of a code's likelihood, as the distance that equals one standard deviation.
    """
    spread = _root_of(covariance.double())
    seen, directions = torch.linalg.eigh(spread @ visibility.double() @ spread)
    steps = spread @ (directions * (seen + prior).rsqrt())
    return steps[:, -rank:].to(visibility.dtype)
