"""Identity of faces, independent of light, hair and background."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..checkpoints.building import build_empty
from ..checkpoints.faceres import faceres_state
from ..checkpoints.reading import read_safetensors
from ..checkpoints.weights import SHIPPED, Weights
from ..conventions import WORKING_SIZE
from ..networks.faceres import FaceRes

INPUT_SIZE = 224
MEAN_BGR = (103.939, 116.779, 123.68)
"""Mean of each channel, blue first, which is subtracted from the input."""

TOP, LEFT, SIDE = 46, 38, 180
"""Square of a 256 px crop that is compared: the face without most of hair and background. On twelve photos of
six people it separates same and different people by 4.6 standard deviations (whole crops: 4.3; red first or
without the mean: 3.0 to 3.4)."""


class FaceComparer:
    """Compares aligned faces.

    Args:
        network: faces `[B, 3, 224, 224]`, blue first, less `MEAN_BGR` → features `[B, C]`; in eval mode.
    """

    name = "FaceRes cosine"

    def __init__(self, network: nn.Module) -> None:
        self.network = network

    @classmethod
    def load(cls, weights: Weights = SHIPPED, device: torch.device | str = "cpu") -> FaceComparer:
        """Load the weights, which `fetch compare` downloads.

        Raises:
            WeightsMissingError: the weights are missing.
        """
        tensors, _ = read_safetensors(weights.path("faceres.safetensors"))
        network = build_empty(FaceRes)
        network.load_state_dict(faceres_state(tensors))
        return cls(network.eval().requires_grad_(False).to(device))

    @torch.no_grad()
    def embed(self, crops: Tensor) -> Tensor:
        """Aligned crops `[B, 3, 256, 256]` in [-1, 1] → features `[B, C]` of unit length.

        The cosine of two faces is about 0.6 for two photos of one person, and 0.35 for two people.
        """
        return F.normalize(self.features(crops), dim=1)

    @torch.no_grad()
    def features(self, crops: Tensor) -> Tensor:
        """The features before normalization."""
        scale = crops.shape[-1] / WORKING_SIZE
        top, left, side = (round(n * scale) for n in (TOP, LEFT, SIDE))
        faces = crops[..., top : top + side, left : left + side]
        faces = F.interpolate(faces, (INPUT_SIZE, INPUT_SIZE), mode="bilinear", antialias=True)
        mean = faces.new_tensor(MEAN_BGR).view(1, 3, 1, 1)
        return self.network((faces.flip(1) + 1) * 127.5 - mean)
