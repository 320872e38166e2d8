"""What finds the codes of a photo by descent: a distance of pictures, and the coordinates to descend in."""

from __future__ import annotations

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
