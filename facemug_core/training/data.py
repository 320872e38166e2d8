"""Training faces on disk, and random edits of them: the generator's and the encoder's samples.

A sample depends on the run's seed and its number alone, never on what was drawn before: a run that stops and
goes on sees the same samples as one that did not stop.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.data import Dataset

from ..conditions import one_hot, pencil_sketch, region_means, superpixels
from ..conventions import ENCODER_CHANNELS, GUIDE_CHANNELS, REGIONS
from ..errors import InputError
from ..faces.regions import region_mask
from ..pictures import from_bytes
from .masks import cmod_mask, mat_mask, rectangle_mask, stroke_mask

SUPERPIXELS = (30, 100)
"""Numbers of superpixels in color maps (PAPER 14.3)."""


class FaceShards:
    """Aligned faces with parser labels and, for bank faces, their codes: all `.npz` files of a folder.

    Each shard holds `images` uint8 [N, 256, 256, 3] and `w` float32 [N, 512], and may hold `labels` int8
    [N, 256, 256], without which every pixel's class is unknown, −1.

    Raises:
        InputError: the folder holds no shard.
    """

    def __init__(self, folder: str | Path) -> None:
        files = sorted(Path(folder).glob("*.npz"))
        if not files:
            raise InputError(
                f"Expected training faces (*.npz) in {folder}, but found none. "
                "Make some with `python -m facemug_core prepare`."
            )
        shards = [dict(np.load(file)) for file in files]
        self.images = np.concatenate([shard["images"] for shard in shards])
        self.labels = np.concatenate([_labels(shard) for shard in shards])
        self.codes = np.concatenate([shard["w"] for shard in shards])

    def __len__(self) -> int:
        return len(self.images)

    def face(self, index: int) -> tuple[Tensor, Tensor, Tensor]:
        """Image [3, 256, 256] in [-1, 1], labels int64 [256, 256], code w [512]."""
        image = from_bytes(torch.from_numpy(self.images[index]).permute(2, 0, 1))
        return image, torch.from_numpy(self.labels[index]).long(), torch.from_numpy(self.codes[index])


def _labels(shard: dict[str, np.ndarray]) -> np.ndarray:
    labels = shard.get("labels")
    return np.full(shard["images"].shape[:3], -1, np.int8) if labels is None else labels.astype(np.int8)


class Draw:
    """Random choices from one explicit generator."""

    def __init__(self, seed: int, number: int) -> None:
        # The two numbers are mixed so that neighbouring samples share no random stream.
        mixed = np.random.SeedSequence([seed, number]).generate_state(1, np.uint64)[0]
        self.generator = torch.Generator().manual_seed(int(mixed) & (2**63 - 1))

    def uniform(self, low: float = 0.0, high: float = 1.0) -> float:
        return low + (high - low) * torch.rand((), generator=self.generator).item()

    def integer(self, count: int) -> int:
        return int(torch.randint(count, (), generator=self.generator))

    def chance(self, probability: float) -> bool:
        return self.uniform() < probability

    def normal(self, *shape: int) -> Tensor:
        return torch.randn(shape, generator=self.generator)


def random_tone(image: Tensor, draw: Draw) -> Tensor:
    """Gamma, contrast, saturation and white balance of a photo [3, H, W] in [-1, 1], as cameras differ."""
    x = ((image + 1) / 2).clamp(0, 1) ** (2 ** draw.uniform(-0.8, 0.8))
    gray = x.mean(0, keepdim=True)
    x = gray + (x - gray) * draw.uniform(0.5, 1.4)
    x = 0.5 + (x - 0.5) * draw.uniform(0.75, 1.2) + draw.uniform(-0.1, 0.1)
    balance = torch.tensor([draw.uniform(0.85, 1.15) for _ in range(3)])
    return (x * balance[:, None, None]).clamp(0, 1) * 2 - 1


def random_region_mask(labels: Tensor, draw: Draw) -> Tensor:
    """One to three parser regions of [H, W] labels, grown by up to 12 px: [1, H, W] in {0, 1}."""
    names = list(REGIONS)
    chosen = "+".join(names[draw.integer(len(names))] for _ in range(1 + draw.integer(3)))
    return region_mask(labels[None], chosen, grow=draw.integer(13))[0]


def random_mask(labels: Tensor, draw: Draw) -> Tensor:
    """A mask [1, H, W] of any kind: the paper's, its milder variant, strokes, a rectangle or face parts."""
    kind = draw.uniform()
    if kind < 0.3:
        mask = random_region_mask(labels, draw)
        if mask.any():
            return mask
        return cmod_mask(draw.generator)
    for limit, generate in ((0.6, cmod_mask), (0.75, mat_mask), (0.95, stroke_mask)):
        if kind < limit:
            return generate(draw.generator)
    return rectangle_mask(draw.generator)


