"""Faces to evaluate on: bank faces of reserved seeds with a mask, guides of the truth and an exemplar each.

Everything about a face follows from its seed. What is slow to make is kept in a cache folder.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from ..checkpoints.files import replacing
from ..conditions import one_hot, pencil_sketch, region_means
from ..conventions import REGIONS, WORKING_SIZE
from ..faces.parsing import Parser
from ..faces.regions import grow_mask, region_mask
from ..latents import broadcast
from ..networks.banks import FeatureBank
from ..networks.mapping import MappingNetwork
from ..pictures import from_bytes, to_bytes
from ..training.masks import cmod_mask, stroke_mask
from .inpainting import inpaint_biharmonic

FIRST_SEED = 1_000_000_000
"""Seeds from here up are reserved for evaluation: training draws its faces from far lower ones."""

CACHE_VERSION = 3
"""To be raised when a seed gives another face, mask or baseline than before."""

RARE_CLASSES = (*REGIONS["hat"], *REGIONS["glasses"])
RARE_PIXELS = 300
"""So many pixels of a rare class make a face a rare one."""

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True, eq=False)
class Faces:
    """A batch of evaluation faces; pictures are [B, 3, 256, 256] in [-1, 1] and of 8-bit depth."""

    seeds: tuple[int, ...]
    kinds: tuple[str, ...]
    """Where each mask comes from, a key of `MASK_KINDS`."""
    photo: Tensor
    """The truth: the bank's picture in a random tone."""
    exemplar: Tensor
    """The same picture in another tone."""
    biharmonic: Tensor
    """The photo with its hole filled by biharmonic inpainting: the baseline."""
    mask: Tensor
    """`[B, 1, 256, 256]`, 1 = hole."""
    labels: Tensor
    """Classes that the parser sees in the photo, `[B, 256, 256]` int64."""
    other_photo: Tensor
    """Another person, for guides that differ from the truth."""
    other_labels: Tensor
    """Classes of that person's photo."""

    def __len__(self) -> int:
        return len(self.seeds)

    def to(self, device: torch.device | str) -> Faces:
        """The same faces on another device."""
        tensors: dict[str, Any] = {
            field.name: value.to(device)
            for field in fields(self)
            if isinstance(value := getattr(self, field.name), Tensor)
        }
        return replace(self, **tensors)

    @property
    def sketch(self) -> Tensor:
        """Lines of the truth, `[B, 1, 256, 256]` in {0, 1}."""
        return pencil_sketch(self.photo)

    @property
    def semantic(self) -> Tensor:
        """Classes of the truth, one-hot `[B, 19, 256, 256]`."""
        return one_hot(self.labels)

    @property
    def color(self) -> Tensor:
        """Mean color of each region of the truth, `[B, 3, 256, 256]` in [-1, 1]."""
        return region_means(self.photo, self.labels)


