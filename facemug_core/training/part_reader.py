"""Training of what tells the parts of a face by the perceptual network's features."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import Dataset

from ..conditions import labels_to_palette, one_hot
from ..conventions import NUM_LABELS
from ..editing.inversion import SEEN_SIZE
from ..networks.layers import place
from ..networks.part_reader import PartReader
from ..networks.perceptual import PerceptualLoss
from ..pictures import from_bytes
from .augment import Draw, random_tone
from .bank_faces import Faces
from .loop import Batch

RARITY = 0.25
"""Classes weigh by this power of how rare they are: eyes are small, and nobody forgives wrong ones."""

RAREST = 1e-3
"""Share of the pixels below which a class weighs no more."""

COUNTED_FACES = 100
"""Faces that shares of classes are taken from."""


class TonedParts(Dataset[dict[str, Tensor]]):
    """Faces, half of them in another tone: `image` [3, H, W] and `labels` [H, W], −1 = unknown."""

    def __init__(self, faces: Faces, seed: int) -> None:
        self.faces = faces
        self.seed = seed

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        draw = Draw(self.seed, index)
        image, labels, _ = self.faces.face(draw.integer(len(self.faces)))
        return {"image": random_tone(image, draw) if draw.chance(0.5) else image, "labels": labels}


class PartReaderStage:
    """Shares of classes in each cell, by cross-entropy to the parser's.

    Args:
        faces: to train on.
        perceptual: frozen.
        seed: of the run.
    """

    name = "part_reader"
    critic: nn.Module | None = None

    def __init__(self, faces: Faces, perceptual: PerceptualLoss, *, seed: int = 0) -> None:
        self.model: nn.Module = PartReader()
        self.dataset = TonedParts(faces, seed)
        self.perceptual = perceptual
        labels = torch.stack([faces.face(i)[1] for i in range(min(COUNTED_FACES, len(faces)))])
        counts = torch.bincount(labels[labels >= 0], minlength=NUM_LABELS)
        self.weights = (counts / counts.sum()).clamp(min=RAREST) ** -RARITY

    def parameter_groups(self, learning_rate: float) -> list[dict[str, Any]]:
        return [{"params": self.model.parameters(), "lr": learning_rate}]

    def to(self, device: torch.device) -> None:
        place(self.perceptual, device)
        self.weights = self.weights.to(device)

    def loss(self, model: nn.Module, batch: Batch, step: int) -> tuple[Tensor, dict[str, Tensor], Any]:
        read = self._read(model, batch["image"])
        shares = class_shares(batch["labels"], read.shape[-1])
        total = -(self.weights[:, None, None] * shares * read.float()).sum(1).mean()
        right = (read.argmax(1) == shares.argmax(1)).float().mean()
        return total, {"loss": total.detach(), "right": right}, None

    def critic_loss(self, critic: nn.Module, batch: Batch, made: Any, step: int) -> Tensor | None:
        return None

    def samples(self, model: nn.Module, batch: Batch) -> Tensor:
        """Columns: the face, its parts as they are read, as the parser sees them."""
        size = batch["image"].shape[-2:]
        read = F.interpolate(self._read(model, batch["image"]).float(), size).argmax(1)
        parts = [from_bytes(labels_to_palette(x).permute(0, 3, 1, 2)) for x in (read, batch["labels"])]
        return torch.stack([batch["image"], *parts], 1)

    def _read(self, model: nn.Module, image: Tensor) -> Tensor:
        with torch.no_grad():
            features = self.perceptual.features(F.adaptive_avg_pool2d(image, SEEN_SIZE))
        return model(features)


def class_shares(labels: Tensor, cells: int) -> Tensor:
    """Share of each class in each cell of labels [B, H, W], −1 = unknown: [B, 19, cells, cells]."""
    return F.adaptive_avg_pool2d(one_hot(labels), cells)
