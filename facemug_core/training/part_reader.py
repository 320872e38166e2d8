"""Training of the networks that read the parts of a face: off the perceptual network's features, and off the
bank's."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import Dataset

from ..conditions import labels_to_palette, one_hot
from ..config import PartHeadConfig
from ..conventions import NUM_LABELS
from ..latents import broadcast
from ..networks.banks import FeatureBank
from ..networks.layers import place
from ..networks.part_reader import SEEN_SIZE, PartHead, PartReader
from ..networks.perceptual import PerceptualLoss
from ..pictures import from_bytes
from .augment import Draw, degrade, misalign, random_tone, recolored
from .bank_faces import Faces
from .data import FaceShards, random_mask, some_face
from .loop import Batch

RARITY = 0.25
"""Classes weigh by this power of how rare they are: eyes are small, and nobody forgives wrong ones."""

RAREST = 1e-3
"""Share of the pixels below which a class weighs no more."""

COUNTED_FACES = 100
"""Faces that shares of classes are taken from."""


HOLE_SHARE = 0.6
"""Of the faces, those with a gray hole."""


class TonedParts(Dataset[dict[str, Tensor]]):
    """Faces, many of them as worse photos, in another tone or with a gray hole: `image` [3, H, W] and
    `labels` [H, W], −1 = unknown or hidden."""

    def __init__(self, faces: Faces, seed: int) -> None:
        self.faces = faces
        self.seed = seed

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        draw = Draw(self.seed, index)
        image, labels, _ = some_face(self.faces, draw)
        image, labels = misalign(image, labels, draw)
        if draw.chance(0.3):
            image = degrade(image, draw)
        elif draw.chance(0.5):
            image = random_tone(image, draw)
        if draw.chance(0.4):
            # The color of what is behind a person tells nothing of the person.
            image = recolored(image, labels, draw, ["background"])
        if draw.chance(HOLE_SHARE):
            mask = random_mask(labels, draw)
            image, labels = image * (1 - mask), torch.where(mask[0] > 0, -1, labels)
        return {"image": image, "labels": labels}


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
        self.weights = class_weights(faces)

    def parameter_groups(self, learning_rate: float) -> list[dict[str, Any]]:
        return [{"params": self.model.parameters(), "lr": learning_rate}]

    def to(self, device: torch.device) -> None:
        place(self.perceptual, device)
        self.weights = self.weights.to(device)

    def loss(self, model: nn.Module, batch: Batch, step: int) -> tuple[Tensor, dict[str, Tensor], Any]:
        return _weighted_loss(self._read(model, batch["image"]), batch["labels"], self.weights)

    def critic_loss(self, critic: nn.Module, batch: Batch, made: Any, step: int) -> Tensor | None:
        return None

    def samples(self, model: nn.Module, batch: Batch) -> Tensor:
        """Columns: the face, its parts as they are read, as the parser sees them."""
        return _side_by_side(batch["image"], self._read(model, batch["image"]), batch["labels"])

    def _read(self, model: nn.Module, image: Tensor) -> Tensor:
        with torch.no_grad():
            features = self.perceptual.features(F.adaptive_avg_pool2d(image, SEEN_SIZE))
        return model(features)


class BankParts(Dataset[dict[str, Tensor]]):
    """Bank faces as they are: `image` [3, H, W], its `labels` [H, W] and its code `w` [512]."""

    def __init__(self, faces: FaceShards, seed: int) -> None:
        self.faces = faces
        self.seed = seed

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        image, labels, w = some_face(self.faces, Draw(self.seed, index))
        return {"image": image, "labels": labels, "w": w}


class PartHeadStage:
    """Shares of classes in each cell of the bank's finest fused map, by cross-entropy to the parser's.

    Args:
        config: of the head.
        faces: bank faces with their codes.
        bank: frozen.
        seed: of the run.
    """

    name = "part_head"
    critic: nn.Module | None = None

    def __init__(
        self, config: PartHeadConfig, faces: FaceShards, bank: FeatureBank, *, seed: int = 0
    ) -> None:
        self.model: nn.Module = PartHead(config)
        self.resolution = max(config.bank_channels)
        self.dataset = BankParts(faces, seed)
        self.bank = bank.eval().requires_grad_(False)
        self.weights = class_weights(faces)

    def parameter_groups(self, learning_rate: float) -> list[dict[str, Any]]:
        return [{"params": self.model.parameters(), "lr": learning_rate}]

    def to(self, device: torch.device) -> None:
        place(self.bank, device)
        self.weights = self.weights.to(device)

    def loss(self, model: nn.Module, batch: Batch, step: int) -> tuple[Tensor, dict[str, Tensor], Any]:
        return _weighted_loss(self._read(model, batch["w"]), batch["labels"], self.weights)

    def critic_loss(self, critic: nn.Module, batch: Batch, made: Any, step: int) -> Tensor | None:
        return None

    def samples(self, model: nn.Module, batch: Batch) -> Tensor:
        """Columns: the face, its parts as they are read, as the parser sees them."""
        return _side_by_side(batch["image"], self._read(model, batch["w"]), batch["labels"])

    def _read(self, model: nn.Module, w: Tensor) -> Tensor:
        with torch.no_grad():
            maps = self.bank.features(broadcast(w), up_to=self.resolution)
        return model(maps)


def class_weights(faces: Faces) -> Tensor:
    """Weights of the classes [19]: rare ones weigh more."""
    labels = torch.stack([faces.face(i)[1] for i in range(min(COUNTED_FACES, len(faces)))])
    counts = torch.bincount(labels[labels >= 0], minlength=NUM_LABELS)
    return (counts / counts.sum()).clamp(min=RAREST) ** -RARITY


def _weighted_loss(read: Tensor, labels: Tensor, weights: Tensor) -> tuple[Tensor, dict[str, Tensor], None]:
    """Cross-entropy over what is known of labels [B, H, W], and the share of cells that are read right."""
    shares = class_shares(labels, read.shape[-1])
    known = shares.sum(1)
    total = -(weights[:, None, None] * shares * read.float()).sum() / known.sum().clamp(min=1)
    right = ((read.argmax(1) == shares.argmax(1)) * known).sum() / known.sum().clamp(min=1)
    return total, {"loss": total.detach(), "right": right}, None


def _side_by_side(image: Tensor, read: Tensor, labels: Tensor) -> Tensor:
    """Columns: a face, its parts as they are read, its labels."""
    found = F.interpolate(read.float(), image.shape[-2:]).argmax(1)
    parts = [from_bytes(labels_to_palette(x).permute(0, 3, 1, 2)) for x in (found, labels)]
    return torch.stack([image, *parts], 1)


def class_shares(labels: Tensor, cells: int) -> Tensor:
    """Share of each class in each cell of labels [B, H, W], −1 = unknown: [B, 19, cells, cells]."""
    return F.adaptive_avg_pool2d(one_hot(labels), cells)
