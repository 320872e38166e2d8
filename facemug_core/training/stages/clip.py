"""Training of the small face text-image model on bank faces with captions made from measured facts.

The facts about a face, or in a caption, determine its target in the common space (`facts.fact_codes`). The
image side is a linear layer on a frozen trunk's features, set by ridge regression. So is the layer that finds
the parts of a face. Only the text side is trained by gradient descent.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import Dataset

from ...checkpoints.files import FACE_CLIP_KIND
from ...checkpoints.weights import Weights
from ...config import ModelConfig
from ...editing.clip import (
    FACE_FILE,
    Clip,
    FaceClip,
    WordTokenizer,
    face_clip,
    load_clip,
)
from ...errors import InputError
from ...networks.face_tower import NUM_ANCHORS, NUM_COLORS, NUM_PLACES, FaceTower, part_maps
from ...networks.mobilenet_v2 import MobileNetV2Features
from ..bank_faces import Faces, Together
from ..captions import agreement, caption, tellings, vocabulary
from ..data import FaceShards
from ..draws import Draw
from ..facts import OBSERVED_TONED, Toned, fact_codes, load_facts
from ..options import Run, Settings
from ..parts import class_shares
from .stage import Batch, Stage, StageEntry

log = logging.getLogger(__name__)

JUDGED = 100
"""Number of faces for evaluating retrieval: the last of a folder, never trained on."""

RIDGE = 1.5
"""Ridge penalty, for features of unit variance divided by the root of their number."""

KINDS = ((NUM_PLACES, 1.0), (NUM_COLORS, 2.0), (NUM_ANCHORS, 1.0))
"""Number of features of each kind on the image side, and the total weight of the kind."""

PART_FACES = 500
"""Number of faces for the part classifier."""

AT_ONCE = 10
"""Batch size of the trunk."""


def check_enough(faces: Faces) -> None:
    """Check that some faces remain for training.

    Raises:
        InputError: there are too few faces.
    """
    if len(faces) <= JUDGED:
        raise InputError(
            f"Expected more than {JUDGED} faces, as {JUDGED} are kept for evaluation, but got {len(faces)}."
        )


class CaptionedFaces(Dataset[dict[str, Tensor]]):
    """Random captions of faces: `number` of the face, `tokens`, and `code` `[FACE_DIM]` of the stated facts.

    Args:
        faces: all but the last `JUDGED` are used.
        levels: facts `[N, attributes]`.
        seed: of the run.

    Raises:
        InputError: there are too few faces.
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


class ClipStage(Stage):
    """The face text-image model.

    Args:
        faces: to train on.
        levels: facts about them `[N, attributes]`.
        trunk: MobileNetV2 with its ImageNet weights; frozen.
        seed: of the run.
    """

    name = "clip"

    def __init__(
        self, faces: Faces, levels: NDArray[np.int64], trunk: MobileNetV2Features, *, seed: int = 0
    ) -> None:
        words = vocabulary()
        self.model: nn.Module = FaceClip(words)
        tower = self.model.visual
        assert isinstance(tower, FaceTower)
        tower.requires_grad_(False).trunk.load_state_dict(trunk.state_dict())
        self.faces = faces
        self.dataset = CaptionedFaces(faces, levels, seed)
        self.levels = levels
        clip = face_clip(self.model.eval(), words)
        fit_parts(clip, faces, range(min(PART_FACES, len(faces) - JUDGED)))
        self.places = fit_read_out(
            tower.head, tower_features(clip, faces), fact_codes(levels), KINDS, judged=JUDGED
        )
        self.model.train()
        tower.eval()

    def parameter_groups(self, learning_rate: float) -> list[dict[str, Any]]:
        return [{"params": [p for p in self.model.parameters() if p.requires_grad], "lr": learning_rate}]

    def loss(self, model: nn.Module, batch: Batch, step: int) -> tuple[Tensor, dict[str, Tensor], Any]:
        texts = model.encode_text(batch["tokens"])  # type: ignore[operator]
        total = (1 - F.cosine_similarity(texts.float(), batch["code"])).mean()
        return total, {"loss": total.detach()}, None

    def samples(self, model: nn.Module, batch: Batch) -> Tensor:
        """Rows: captions. Columns: the caption's face, then the three best matches of all faces."""
        texts = model.encode_text(batch["tokens"]).cpu()  # type: ignore[operator]
        best = (texts @ F.normalize(self.places, dim=-1).T).topk(3, dim=1).indices
        rows = torch.cat([batch["number"].cpu()[:, None], best], 1)
        return torch.stack([torch.stack([self.faces.face(int(n))[0] for n in row]) for row in rows])


@torch.no_grad()
def fit_parts(clip: Clip, faces: Faces, numbers: range) -> None:
    """Set the part classifier to the regression of the parser's classes on the trunk's maps.

    Args:
        clip: the face model.
        faces: with labels; pixels of unknown class belong to no part.
        numbers: the faces to use.
    """
    tower = clip.network.visual
    looks, parts = [], []
    for some in _groups(numbers):
        pictures, labels, _ = zip(*(faces.face(i) for i in some), strict=True)
        maps = part_maps(tower.trunk(clip.seen(torch.stack(pictures))))
        looks.append(maps.movedim(1, -1).flatten(0, 2))
        parts.append(class_shares(torch.stack(labels), maps.shape[-1]).movedim(1, -1).flatten(0, 2))
    weight, bias = _line(torch.cat(looks).double(), torch.cat(parts).double())
    tower.parts.weight.copy_(weight[..., None, None])
    tower.parts.bias.copy_(bias)


