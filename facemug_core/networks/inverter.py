"""What finds the codes of a photo by descent: a distance of pictures, and the coordinates to descend in."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .perceptual import PerceptualLoss


class Inverter(nn.Module):
    """A perceptual distance, and steps of the codes that are fit for making it small.

    Args:
        perceptual: frozen.
        steps: [512, rank], of a code w; each changes the picture as much as the others, none is unlikely.
    """

    steps: Tensor

    def __init__(self, perceptual: PerceptualLoss, steps: Tensor) -> None:
        super().__init__()
        self.perceptual = perceptual
        self.register_buffer("steps", steps)


def descent_steps(visibility: Tensor, covariance: Tensor, rank: int, prior: float = 0.5) -> Tensor:
    """`Inverter.steps` [512, rank]: P = S Sᵀ inverts the curvature of distance and of likelihood together.

    Args:
        visibility: curvature of the distance of pictures with a code w, [512, 512] (`training.visibility`).
        covariance: of the codes w of faces, [512, 512].
        rank: how many of the most visible directions to keep.
        prior: weight of the likelihood of a code, as the distance that one standard deviation is worth.
    """
    variances, axes = torch.linalg.eigh(covariance.double())
    spread = (axes * variances.clamp(min=0).sqrt()) @ axes.T
    seen, directions = torch.linalg.eigh(spread @ visibility.double() @ spread)
    steps = spread @ (directions * (seen + prior).rsqrt())
    return steps[:, -rank:].to(visibility.dtype)
