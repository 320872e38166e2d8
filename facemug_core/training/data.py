"""Training faces on disk."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..conventions import CODE_DIM, LABELS
from ..errors import InputError
from ..pictures import from_bytes
from .bank_faces import Faces
from .draws import Draw

RARE_THINGS = {"hat": 0.01, "eye_g": 0.005}
"""Rare classes, and the share of the picture from which they count."""

RARE_SHARE = 1 / 6
"""Share of samples that are drawn from the rare faces."""


class FaceShards:
    """Aligned faces with parser labels and, for bank faces, their codes: all `.npz` files of a folder.

    A shard has `images` uint8 `[N, 256, 256, 3]`, and optionally `w` float32 `[N, 512]` (otherwise NaN) and
    `labels` int8 `[N, 256, 256]` (otherwise −1).

    Args:
        folder: made by `prepare`.
        coded: use only faces with known codes.

    Raises:
        InputError: the folder has no shard, or none with codes.
    """

    def __init__(self, folder: str | Path, coded: bool = False) -> None:
        files = sorted(Path(folder).glob("*.npz"))
        if not files:
            raise InputError(
                f"Expected training faces (*.npz) in {folder}, but found none. "
                "Make some with `python -m facemug_core prepare`."
            )
        shards = [dict(np.load(file)) for file in files]
        if coded:
            shards = [shard for shard in shards if "w" in shard]
        if not shards:
            raise InputError(
                f"The faces in {folder} are photos without known codes; this stage needs bank faces. "
                "Make some with `python -m facemug_core prepare`."
            )
        self.images = np.concatenate([shard["images"] for shard in shards])
        self.labels = np.concatenate([_labels(shard) for shard in shards])
        self.codes = np.concatenate([_codes(shard) for shard in shards])
        self.rare: Sequence[int] = np.flatnonzero(
            [_wears_rare_things(labels) for labels in self.labels]
        ).tolist()

    def __len__(self) -> int:
        return len(self.images)

    @property
    def code_variance(self) -> float:
        """Mean variance of an entry of the codes."""
        codes = torch.from_numpy(self.codes)
        return (codes - codes.mean(0)).square().mean().item()

    def face(self, index: int) -> tuple[Tensor, Tensor, Tensor]:
        """Image `[3, 256, 256]` in [-1, 1], labels int64 `[256, 256]`, code w `[512]`."""
        image = from_bytes(torch.from_numpy(self.images[index]).permute(2, 0, 1))
        return image, torch.from_numpy(self.labels[index]).long(), torch.from_numpy(self.codes[index])


def _codes(shard: dict[str, np.ndarray]) -> np.ndarray:
    codes = shard.get("w")
    return np.full((len(shard["images"]), CODE_DIM), np.nan, np.float32) if codes is None else codes


def _labels(shard: dict[str, np.ndarray]) -> np.ndarray:
    labels = shard.get("labels")
    return np.full(shard["images"].shape[:3], -1, np.int8) if labels is None else labels.astype(np.int8)


def _wears_rare_things(labels: np.ndarray) -> bool:
    """Whether the classes `[256, 256]` show a hat or glasses."""
    return any((labels == LABELS.index(name)).mean() > least for name, least in RARE_THINGS.items())


def some_face(faces: Faces, draw: Draw) -> tuple[Tensor, Tensor, Tensor]:
    """A random face (`Faces.face`); rare ones, as with hats, are drawn more often."""
    if faces.rare and draw.chance(RARE_SHARE):
        return faces.face(faces.rare[draw.integer(len(faces.rare))])
    return faces.face(draw.integer(len(faces)))