def color_map(image: Tensor, labels: Tensor, draw: Draw) -> Tensor:
    """Region means or superpixels of [3, H, W] (PAPER 14.3)."""
    if draw.chance(0.75):
        return region_means(image[None], labels[None])[0]
    return superpixels(image[None], SUPERPIXELS[draw.integer(2)])[0]


def random_guides(image: Tensor, labels: Tensor, draw: Draw, chances: Sequence[float]) -> dict[str, Tensor]:
    """Sketch, semantic and color map of the truth, each present with its chance, some with parts erased."""
    size = image.shape[-1]
    makers = {
        "sketch": lambda: pencil_sketch(image[None])[0],
        "semantic": lambda: one_hot(labels[None])[0],
        "color": lambda: color_map(image, labels, draw),
    }
    guides = {}
    for (name, make), chance in zip(makers.items(), chances, strict=True):
        if not draw.chance(chance):
            guides[name] = torch.zeros(GUIDE_CHANNELS[name], size, size)
            continue
        guide = make()
        if draw.chance(0.25):
            guide = guide * (1 - mat_mask(draw.generator))
        guides[name] = guide
    return guides


@dataclass(frozen=True)
class CodeMix:
    """How a training edit's code relates to the person in the picture: exact codes tell everything, and
    training with nothing else would teach to ignore the guides.

    Where there are no guides to contradict it, a code that leads to another person is none of the edit's
    mistakes: the projected code takes its place.
    """

    projected: float = 0.4
    """Share of samples with the code that the style encoder makes of the photo's visible part and guides."""
    own: float = 0.2
    """Share of samples with the person's own code; the codes of the rest lie on the way to a stranger's."""
    stranger: float = 0.2
    """Share of samples with a stranger's code, while guides and loss stay with the truth."""

    def draw(self, draw: Draw, *, guided: bool) -> tuple[bool, float]:
        """Whether the code is projected, and if not, how far it leaves the person's own."""
        kind, distance = draw.uniform(), draw.uniform()
        if kind < self.projected + self.own:
            return kind < self.projected, 0.0
        if kind < self.projected + self.own + self.stranger:
            distance = 1.0
        return not guided, distance


GUIDE_CHANCES = ((1.0, 1.0, 1.0), (0.5, 0.5, 0.5), (0.0, 0.0, 0.0))
"""Chances of sketch, semantic map and color map, of which each sample draws one triple: all, some, none."""


class GeneratorEdits(Dataset[dict[str, Tensor]]):
    """Random edits for Algorithm 3: image, mask, guides, the person's code w and how far to leave it.

    Item i is a dict of `image` [3, H, W], `mask` [1, H, W], `sketch`, `semantic`, `color`, `w` [512],
    `z` [512] (normal noise for the stranger), `distance` (λ of the way from w to the stranger, [1]) and
    `projected` ([1], whether the style encoder's code is used instead).
    """

    def __init__(self, faces: FaceShards, seed: int, mix: CodeMix | None = None) -> None:
        self.faces = faces
        self.seed = seed
        self.mix = mix or CodeMix()

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        draw = Draw(self.seed, index)
        image, labels, w = self.faces.face(draw.integer(len(self.faces)))
        if draw.chance(0.5):
            image = random_tone(image, draw)
        chances = GUIDE_CHANCES[draw.integer(len(GUIDE_CHANCES))]
        projected, distance = self.mix.draw(draw, guided=any(chances))
        return {
            "image": image,
            "mask": random_mask(labels, draw),
            **random_guides(image, labels, draw, chances),
            "w": w,
            "z": draw.normal(len(w)),
            "distance": torch.tensor([distance]),
            "projected": torch.tensor([projected]),
        }


def degrade(image: Tensor, draw: Draw) -> Tensor:
    """What cameras and files do to a photo [3, H, W] in [-1, 1]: tone, low resolution, noise, gray."""
    image = random_tone(image, draw)
    if draw.chance(0.05):
        image = image.mean(0, keepdim=True).expand(3, -1, -1)
    if draw.chance(0.4):
        size = image.shape[-1]
        small = F.interpolate(image[None], scale_factor=draw.uniform(0.2, 0.9), mode="area")
        image = F.interpolate(small, size=(size, size), mode="bilinear", align_corners=False)[0]
    if draw.chance(0.4):
        image = image + draw.normal(*image.shape) * draw.uniform(0.0, 0.1)
    return image.clamp(-1, 1)


