"""Face parsing: the class of every pixel (PAPER 14.1)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..checkpoints.weights import SHIPPED, Weights
from ..conventions import FLIPPED_LABELS, IMAGENET_MEAN, IMAGENET_STD
from ..networks.bisenet import BiSeNet

PARSING_SIZE = 512
"""Longer side, in pixels, of the parser's input; its weights were trained at this size."""


class Parser:
    """Reads the class of every pixel with a parsing network.

    Args:
        network: takes ImageNet-normalized RGB `[B, 3, h, w]`, returns logits `[B, C, h, w]`; in eval mode.
    """

    def __init__(self, network: nn.Module) -> None:
        self.network = network

    @classmethod
    def load(cls, weights: Weights = SHIPPED, device: torch.device | str = "cpu") -> Parser:
        """Load the weights, which `fetch run` downloads.

        Raises:
            WeightsMissingError: the weights are missing.
        """
        return cls(weights.network(BiSeNet, "bisenet").to(device))

    @torch.no_grad()
    def parse(self, images: Tensor) -> Tensor:
        """Class ids `[B, H, W]` (int64, indices of `LABELS`) of pictures `[B, 3, H, W]` in [-1, 1].

        Left and right are the subject's if the face is upright and centered, as in an aligned crop
        (`own_sides`).

        The picture is resized to 512 pixels (bilinear), and the map back to the picture's size (nearest).
        """
        size = images.shape[-2:]
        device = next(self.network.parameters(), images).device
        scale = PARSING_SIZE / max(size)
        seen = [max(32, round(side * scale)) for side in size]
        x = F.interpolate(images.to(device), seen, mode="bilinear", antialias=True)
        mean = x.new_tensor(IMAGENET_MEAN).view(1, 3, 1, 1)
        std = x.new_tensor(IMAGENET_STD).view(1, 3, 1, 1)
        labels = self.network(((x + 1) / 2 - mean) / std).argmax(dim=1, keepdim=True)  # [B, 1, h, w]
        labels = F.interpolate(labels.float(), size, mode="nearest-exact")[:, 0].long()
        return own_sides(labels.to(images.device))


def own_sides(labels: Tensor) -> Tensor:
    """Class ids `[B, H, W]` of an upright, centered face, with left and right as the subject's.

    The parser confuses the sides of brows, eyes and ears: in about half of all faces left and right are
        swapped, in some both are of one side. So the place decides: the subject's left is right of the middle
        column.
    """
    mirrored = torch.tensor(FLIPPED_LABELS, device=labels.device)[labels]
    left, right = torch.minimum(labels, mirrored), torch.maximum(labels, mirrored)  # l_ precedes r_
    middle = labels.shape[-1] // 2
    return torch.cat([right[..., :middle], left[..., middle:]], dim=-1)
