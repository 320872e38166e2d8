"""Training faces on disk, and random edits of them: the generator's and the encoder's samples.

A sample depends on the run's seed and its number alone, never on what was drawn before: a run that stops and
goes on sees the same samples as one that did not stop.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from ..conditions import one_hot, pencil_sketch, region_means, superpixels, whole_photo
from ..conventions import CODE_DIM, GUIDE_CHANNELS, LABELS, REGIONS
from ..errors import InputError
from ..faces.regions import region_mask
from ..pictures import from_bytes
from .augment import Draw, degrade, hand_drawn, misalign, random_tone, recolored
from .bank_faces import Faces
from .masks import cmod_mask, mat_mask, rectangle_mask, stroke_mask

SUPERPIXELS = (30, 100)
"""Numbers of superpixels in color maps (PAPER 14.3)."""

RARE_THINGS = {"hat": 0.01, "eye_g": 0.005}
"""Classes that few people have, and the share of the picture from which they count."""

RARE_SHARE = 1 / 6
"""Of all samples, beside those that come by chance."""

PERSON_SHARE = 0.35
"""Of the masks by regions, those of the whole person: the background's colors are none of a face's."""

HALF_SHARE = 0.06
"""Of the masks, those that hide half of the face."""


class FaceShards:
    """Aligned faces with parser labels and, for bank faces, their codes: all `.npz` files of a folder.

    Each shard holds `images` uint8 [N, 256, 256, 3], and may hold `w` float32 [N, 512], without which codes
    are unknown, NaN, and `labels` int8 [N, 256, 256], without which every pixel's class is unknown, −1.

    Args:
        folder: made by `prepare`.
        coded: only the faces whose codes are known.

    Raises:
        InputError: the folder holds no shard, or none with codes.
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
                f"The faces in {folder} are photos, whose codes nobody knows; bank faces are needed here. "
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
        """Image [3, 256, 256] in [-1, 1], labels int64 [256, 256], code w [512]."""
        image = from_bytes(torch.from_numpy(self.images[index]).permute(2, 0, 1))
        return image, torch.from_numpy(self.labels[index]).long(), torch.from_numpy(self.codes[index])


def _codes(shard: dict[str, np.ndarray]) -> np.ndarray:
    codes = shard.get("w")
    return np.full((len(shard["images"]), CODE_DIM), np.nan, np.float32) if codes is None else codes


def _labels(shard: dict[str, np.ndarray]) -> np.ndarray:
    labels = shard.get("labels")
    return np.full(shard["images"].shape[:3], -1, np.int8) if labels is None else labels.astype(np.int8)


def _wears_rare_things(labels: np.ndarray) -> bool:
    """Whether the classes [256, 256] show a hat or glasses."""
    return any((labels == LABELS.index(name)).mean() > least for name, least in RARE_THINGS.items())


def some_face(faces: Faces, draw: Draw) -> tuple[Tensor, Tensor, Tensor]:
    """A random face (`Faces.face`); few wear hats, so that these come more often than others."""
    if faces.rare and draw.chance(RARE_SHARE):
        return faces.face(faces.rare[draw.integer(len(faces.rare))])
    return faces.face(draw.integer(len(faces)))


def random_region_mask(labels: Tensor, draw: Draw) -> Tensor:
    """One to three parser regions of [H, W] labels, or the whole person, grown by up to 12 px: [1, H, W] in
    {0, 1}."""
    names = list(REGIONS)
    chosen = "+".join(names[draw.integer(len(names))] for _ in range(1 + draw.integer(3)))
    if draw.chance(PERSON_SHARE):
        chosen = "foreground"
    return region_mask(labels[None], chosen, grow=draw.integer(13))[0]


