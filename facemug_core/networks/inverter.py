"""The frozen parts of inversion: gradient descent of codes to a photo."""

from __future__ import annotations

from torch import Tensor, nn

from .part_reader import PartReader
from .perceptual import PerceptualLoss
from .picture_head import PictureHead


class Inverter(nn.Module):
    """Frozen parts of inversion: picture head, perceptual loss, part classifier, low-rank preconditioner.

    Args:
        head: frozen; reads coarser features than the edits' head, because only small pictures are compared.
        perceptual: frozen.
        part_reader: frozen.
        steps: the preconditioner `[512, rank]`: likely steps of a code w, all of the same visibility.
    """

    steps: Tensor

    def __init__(
        self, head: PictureHead, perceptual: PerceptualLoss, part_reader: PartReader, steps: Tensor
    ) -> None:
        super().__init__()
        self.head = head
        self.perceptual = perceptual
        self.part_reader = part_reader
        self.register_buffer("steps", steps)
