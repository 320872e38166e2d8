"""Training of the small face text-image model on bank faces with captions made from measured facts.

Only the read-out of the image side and the text side are trained: the trunk's features of all faces are found
once. It is known which caption fits which face of a batch, so the contrastive loss has the very targets: all
fitting pairs share the probability, and pairs that the facts leave open are left out.
"""

from __future__ import annotations

import json
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
from ..networks.mobilenet_v2 import MobileNetV2Features
from .captions import agreement, caption, tellings, vocabulary
from .data import Draw, FaceShards
from .loop import Batch

JUDGED = 100
"""Faces that retrieval is judged on: the last of a folder, never trained on."""

SHARPEST = 50.0
"""Largest scale of similarities before the softmax."""

WEIGHT_DECAY = 1e-3
"""Of the image side's read-out."""

AT_ONCE = 10
"""Faces that the trunk sees together."""


class CaptionedFaces(Dataset[dict[str, Tensor]]):
    """Faces with random captions: `image`, `features`, `tokens`, what the caption `asserts`, and `levels`.

    Args:
        faces: of which all but the last `JUDGED` are drawn.
        features: of the trunk [N, NUM_FEATURES].
        levels: facts [N, attributes].
        seed: of the run.

    Raises:
        InputError: there are too few faces to keep some to judge by.
    """

    def __init__(self, faces: FaceShards, features: Tensor, levels: NDArray[np.int64], seed: int) -> None:
        if len(faces) <= JUDGED:
            raise InputError(
                f"Expected more than {JUDGED} faces, as so many are kept to judge by, but got {len(faces)}."
            )
        self.faces = faces
        self.features = features
        self.levels = levels
        self.seed = seed
        self.tokenizer = WordTokenizer(tuple(vocabulary()))

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        draw = Draw(self.seed, index)
        number = draw.integer(len(self.faces) - JUDGED)
        levels = self.levels[number]
        said = caption(levels, draw)
        return {
            "number": torch.tensor(number),
            "features": self.features[number].float(),
            "tokens": self.tokenizer([said.text])[0],
            "asserts": torch.from_numpy(said.asserts),
            "levels": torch.from_numpy(levels),
        }


class ClipStage:
    """The face text-image model, contrastively.

    Args:
        faces: to train on.
        levels: facts about them [N, attributes].
        trunk: MobileNetV2 with its ImageNet weights; stays as it is.
        seed: of the run.
    """

    name = "clip"
    critic: nn.Module | None = None

    def __init__(
        self, faces: FaceShards, levels: NDArray[np.int64], trunk: MobileNetV2Features, *, seed: int = 0
    ) -> None:
        words = vocabulary()
        self.model: nn.Module = face_clip_network(words)
        self.model.visual.trunk.load_state_dict(trunk.state_dict())  # type: ignore[union-attr, operator]
        self.model.visual.trunk.requires_grad_(False)  # type: ignore[union-attr, operator]
        clip = face_clip(self.model.eval(), words)
        self.faces = faces
        self.dataset = CaptionedFaces(faces, look(clip, faces), levels, seed)
        self.model.train().visual.trunk.eval()  # type: ignore[union-attr, operator]

    def parameter_groups(self, learning_rate: float) -> list[dict[str, Any]]:
        read_out = list(self.model.visual.head.parameters())  # type: ignore[union-attr, operator]
        ours = {id(parameter) for parameter in read_out}
        others = [p for p in self.model.parameters() if p.requires_grad and id(p) not in ours]
        return [
            {"params": read_out, "lr": learning_rate, "weight_decay": WEIGHT_DECAY},
            {"params": others, "lr": learning_rate},
        ]

    def to(self, device: torch.device) -> None:
        """There are no networks but the trained one."""

    def loss(self, model: nn.Module, batch: Batch, step: int) -> tuple[Tensor, dict[str, Tensor], Any]:
        scale = model.logit_scale.exp().clamp(max=SHARPEST)  # type: ignore[operator]
        logits = _similarities(model, batch).float() * scale
        fits, unclear = (
            torch.from_numpy(found).to(logits.device)
            for found in agreement(batch["asserts"].cpu().numpy(), batch["levels"].cpu().numpy())
        )
        total = (shared_softmax(logits, fits, unclear) + shared_softmax(logits.T, fits.T, unclear.T)) / 2
        best = logits.masked_fill(unclear, -torch.inf).argmax(1, keepdim=True)
        return total, {"loss": total.detach(), "right": fits.gather(1, best).float().mean()}, None

    def critic_loss(self, critic: nn.Module, batch: Batch, made: Any, step: int) -> Tensor | None:
        return None

    def samples(self, model: nn.Module, batch: Batch) -> Tensor:
        """Rows: captions. Columns: the caption's own face, then the three of the batch that fit it best."""
        best = _similarities(model, batch).topk(3, dim=1).indices
        images = torch.stack([self.faces.face(int(number))[0] for number in batch["number"]])
        return torch.cat([images[:, None], images[best.cpu()]], 1)


def _similarities(model: nn.Module, batch: Batch) -> Tensor:
    """Captions × faces of a batch."""
    texts = F.normalize(model.encode_text(batch["tokens"]), dim=-1)  # type: ignore[operator]
    return texts @ F.normalize(model.visual.read(batch["features"]), dim=-1).T  # type: ignore[union-attr, operator]


def shared_softmax(logits: Tensor, fits: Tensor, unclear: Tensor) -> Tensor:
    """Cross entropy of rows against the uniform distribution over what fits; what is unclear does not count.

    Args:
        logits, fits, unclear: [N, M]; something fits in each row, and nothing that fits is unclear.
    """
    log_shares = logits.masked_fill(unclear, -torch.inf).log_softmax(1)
    chosen = torch.where(fits, log_shares, 0.0).sum(1) / fits.sum(1)
    return -chosen.mean()


@torch.no_grad()
def look(clip: Clip, faces: FaceShards) -> Tensor:
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
def retrieval_at_1(clip: Clip, faces: FaceShards, levels: NDArray[np.int64], seed: int = 0) -> float:
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