def misalign(image: Tensor, labels: Tensor, draw: Draw) -> tuple[Tensor, Tensor]:
    """Turn, scale and shift a face [3, H, W] and its labels [H, W] as landmarks err: to 3°, 4 %, 4 px."""
    angle, scale = math.radians(draw.uniform(-3, 3)), draw.uniform(0.96, 1.04)
    shift = [draw.uniform(-4, 4) * 2 / image.shape[-1] for _ in range(2)]
    cos, sin = math.cos(angle) * scale, math.sin(angle) * scale
    matrix = torch.tensor([[[cos, -sin, shift[0]], [sin, cos, shift[1]]]])
    grid = F.affine_grid(matrix, [1, 1, *image.shape[-2:]], align_corners=False)
    moved = F.grid_sample(image[None], grid, padding_mode="border", align_corners=False)[0]
    ids = labels[None, None].float()
    ids = F.grid_sample(ids, grid, mode="nearest", padding_mode="border", align_corners=False)
    return moved, ids[0, 0].long()


class EncoderInputs(Dataset[dict[str, Tensor]]):
    """Corrupted guide stacks for Algorithm 1, with the code of the face: `guides` [26, H, W], `w` [512].

    A third of the samples is a whole photo (an exemplar), a third a photo with a hole and some guides (an
    edit), a third the paper's: one dominant modality nearly whole, the others dropped or torn (PAPER 2.5).
    """

    def __init__(self, faces: FaceShards, seed: int) -> None:
        self.faces = faces
        self.seed = seed

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        draw = Draw(self.seed, index)
        image, labels, w = self.faces.face(draw.integer(len(self.faces)))
        image, labels = misalign(image, labels, draw)
        image = degrade(image, draw) if draw.chance(0.8) else image
        kind = draw.uniform()
        absent = torch.zeros(ENCODER_CHANNELS - 3, *image.shape[-2:])
        if kind < 0.35:
            return {"guides": torch.cat([image, absent]), "w": w}
        if kind < 0.7:
            guides = random_guides(image, labels, draw, (0.5, 0.5, 0.5))
            keep = 1 - random_mask(labels, draw)
            return {"guides": torch.cat([image * keep, *guides.values()]), "w": w}
        guides = {"image": image, **random_guides(image, labels, draw, (1.0, 1.0, 1.0))}
        dominant = draw.integer(len(guides))
        torn = []
        for k, guide in enumerate(guides.values()):
            if k == dominant:
                torn.append(guide * cmod_mask(draw.generator))
            else:
                torn.append(guide * mat_mask(draw.generator) if draw.chance(0.5) else torch.zeros_like(guide))
        return {"guides": torch.cat(torn), "w": w}


class PosePairs(Dataset[dict[str, Tensor]]):
    """Faces and what references of their pose are made of, for Algorithm 2.

    Item i is a dict of `image` [3, H, W], `disturbed` (the same scaled, in another tone and with a part
    hidden, PAPER 5.3), its code `w` [512], `z` [512] (normal noise for a stranger), `turned` (how far the
    source is on its way to the mirror image, [1]) and `twin` ([1], whether the stranger is the reference).
    """

    def __init__(self, faces: FaceShards, seed: int) -> None:
        self.faces = faces
        self.seed = seed

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        draw = Draw(self.seed, index)
        image, labels, w = self.faces.face(draw.integer(len(self.faces)))
        disturbed, _ = misalign(random_tone(image, draw), labels, draw)
        hidden = cmod_mask(draw.generator) if draw.chance(0.5) else rectangle_mask(draw.generator)
        return {
            "image": image,
            "disturbed": disturbed * (1 - hidden),
            "w": w,
            "z": draw.normal(len(w)),
            "turned": torch.tensor([draw.uniform()]),
            "twin": torch.tensor([draw.chance(0.5)]),
        }


class FaceCodes(Dataset[dict[str, Tensor]]):
    """Bank faces as they are: `image` [3, H, W] and its code `w` [512]."""

    def __init__(self, faces: FaceShards, seed: int) -> None:
        self.faces = faces
        self.seed = seed

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        image, _, w = self.faces.face(Draw(self.seed, index).integer(len(self.faces)))
        return {"image": image, "w": w}


def sample_numbers(step: int, batch: int, rank: int, ranks: int) -> Iterator[list[int]]:
    """Sample numbers of this process's batches from `step` on: ranks interleave, no number comes twice."""
    while True:
        first = step * batch * ranks + rank
        yield list(range(first, first + batch * ranks, ranks))
        step += 1
