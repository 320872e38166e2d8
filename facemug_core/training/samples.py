"""Samples of the training stages: random edits, corrupted inputs, faces with their parts.

A sample depends on its number and the run's seed alone: resuming a run does not change its samples.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.utils.data import Dataset

from ..conditions import whole_photo
from .bank_faces import Faces
from .data import FaceShards, some_face
from .draws import Draw
from .masks import cmod_mask, mat_mask, random_mask, rectangle_mask
from .photographic import degraded, misalignment, moved, random_tone
from .sample_guides import MAKERS, random_guides, recolored

GUIDE_CHANCES = ((1.0, 1.0, 1.0), (0.5, 0.5, 0.5), (0.4, 0.3, 0.3), (0.7, 0.15, 0.1), (0.0, 0.0, 0.0))
"""Probabilities of sketch, semantic map and color map; a sample uses one triple."""

BORROWED_SHARE = 0.3
"""Share of guided samples whose guides are another person's, like drawings that differ from the photo."""

PROJECTED_SHARE, OWN_SHARE, STRANGER_SHARE = 0.6, 0.2, 0.05
"""Shares of samples by their code: between the encoder's and the true one; the true one; a stranger's. The
rest is between the true one and a stranger's."""

HOLE_SHARE = 0.6
"""Share of the faces with a gray hole."""


def misaligned(image: Tensor, labels: Tensor, draw: Draw) -> tuple[Tensor, Tensor]:
    """A face `[3, H, W]` and its labels `[H, W]`, moved together by landmark errors."""
    grid = misalignment(image[None], draw)
    ids = moved(labels[None, None].float(), grid, mode="nearest")
    return moved(image[None], grid)[0], ids[0, 0].long()


def code_mix(draw: Draw) -> tuple[bool, float]:
    """How the code of a training edit is mixed. Exact codes would teach the generator to ignore the guides.

    Returns:
        Whether the true code is mixed with the style encoder's, instead of a stranger's; and the mixing
        weight, 0 (the true code) to 1.
    """
    kind, distance = draw.uniform(), draw.uniform()
    if kind < PROJECTED_SHARE:
        return True, distance
    if kind < PROJECTED_SHARE + OWN_SHARE:
        return False, 0.0
    return False, 1.0 if kind < PROJECTED_SHARE + OWN_SHARE + STRANGER_SHARE else distance


class GeneratorEdits(Dataset[dict[str, Tensor]]):
    """Random edits for Algorithm 3: image, mask, guides, the true code w and how it is mixed.

    Item i is a dict of `image` `[3, H, W]`, `mask` `[1, H, W]`, `sketch`, `semantic`, `color`, `drawn` (the
    picture `[3, H, W]` that the guides come from), `w` `[512]`, `z` `[512]` (noise for the stranger),
    `projected` (`[1]`, whether w is mixed with the style encoder's code instead of the stranger's),
    `distance` (`[1]`, weight λ of that code) and `borrowed` (`[1]`, whether the guides are another person's,
    for which there is no truth).
    """

    def __init__(self, faces: FaceShards, seed: int) -> None:
        self.faces = faces
        self.seed = seed

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        draw = Draw(self.seed, index)
        image, labels, w = some_face(self.faces, draw)
        if draw.chance(0.5):
            image, labels = misaligned(image, labels, draw)
        if draw.chance(0.2):
            image = degraded(image[None], draw)[0]
        elif draw.chance(0.5):
            image = random_tone(image[None], draw)[0]
        present = [draw.chance(p) for p in GUIDE_CHANCES[draw.integer(len(GUIDE_CHANCES))]]
        if present[2] and draw.chance(0.5):
            image = recolored(image, labels, draw)
        elif draw.chance(0.25):
            # The background's color must say nothing about skin.
            image = recolored(image, labels, draw, ["background"])
        borrowed = any(present) and draw.chance(BORROWED_SHARE)
        drawn, drawn_labels = some_face(self.faces, draw)[:2] if borrowed else (image, labels)
        projected, distance = code_mix(draw)
        if w.isnan().any():  # photos have no known code
            projected, distance, w = True, 1.0, torch.zeros_like(w)
        return {
            "image": image,
            "mask": random_mask(labels, draw),
            **random_guides(drawn, drawn_labels, draw, present),
            "drawn": drawn,
            "w": w,
            "z": draw.normal(len(w)),
            "distance": torch.tensor([distance]),
            "projected": torch.tensor([projected]),
            "borrowed": torch.tensor([borrowed]),
        }


