"""Face parsing: the class of every pixel (PAPER 14.1)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..checkpoints.weights import SHIPPED, Weights
from ..conventions import FLIPPED_LABELS, IMAGENET_MEAN, IMAGENET_STD
from ..networks.bisenet import BiSeNet

PARSING_SIZE = 512
"""Longer side, in pixels, at which the parser sees a picture; its weights were trained at this size."""


class Parser:
    """Reads the class of every pixel with a parsing network.

    Args:
        network: takes ImageNet-normalised RGB `[B, 3, h, w]`, returns logits `[B, C, h, w]`; in eval mode.
    """

    def __init__(self, network: nn.Module) -> None:
        self.network = network

    @classmethod
    def load(cls, weights: Weights = SHIPPED, device: torch.device | str = "cpu") -> Parser:
        """With the weights that `fetch run` brings.

        Raises:
            WeightsMissingError: they are not there.
        """
        return cls(weights.network(BiSeNet, "bisenet").to(device))

    @torch.no_grad()
    def parse(self, images: Tensor) -> Tensor:
        """Class ids `[B, H, W]` (int64, indices of `LABELS`) of pictures `[B, 3, H, W]` in [-1, 1].

        Left and right parts are the subject's own where the face is upright with its eyes about the middle
        column, as in an aligned crop (`own_sides`).

        The picture is brought to 512 pixels (bilinear; a smaller one is enlarged), the best class of each
        pixel is taken, and the map is brought back to the picture's size (nearest).
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
    """Class ids `[B, H, W]` of an upright, centered face, with left and right as the subject's own.

    The parser tells brows, eyes and ears from each other, but not their sides: about half of all faces come
    with left and right exchanged, some with both of one side. The place tells them: the subject's left lies
    right of the middle column.
    """
    mirrored = torch.tensor(FLIPPED_LABELS, device=labels.device)[labels]
    left, right = torch.minimum(labels, mirrored), torch.maximum(labels, mirrored)  # l_ precedes r_
    middle = labels.shape[-1] // 2
    return torch.cat([right[..., :middle], left[..., middle:]], dim=-1)