def half_mask(size: int, left: bool) -> Tensor:
    """The left or the right half of a face, [1, size, size] in {0, 1}."""
    right = (torch.arange(size) >= size // 2).float().expand(1, size, size)
    return 1 - right if left else right


def random_mask(labels: Tensor, draw: Draw) -> Tensor:
    """A mask [1, H, W] of any kind: the paper's, a milder one, strokes, a rectangle, parts, a half or all."""
    if draw.chance(0.05):
        return torch.ones(1, *labels.shape)
    if draw.chance(HALF_SHARE):
        return half_mask(labels.shape[-1], left=draw.chance(0.5))
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
    if draw.chance(0.88):  # superpixels take longer than all else of a sample
        return region_means(image[None], labels[None])[0]
    return superpixels(image[None], SUPERPIXELS[draw.integer(2)])[0]


def sketch(image: Tensor, labels: Tensor, draw: Draw) -> Tensor:
    """Lines of [3, H, W]: half of them as the filter draws them, a tenth by the legacy one, else by hand."""
    kind = draw.uniform()
    if kind < 0.1:
        return pencil_sketch(image[None], "legacy")[0]
    lines = pencil_sketch(image[None])[0]
    return lines if kind < 0.6 else hand_drawn(lines, labels, draw)


def random_guides(image: Tensor, labels: Tensor, draw: Draw, present: Sequence[bool]) -> dict[str, Tensor]:
    """Sketch, semantic and color map of the truth, those that are present, some with parts erased."""
    size = image.shape[-1]
    makers = {
        "sketch": lambda: sketch(image, labels, draw),
        "semantic": lambda: one_hot(labels[None])[0],
        "color": lambda: color_map(image, labels, draw),
    }
    guides = {}
    for (name, make), wanted in zip(makers.items(), present, strict=True):
        if not wanted:
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

    Where guides contradict it, a code that leads to another person gives way to the truth. Where there are
    none, the edit is to show that person: no truth is known, and likeness and the critic judge alone.
    """

    projected: float = 0.6
    """Share of samples with a code on the way from the one that the style encoder makes of visible part and
    guides to the person's own, as inversion finds."""
    own: float = 0.2
    """Share of samples with the person's own code; the codes of the rest lie on the way to a stranger's."""
    stranger: float = 0.05
    """Share of samples with a stranger's code."""

    def draw(self, draw: Draw) -> tuple[bool, float]:
        """Whether the code leads to the projected one instead of a stranger's, and how far from the person's
        own."""
        kind, distance = draw.uniform(), draw.uniform()
        if kind < self.projected:
            return True, distance
        if kind < self.projected + self.own:
            return False, 0.0
        return False, 1.0 if kind < self.projected + self.own + self.stranger else distance


GUIDE_CHANCES = ((1.0, 1.0, 1.0), (0.5, 0.5, 0.5), (0.4, 0.3, 0.3), (0.7, 0.15, 0.1), (0.0, 0.0, 0.0))
"""Chances of sketch, semantic map and color map, of which samples draw one triple: all, some, few, hardly
any but a sketch, none."""

BORROWED_SHARE = 0.3
"""Of the samples with guides, those whose guides are another person's, as users draw what is not there."""


class GeneratorEdits(Dataset[dict[str, Tensor]]):
    """Random edits for Algorithm 3: image, mask, guides, the person's code w and how far to leave it.

    Item i is a dict of `image` [3, H, W], `mask` [1, H, W], `sketch`, `semantic`, `color`, `drawn` (the
    picture [3, H, W] that the guides tell of), `w` [512], `z` [512] (normal noise for the stranger),
    `projected` ([1], whether the style encoder's code takes the stranger's place), `distance` (λ of the way
    from w to that code, [1]), `stranger` ([1], whether the edit is to show the person of the code) and
    `borrowed` ([1], whether the guides are another person's). For strangers and by borrowed guides no truth
    is known.
    """

    def __init__(self, faces: FaceShards, seed: int, mix: CodeMix | None = None) -> None:
        self.faces = faces
        self.seed = seed
        self.mix = mix or CodeMix()

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        draw = Draw(self.seed, index)
        image, labels, w = some_face(self.faces, draw)
        if draw.chance(0.5):
            image, labels = misalign(image, labels, draw)
        if draw.chance(0.2):
            image = degrade(image, draw)
        elif draw.chance(0.5):
            image = random_tone(image, draw)
        present = [draw.chance(p) for p in GUIDE_CHANCES[draw.integer(len(GUIDE_CHANCES))]]
        if present[2] and draw.chance(0.5):
            image = recolored(image, labels, draw)
        elif draw.chance(0.25):
            # A wall tells nothing of the skin before it.
            image = recolored(image, labels, draw, ["background"])
        borrowed = any(present) and draw.chance(BORROWED_SHARE)
        drawn, told = some_face(self.faces, draw)[:2] if borrowed else (image, labels)
        projected, distance = self.mix.draw(draw)
        if w.isnan().any():  # a photo's own code is nobody's to give
            projected, distance, w = True, 1.0, torch.zeros_like(w)
        return {
            "image": image,
            "mask": random_mask(labels, draw),
            **random_guides(drawn, told, draw, present),
            "drawn": drawn,
            "w": w,
            "z": draw.normal(len(w)),
            "distance": torch.tensor([distance]),
            "projected": torch.tensor([projected]),
            "stranger": torch.tensor([distance > 0 and not projected and not any(present)]),
            "borrowed": torch.tensor([borrowed]),
        }


class EncoderInputs(Dataset[dict[str, Tensor]]):
    """Corrupted guide stacks for Algorithm 1, with the code of the face: `guides` [26, H, W], `w` [512].

    A third of the samples is a whole photo (an exemplar), a third a photo with a hole and some guides (an
    edit), a third the paper's: one dominant modality nearly whole, the others dropped or torn (PAPER 2.5).
    """

    def __init__(self, faces: Faces, seed: int) -> None:
        self.faces = faces
        self.seed = seed

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        draw = Draw(self.seed, index)
        image, labels, w = some_face(self.faces, draw)
        image, labels = misalign(image, labels, draw)
        image = degrade(image, draw) if draw.chance(0.8) else image
        kind = draw.uniform()
        if kind < 0.35:
            return {"guides": whole_photo(image[None]).stack[0], "w": w}
        if kind < 0.7:
            guides = random_guides(image, labels, draw, [draw.chance(0.5) for _ in range(3)])
            keep = 1 - random_mask(labels, draw)
            return {"guides": torch.cat([image * keep, *guides.values()]), "w": w}
        guides = {"image": image, **random_guides(image, labels, draw, [True] * 3)}
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