class EncoderInputs(Dataset[dict[str, Tensor]]):
    """Corrupted guide stacks for Algorithm 1, with the code of the face: `guides` `[26, H, W]`, `w` `[512]`.

    A third of the samples are whole photos (exemplars). A third are photos with a hole and some guides
    (edits). A third are the paper's (2.5): one dominant modality nearly whole, the others dropped or with
    parts erased.
    """

    def __init__(self, faces: Faces, seed: int) -> None:
        self.faces = faces
        self.seed = seed

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        draw = Draw(self.seed, index)
        image, labels, w = some_face(self.faces, draw)
        image, labels = misaligned(image, labels, draw)
        image = degraded(image[None], draw)[0] if draw.chance(0.8) else image
        kind = draw.uniform()
        if kind < 0.35:
            return {"guides": whole_photo(image[None]).stack[0], "w": w}
        if kind < 0.7:
            guides = random_guides(image, labels, draw, [draw.chance(0.5) for _ in MAKERS])
            keep = 1 - random_mask(labels, draw)
            return {"guides": torch.cat([image * keep, *guides.values()]), "w": w}
        guides = {"image": image, **random_guides(image, labels, draw, [True] * len(MAKERS))}
        dominant = draw.integer(len(guides))
        torn = []
        for k, guide in enumerate(guides.values()):
            if k == dominant:
                torn.append(guide * cmod_mask(draw.generator))
            else:
                torn.append(guide * mat_mask(draw.generator) if draw.chance(0.5) else torch.zeros_like(guide))
        return {"guides": torch.cat(torn), "w": w}


class PosePairs(Dataset[dict[str, Tensor]]):
    """Faces and the ingredients of references of their pose, for Algorithm 2.

    Item i is a dict of `image` `[3, H, W]`, `disturbed` (the same scaled, in another tone, partly hidden;
    PAPER 5.3), its code `w` `[512]`, `z` `[512]` (noise for a stranger), `turned` (`[1]`, weight of the
    mirror image's code in the source) and `twin` (`[1]`, whether the stranger is the reference).
    """

    def __init__(self, faces: FaceShards, seed: int) -> None:
        self.faces = faces
        self.seed = seed

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        draw = Draw(self.seed, index)
        image, labels, w = self.faces.face(draw.integer(len(self.faces)))
        disturbed, _ = misaligned(random_tone(image[None], draw)[0], labels, draw)
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
    """Unchanged bank faces: `image` `[3, H, W]` and its code `w` `[512]`."""

    def __init__(self, faces: FaceShards, seed: int) -> None:
        self.faces = faces
        self.seed = seed

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        image, _, w = self.faces.face(Draw(self.seed, index).integer(len(self.faces)))
        return {"image": image, "w": w}


class TonedParts(Dataset[dict[str, Tensor]]):
    """Faces, many of them degraded, in another tone or with a gray hole: `image` `[3, H, W]` and `labels`
    `[H, W]`, −1 = unknown or hidden."""

    def __init__(self, faces: Faces, seed: int) -> None:
        self.faces = faces
        self.seed = seed

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        draw = Draw(self.seed, index)
        image, labels, _ = some_face(self.faces, draw)
        image, labels = misaligned(image, labels, draw)
        if draw.chance(0.3):
            image = degraded(image[None], draw)[0]
        elif draw.chance(0.5):
            image = random_tone(image[None], draw)[0]
        if draw.chance(0.4):
            # The background's color must say nothing about the person.
            image = recolored(image, labels, draw, ["background"])
        if draw.chance(HOLE_SHARE):
            mask = random_mask(labels, draw)
            image, labels = image * (1 - mask), torch.where(mask[0] > 0, -1, labels)
        return {"image": image, "labels": labels}


class BankParts(Dataset[dict[str, Tensor]]):
    """Unchanged bank faces: `image` `[3, H, W]`, its `labels` `[H, W]` and its code `w` `[512]`."""

    def __init__(self, faces: FaceShards, seed: int) -> None:
        self.faces = faces
        self.seed = seed

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        image, labels, w = some_face(self.faces, Draw(self.seed, index))
        return {"image": image, "labels": labels, "w": w}
