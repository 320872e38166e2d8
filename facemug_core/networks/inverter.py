"""What finds the codes of a photo by descent: pictures of codes, their distance, and the coordinates to
descend in."""

from __future__ import annotations

from torch import Tensor, nn

from .part_reader import PartReader
from .perceptual import PerceptualLoss
from .picture_head import PictureHead


class Inverter(nn.Module):
    """What draws codes, a perceptual distance, what tells the parts of a face by its features, and steps of
    the codes that are fit for making distances small.

    Args:
        head: frozen; draws off coarser features than edits do, as only small pictures are compared.
        perceptual: frozen.
        part_reader: frozen.
        steps: [512, rank], of a code w; each changes the picture as much as the others, none is unlikely.
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
