"""Training of the small face text-image model on bank faces with captions made from measured facts.

What is known of a face, or said by a caption, has a fixed place in their common space (`facts.fact_codes`).
The image side is a linear read-out of a frozen trunk's features, whose best weights a ridge regression finds
at once; only the text side is trained by descent.
"""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import Dataset

from ..checkpoints.formats.ours import FACE_CLIP_KIND
from ..editing.clip import Clip, WordTokenizer, face_clip, face_clip_network
from ..errors import InputError
from ..networks.face_tower import FaceTower
from ..networks.mobilenet_v2 import MobileNetV2Features
from .bank_faces import Faces
from .captions import agreement, caption, tellings, vocabulary
from .data import Draw
from .facts import fact_codes
from .loop import Batch

JUDGED = 100
"""Faces that retrieval is judged on: the last of a folder, never trained on."""

RIDGE = 2.0
"""Penalty of the read-out's weights, for features of unit variance; their number is divided out."""

AT_ONCE = 10
"""Faces that the trunk sees together."""


def check_enough(faces: Faces) -> None:
    """Raise an `InputError` if there are too few faces to keep some to judge by."""
    if len(faces) <= JUDGED:
        raise InputError(
            f"Expected more than {JUDGED} faces, as so many are kept to judge by, but got {len(faces)}."
        )


class CaptionedFaces(Dataset[dict[str, Tensor]]):
    """Random captions of faces: `number` of the face, `tokens`, and the `code` of what is said [FACE_DIM].

    Args:
        faces: of which all but the last `JUDGED` are drawn.
        levels: facts [N, attributes].
        seed: of the run.

    Raises:
        InputError: there are too few faces to keep some to judge by.
    """

    def __init__(self, faces: Faces, levels: NDArray[np.int64], seed: int) -> None:
        check_enough(faces)
        self.faces = faces
        self.levels = levels
        self.seed = seed
        self.tokenizer = WordTokenizer(tuple(vocabulary()))

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        draw = Draw(self.seed, index)
        number = draw.integer(len(self.faces) - JUDGED)
        said = caption(self.levels[number], draw)
        return {
            "number": torch.tensor(number),
            "tokens": self.tokenizer([said.text])[0],
            "code": fact_codes(said.asserts[None])[0],
        }


class ClipStage:
    """The face text-image model.

    Args:
        faces: to train on.
        levels: facts about them [N, attributes].
        trunk: MobileNetV2 with its ImageNet weights; stays as it is.
        seed: of the run.
    """

    name = "clip"
    critic: nn.Module | None = None

    def __init__(
        self, faces: Faces, levels: NDArray[np.int64], trunk: MobileNetV2Features, *, seed: int = 0
    ) -> None:
        words = vocabulary()
        self.model: nn.Module = face_clip_network(words)
        tower = self.model.visual
        assert isinstance(tower, FaceTower)
        tower.requires_grad_(False).trunk.load_state_dict(trunk.state_dict())
        self.faces = faces
        self.dataset = CaptionedFaces(faces, levels, seed)
        features = look(face_clip(self.model.eval(), words), faces)
        self.places = fit_read_out(tower.head, features, fact_codes(levels), judged=JUDGED)
        self.model.train()
        tower.eval()

    def parameter_groups(self, learning_rate: float) -> list[dict[str, Any]]:
        return [{"params": [p for p in self.model.parameters() if p.requires_grad], "lr": learning_rate}]

    def to(self, device: torch.device) -> None:
        """There are no networks but the trained one."""

    def loss(self, model: nn.Module, batch: Batch, step: int) -> tuple[Tensor, dict[str, Tensor], Any]:
        texts = model.encode_text(batch["tokens"])  # type: ignore[operator]
        total = (1 - F.cosine_similarity(texts.float(), batch["code"])).mean()
        return total, {"loss": total.detach()}, None

    def critic_loss(self, critic: nn.Module, batch: Batch, made: Any, step: int) -> Tensor | None:
        return None

    def samples(self, model: nn.Module, batch: Batch) -> Tensor:
        """Rows: captions. Columns: the caption's own face, then the three of all that fit it best."""
        texts = model.encode_text(batch["tokens"]).cpu()  # type: ignore[operator]
        best = (texts @ F.normalize(self.places, dim=-1).T).topk(3, dim=1).indices
        rows = torch.cat([batch["number"].cpu()[:, None], best], 1)
        return torch.stack([torch.stack([self.faces.face(int(n))[0] for n in row]) for row in rows])


@torch.no_grad()
def fit_read_out(head: nn.Linear, features: Tensor, codes: Tensor, judged: int) -> Tensor:
    """Set a read-out to the ridge regression of codes [N, D] on features [N, F], all but the last `judged`.

    Returns:
        What it reads of all faces, [N, D].
    """
    features, codes = features.double(), codes.double()
    seen, known = features[: len(features) - judged], codes[: len(codes) - judged]
    mean, scale = seen.mean(0), seen.std(0) + 1e-3
    unit = (seen - mean) / scale / math.sqrt(features.shape[1])
    # There are far fewer faces than features: the regression is solved among the faces.
    shares = torch.linalg.solve(
        unit @ unit.T + RIDGE * torch.eye(len(unit), dtype=unit.dtype), known - known.mean(0)
    )
    weight = (unit.T @ shares / scale[:, None] / math.sqrt(features.shape[1])).T
    head.weight.copy_(weight)
    head.bias.copy_(known.mean(0) - weight @ mean)
    return head(features.float())


@torch.no_grad()
def look(clip: Clip, faces: Faces) -> Tensor:
    """The trunk's features [N, NUM_FEATURES] of all faces, in half precision."""
    looked = []
    for first in range(0, len(faces), AT_ONCE):
        numbers = range(first, min(first + AT_ONCE, len(faces)))
        pictures = torch.stack([faces.face(i)[0] for i in numbers])
        looked.append(clip.network.visual.look(clip.seen(pictures)).half())  # type: ignore[union-attr, operator]
    return torch.cat(looked)


def describe() -> dict[str, str]:
    """Metadata of the model's weights file."""
    return {"kind": FACE_CLIP_KIND, "words": json.dumps(vocabulary())}


# --- judging ------------------------------------------------------------------------------------------------


@torch.no_grad()
def retrieval_at_1(clip: Clip, faces: Faces, levels: NDArray[np.int64], seed: int = 0) -> float:
    """How often a caption finds its own face among the judged ones, by wordings that training never uses.

    Each caption states as many facts as a caption may; of some attempts, the one that fits the fewest faces.
    """
    judged = range(len(faces) - JUDGED, len(faces))
    told = [tellings(levels[i], Draw(seed, i)) for i in judged]
    best = most_distinct(np.array([[said.asserts for said in tries] for tries in told]), levels[judged])
    pictures = torch.stack([faces.face(i)[0] for i in judged])
    texts = [tries[i].text for tries, i in zip(told, best, strict=True)]
    similar = clip.texts(texts) @ clip.images(pictures).T
    return float((similar.argmax(1) == torch.arange(JUDGED)).float().mean())


def most_distinct(asserts: NDArray[np.int64], levels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Which of each face's captions fits the fewest faces, [N].

    Args:
        asserts: of the captions, [N, captions, attributes].
        levels: of the faces, [N, attributes].
    """
    counts = [agreement(own, levels)[0].sum(1) for own in asserts]
    return np.stack(counts).argmin(1)
