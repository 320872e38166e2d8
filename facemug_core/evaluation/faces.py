"""Evaluation faces: bank faces of reserved seeds, each with a mask, guides of the truth and an exemplar.

A face depends on its seed alone. Slow parts are kept in a cache folder.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
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
"""First seed reserved for evaluation; training uses far lower ones."""

CACHE_VERSION = 3
"""Raise it when a change of the code changes the face, mask or baseline of a seed."""

RARE_CLASSES = (*REGIONS["hat"], *REGIONS["glasses"])
RARE_PIXELS = 300
"""Fewest pixels of a rare class that make a face rare."""

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True, eq=False)
class Faces:
    """A batch of evaluation faces; pictures are `[B, 3, 256, 256]` in [-1, 1] and of 8-bit depth."""

    seeds: tuple[int, ...]
    kinds: tuple[str, ...]
    """Kind of each mask, a key of `MASK_KINDS`."""
    photo: Tensor
    """The truth: the bank's picture in a random tone."""
    exemplar: Tensor
    """The same picture in another tone."""
    biharmonic: Tensor
    """The photo with its hole filled by biharmonic inpainting: the baseline."""
    mask: Tensor
    """`[B, 1, 256, 256]`, 1 = hole."""
    labels: Tensor
    """The parser's classes of the photo, `[B, 256, 256]` int64."""
    other_photo: Tensor
    """Photos of another person, for guides that differ from the truth."""
    other_labels: Tensor
    """Classes of `other_photo`."""
    peers: Mapping[str, Tensor] = field(default_factory=dict)
    """Other systems' edits of the photos, by the system's name."""

    def __len__(self) -> int:
        return len(self.seeds)

    def to(self, device: torch.device | str) -> Faces:
        """The same faces on another device."""
        tensors: dict[str, Any] = {
            member.name: value.to(device)
            for member in fields(self)
            if isinstance(value := getattr(self, member.name), Tensor)
        }
        peers = {name: pictures.to(device) for name, pictures in self.peers.items()}
        return replace(self, peers=peers, **tensors)

    @classmethod
    def cat(cls, parts: Sequence[Faces]) -> Faces:
        """Batches concatenated."""
        first = parts[0]
        joined: dict[str, Any] = {
            member.name: torch.cat([getattr(part, member.name) for part in parts])
            for member in fields(cls)
            if isinstance(getattr(first, member.name), Tensor)
        }
        return cls(
            seeds=tuple(seed for part in parts for seed in part.seeds),
            kinds=tuple(kind for part in parts for kind in part.kinds),
            peers={name: torch.cat([part.peers[name] for part in parts]) for name in first.peers},
            **joined,
        )

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
    """Makes the faces of reserved seeds, and caches them in a folder.

    Args:
        mapping: with its mean code.
        bank: draws 1024 px pictures.
        parser: of the photos.
        folder: of the cache; created if missing.
    """

    def __init__(
        self, mapping: MappingNetwork, bank: FeatureBank, parser: Parser, folder: str | Path
    ) -> None:
        self.mapping = mapping
        self.bank = bank
        self.parser = parser
        self.folder = Path(folder) / f"bank_faces_v{CACHE_VERSION}"

    def batches(self, count: int, size: int) -> Iterator[Faces]:
        """The first `count` faces in batches of `size`, always the same; mask kinds alternate.

        `other_photo` is the neighbor's. One face in four gets that of a person with hat or glasses from an
        earlier batch, if there was one.
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
    """A random code `[1, 512]` at a random truncation from 0.5 to 1."""
    z = torch.randn(1, len(mapping.mean_code), generator=generator)
    truncation = 0.5 + 0.5 * torch.rand(1, generator=generator)
    mean = mapping.mean_code
    return mean + truncation.to(mean) * (mapping(z.to(mean)) - mean)


def random_region_mask(labels: Tensor, generator: torch.Generator) -> Tensor:
    """One to three named regions, grown by 2 to 16 pixels, that take 1 to 90 % of the picture.

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
    """Change gamma, contrast, white balance and saturation, which the bank would otherwise know.

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