class BankFaces:
    """Makes the faces of reserved seeds, and keeps them in a folder for the next evaluation.

    Args:
        mapping: with its mean code.
        bank: draws 1024 px pictures.
        parser: reads the classes of the photo.
        folder: where the cache is or will be.
    """

    def __init__(
        self, mapping: MappingNetwork, bank: FeatureBank, parser: Parser, folder: str | Path
    ) -> None:
        self.mapping = mapping
        self.bank = bank
        self.parser = parser
        self.folder = Path(folder) / f"bank_faces_v{CACHE_VERSION}"

    def batches(self, count: int, size: int) -> Iterator[Faces]:
        """The first `count` faces in batches of `size`: always the same ones, mask kinds taking turns.

        Two neighbors are each other's other person; but one in four gets a person with a hat or glasses
        from an earlier batch, where there was one.
        """
        rare: list[int] = []
        for start in range(0, count, size):
            indices = range(start, min(start + size, count))
            found = [self._cached(index) for index in indices]
            others = [rare[i // 4 % len(rare)] if rare and i % 4 == 3 else i ^ 1 for i in indices]
            yield _batch(found, [self._cached(index) for index in others], start)
            rare += [i for i, face in zip(indices, found, strict=True) if _is_rare(face["labels"])]

    def _cached(self, index: int) -> Arrays:
        path = self.folder / f"{index:06d}.npz"
        if not path.exists():
            arrays = self._make(index)
            with replacing(path) as temporary, temporary.open("wb") as file:
                np.savez_compressed(file, **arrays)  # type: ignore[arg-type]  # no array is called allow_pickle
        with np.load(path) as arrays:
            return dict(arrays)

    @torch.no_grad()
    def _make(self, index: int) -> Arrays:
        generator = torch.Generator().manual_seed(FIRST_SEED + index)
        picture = self.bank(broadcast(drawn_code(self.mapping, generator)))
        picture = F.adaptive_avg_pool2d(picture, WORKING_SIZE)[0].clamp(-1, 1)  # [3, 256, 256]
        photo, exemplar = (to_bytes(in_random_tone(picture, generator)).numpy() for _ in range(2))
        truth = from_bytes(torch.from_numpy(photo))
        labels = self.parser.parse(truth[None])[0]
        mask = MASK_KINDS[_kind(index)](labels, generator)
        return {
            "photo": photo,
            "exemplar": exemplar,
            "biharmonic": to_bytes(inpaint_biharmonic(truth, mask)).numpy(),
            "mask": mask.bool().numpy(),
            "labels": labels.byte().numpy(),
        }


def drawn_code(mapping: MappingNetwork, generator: torch.Generator) -> Tensor:
    """The code [1, 512] of a face, of a truncation from 0.5 to 1: its own from a generator of its seed."""
    z = torch.randn(1, len(mapping.mean_code), generator=generator)
    truncation = 0.5 + 0.5 * torch.rand(1, generator=generator)
    mean = mapping.mean_code
    return mean + truncation.to(mean) * (mapping(z.to(mean)) - mean)


def random_region_mask(labels: Tensor, generator: torch.Generator) -> Tensor:
    """One to three named regions of a face, grown by 2 to 16 pixels, 1 to 90 % of the picture.

    `labels` `[H, W]` int64; returns `[1, H, W]` in {0, 1}.
    """
    names = tuple(REGIONS)
    while True:
        count = int(torch.randint(1, 4, (1,), generator=generator))
        chosen = torch.randperm(len(names), generator=generator)[:count].tolist()
        pixels = int(torch.randint(2, 17, (1,), generator=generator))
        region = region_mask(labels[None], "+".join(names[i] for i in chosen))
        mask = grow_mask(region, pixels)[0]
        # Most faces lack some regions, and some regions together leave nothing to keep.
        if region.mean() >= 0.005 and 0.01 <= mask.mean() <= 0.9:
            return mask


MASK_KINDS: Mapping[str, Callable[[Tensor, torch.Generator], Tensor]] = {
    "regions": random_region_mask,
    "strokes": lambda labels, generator: stroke_mask(generator, labels.shape[-1]),
    "generator": lambda labels, generator: cmod_mask(generator, labels.shape[-1]),
}
"""Makers of a mask `[1, H, W]` from a face's classes `[H, W]` and a random generator."""


def _kind(index: int) -> str:
    return tuple(MASK_KINDS)[index % len(MASK_KINDS)]


def in_random_tone(picture: Tensor, generator: torch.Generator) -> Tensor:
    """Another gamma, contrast, white balance and saturation, so that the bank's own tones are no help.

    `picture` `[3, H, W]` in [-1, 1]; returns the same.
    """
    gamma, contrast, saturation, *gains = torch.empty(6).uniform_(-1, 1, generator=generator).tolist()
    x = ((picture + 1) / 2) ** (1.35**gamma)
    x = x * x.new_tensor(gains).mul(0.1).exp()[:, None, None]
    x = torch.lerp(x.mean(dim=0, keepdim=True), x, 1 + 0.25 * saturation)
    x = torch.lerp(x.mean(), x, 1 + 0.2 * contrast)
    return x.clamp(0, 1) * 2 - 1


def _is_rare(labels: NDArray[np.integer]) -> bool:
    """Whether a face wears a hat or glasses."""
    return int(np.isin(labels, RARE_CLASSES).sum()) >= RARE_PIXELS


def _batch(faces: list[Arrays], others: list[Arrays], start: int) -> Faces:
    def stacked(name: str, faces: list[Arrays] = faces) -> Tensor:
        return torch.from_numpy(np.stack([face[name] for face in faces]))

    indices = range(start, start + len(faces))
    return Faces(
        seeds=tuple(FIRST_SEED + index for index in indices),
        kinds=tuple(_kind(index) for index in indices),
        photo=from_bytes(stacked("photo")),
        exemplar=from_bytes(stacked("exemplar")),
        biharmonic=from_bytes(stacked("biharmonic")),
        mask=stacked("mask").float(),
        labels=stacked("labels").long(),
        other_photo=from_bytes(stacked("photo", others)),
        other_labels=stacked("labels", others).long(),
    )