def _line(inputs: Tensor, outputs: Tensor) -> tuple[Tensor, Tensor]:
    """Linear regression of outputs `[N, O]` on inputs `[N, I]`: weight `[O, I]` and bias `[O]`."""
    middle, mean = inputs.mean(0), outputs.mean(0)
    centered = inputs - middle
    # Constant channels would make it singular.
    damping = 1e-3 * torch.eye(inputs.shape[1], dtype=inputs.dtype)
    weight = torch.linalg.solve(centered.T @ centered + damping, centered.T @ (outputs - mean)).T
    return weight, mean - weight @ middle


@torch.no_grad()
def fit_read_out(
    head: nn.Linear, features: Tensor, codes: Tensor, kinds: Sequence[tuple[int, float]], judged: int
) -> Tensor:
    """Set a linear layer to the ridge regression of codes `[N, D]` on features `[N, F]`.

    Args:
        head: the layer.
        features: of faces.
        codes: of the same faces.
        kinds: number of features of each kind, in their order, and the kind's weight.
        judged: number of faces at the end that are left out.

    Returns:
        Its output for all faces, `[N, D]`.
    """
    features, codes = features.double(), codes.double()
    seen, known = features[: len(features) - judged], codes[: len(codes) - judged]
    share = torch.cat([torch.full((count,), weight / count) for count, weight in kinds]).double().sqrt()
    mean, scale = seen.mean(0), (seen.std(0) + 1e-3) / share
    unit = (seen - mean) / scale
    # Solved in the dual form: there are far fewer faces than features.
    shares = torch.linalg.solve(
        unit @ unit.T + RIDGE * torch.eye(len(unit), dtype=unit.dtype), known - known.mean(0)
    )
    weight = (unit.T @ shares / scale[:, None]).T
    head.weight.copy_(weight)
    head.bias.copy_(known.mean(0) - weight @ mean)
    return head(features.float())


@torch.no_grad()
def tower_features(clip: Clip, faces: Faces) -> Tensor:
    """The image side's features `[N, F]` of all faces, in half precision."""
    features = []
    for some in _groups(range(len(faces))):
        pictures = torch.stack([faces.face(i)[0] for i in some])
        features.append(clip.network.visual.features(clip.seen(pictures)).half())
    return torch.cat(features)


def _groups(numbers: range) -> Iterator[range]:
    """Batches of numbers for the trunk."""
    return (numbers[first : first + AT_ONCE] for first in range(0, len(numbers), AT_ONCE))


def describe() -> dict[str, str]:
    """Metadata of the model's weights file."""
    return {"kind": FACE_CLIP_KIND, "words": json.dumps(vocabulary())}


# --- judging ------------------------------------------------------------------------------------------------


@torch.no_grad()
def retrieval_at_1(clip: Clip, faces: Faces, levels: NDArray[np.int64], seed: int = 0) -> float:
    """Share of evaluation faces that their captions find, in wordings that training never uses.

    Each caption states as many facts as possible. Of `TRIES` random ones, the most distinct is used.
    """
    judged = range(len(faces) - JUDGED, len(faces))
    captions = [tellings(levels[i], Draw(seed, i)) for i in judged]
    best = most_distinct(np.array([[said.asserts for said in tries] for tries in captions]), levels[judged])
    pictures = torch.stack([faces.face(i)[0] for i in judged])
    texts = [tries[i].text for tries, i in zip(captions, best, strict=True)]
    similar = clip.texts(texts) @ clip.images(pictures).T
    return float((similar.argmax(1) == torch.arange(JUDGED)).float().mean())


def most_distinct(asserts: NDArray[np.int64], levels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Index `[N]` of each face's caption that fits the fewest faces.

    Args:
        asserts: of the captions, `[N, captions, attributes]`.
        levels: of the faces, `[N, attributes]`.
    """
    counts = [agreement(own, levels)[0].sum(1) for own in asserts]
    return np.stack(counts).argmin(1)


# --- in the table of stages ---------------------------------------------------------------------------------


def _build(config: ModelConfig, faces: FaceShards, settings: Settings, run: Run) -> Stage:
    check_enough(faces)
    # Tones change hair color: facts about colors must fit the picture as it is shown.
    toned = Toned(faces, len(faces) - JUDGED)
    levels = load_facts(run.data, toned, OBSERVED_TONED), load_facts(run.data, faces)
    return ClipStage(
        Together(toned, faces), np.concatenate(levels), run.weights.mobilenet(), seed=settings.seed
    )


def _judge(stage: ClipStage, config: ModelConfig, folder: Path) -> None:
    """Log how many unseen faces the exported model finds."""
    right = retrieval_at_1(load_clip(weights=Weights(folder)), stage.faces, stage.levels)
    log.info("Of %d unseen faces, %.0f %% are found by their captions.", JUDGED, 100 * right)


ENTRY = StageEntry(_build, file=FACE_FILE, metadata=describe, after_export=_judge)
