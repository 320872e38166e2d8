"""Text-image models: networks with tokenizer and preprocessing, on tensors.

`face` is the pack's own small model and needs no other package. All others are open_clip's, with weights of
the user; nothing is downloaded. open_clip takes seconds to import, so it is imported when one of its models
is loaded.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..checkpoints.files import read_metadata
from ..checkpoints.weights import SHIPPED, Weights
from ..conventions import IMAGENET_MEAN, IMAGENET_STD
from ..errors import CheckpointError, DependencyError, InputError
from ..networks.face_tower import FaceTower
from ..networks.word_transformer import WordTransformer
from .relevance import Relevance, find_relevance

FACE = "face"
"""Name of the pack's small model of faces."""

FACE_FILE = "face_clip.safetensors"

FACE_DIM = 59
"""Dimensions of the face model's space: one for each level of the facts (`fact_codes`), and a constant."""

ENDINGS = (".safetensors", ".pt", ".pth", ".bin")
"""Extensions of weights files, which are named like the model."""

CONTEXT = 40
"""Largest number of words that the face model reads."""

HUB_KEYS = ("hf_model_name", "hf_tokenizer_name")
"""Entries of open_clip's configs by which it loads parts from a hub."""


@dataclass(frozen=True)
class WordTokenizer:
    """Words of a small vocabulary → numbers from 1; the largest number ends a text, 0 pads it.

    Unknown words are left out.
    """

    words: tuple[str, ...]
    context: int = CONTEXT

    @cached_property
    def numbers(self) -> dict[str, int]:
        """Each word's number."""
        return {word: i for i, word in enumerate(self.words, 1)}

    def __call__(self, texts: Sequence[str]) -> Tensor:
        """Texts → int64 `[N, context]`; long texts are truncated."""
        tokens = torch.zeros(len(texts), self.context, dtype=torch.long)
        for row, text in zip(tokens, texts, strict=True):
            known = [self.numbers[word] for word in words_of(text) if word in self.numbers]
            sentence = [*known[: self.context - 1], len(self.words) + 1]
            row[: len(sentence)] = torch.tensor(sentence)
        return tokens

    def unknown(self, text: str) -> list[str]:
        """Unknown words of a text, each once."""
        return list(dict.fromkeys(word for word in words_of(text) if word not in self.numbers))


def words_of(text: str) -> list[str]:
    """Words of a text in lower case: letters alone."""
    return re.findall("[a-z]+", text.lower())


@dataclass(frozen=True, eq=False)
class Clip:
    """A text-image model: embeds pictures and texts in one space, where small angles mean a good match."""

    name: str
    network: Any
    """A `FaceClip`, or one of open_clip's classes; in eval mode."""
    tokenizer: Callable[[Sequence[str]], Tensor]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    """Standard deviation of each channel of the training pictures in [0, 1]."""
    interpolation: str = "bicubic"
    relevance: Relevance | None = None
    """Its relevance, if it was measured."""

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the network's input."""
        side = self.network.visual.image_size
        return (side, side) if isinstance(side, int) else tuple(side)

    def to(self, device: str | torch.device) -> Clip:
        """Move the network; returns the model."""
        self.network.to(device)
        return self

    def images(self, pictures: Tensor) -> Tensor:
        """Pictures `[B, 3, H, W]` in [-1, 1] → unit vectors `[B, D]`; differentiable."""
        return F.normalize(self.network.encode_image(self.seen(pictures)), dim=-1)

    def seen(self, pictures: Tensor) -> Tensor:
        """Pictures `[B, 3, H, W]` in [-1, 1] as the network's input: resized and normalized."""
        seen = F.interpolate(
            (pictures + 1) / 2, self.size, mode=self.interpolation, antialias=True, align_corners=False
        )
        mean, std = (seen.new_tensor(values)[:, None, None] for values in (self.mean, self.std))
        return (seen - mean) / std

    @torch.no_grad()
    def texts(self, texts: Sequence[str]) -> Tensor:
        """Texts → unit vectors `[N, D]`."""
        device = next(self.network.parameters()).device
        return F.normalize(self.network.encode_text(self.tokenizer(texts).to(device)), dim=-1)

    def unknown_words(self, text: str) -> list[str]:
        """Words of a text that are not in the model's vocabulary; none for models that read letters."""
        return self.tokenizer.unknown(text) if isinstance(self.tokenizer, WordTokenizer) else []

    def reads(self, text: str) -> bool:
        """Whether any of a text's words is in the model's vocabulary."""
        return not isinstance(self.tokenizer, WordTokenizer) or bool(self.tokenizer([text])[0, 1])


def load_clip(name: str = FACE, file: str | Path | None = None, weights: Weights = SHIPPED) -> Clip:
    """A text-image model by name, on the CPU.

    Args:
        name: `face`, or a name of open_clip's such as `ViT-B-32`.
        file: its weights as open_clip publishes them; by default NAME.safetensors (.pt, .pth, .bin) in one of
            the folders, with "-" for each "/" of the name.
        weights: finds that file, the face model and its relevance.

    Raises:
        DependencyError: the name is one of open_clip's, and open_clip or torchvision is missing or broken.
        InputError: open_clip has no such model, or it needs a hub.
        WeightsMissingError: the file is missing; the message says what to put where.
        CheckpointError: the file belongs to another model, or the relevance file has another content.
    """
    # Gradients go through the network, so its tensors must not be inference tensors.
    with torch.inference_mode(False):
        clip = _load_face_clip(weights) if name == FACE else _load_named(name, file, weights)
        return replace(clip, relevance=find_relevance(name, weights))


def import_open_clip() -> ModuleType:
    """Import open_clip.

    Raises:
        DependencyError: it is missing or broken.
    """
    try:
        import open_clip
    # A torchvision built for another torch raises RuntimeError, or other errors.
    except Exception as error:
        raise DependencyError(
            f"Text-image models other than {FACE!r} need open_clip, which cannot be imported: {error}. "
            f"Install it with `{sys.executable} -m pip install open_clip_torch`; its torchvision must be the "
            f"build for your torch ({torch.__version__})."
        ) from error
    return open_clip


class FaceClip(WordTransformer):
    """The face model's untrained network for a vocabulary.

    Its image side is no transformer, which would need more faces than a laptop can draw.
    """

    def __init__(self, words: Sequence[str]) -> None:
        super().__init__(len(words) + 2, CONTEXT, FACE_DIM)
        self.visual = FaceTower(FACE_DIM)

    def encode_image(self, faces: Tensor) -> Tensor:
        return self.visual(faces)


def face_clip(network: nn.Module, words: Sequence[str]) -> Clip:
    """The face model from its network and vocabulary."""
    return Clip(FACE, network, WordTokenizer(tuple(words)), IMAGENET_MEAN, IMAGENET_STD, "bilinear")


def _load_face_clip(weights: Weights) -> Clip:
    words = json.loads(read_metadata(weights.path(FACE_FILE))["words"])
    name = FACE_FILE.removesuffix(".safetensors")
    network = weights.network(lambda: FaceClip(words), name, drop=("logit_scale",))
    return face_clip(network, words)


def _load_named(name: str, file: str | Path | None, weights: Weights) -> Clip:
    open_clip = import_open_clip()
    config = open_clip.get_model_config(name) if name in open_clip.list_models() else None
    if config is None:
        raise InputError(
            f"There is no text-image model called {name!r}: give {FACE!r}, or a name of open_clip's such as "
            "ViT-B-32 or ViT-L-14 (open_clip.list_models() lists them all)."
        )
    if any(config["text_cfg"].get(key) for key in HUB_KEYS):
        raise InputError(
            f"{name} loads its text part from a hub, but nothing is downloaded here. Choose another model."
        )
    path = _weights_file(name, weights) if file is None else Path(file)
    if not path.is_file():
        raise InputError(f"Expected the weights of {name}, but there is no file {path}.")
    with torch.random.fork_rng():
        try:
            network = open_clip.create_model(name, pretrained=str(path), weights_only=True)
        except Exception as error:
            raise CheckpointError(
                f"{path} cannot be read as weights of {name}: {str(error).splitlines()[0]}"
            ) from error
    about = network.visual.preprocess_cfg | _published_constants(open_clip, name)
    network.eval().requires_grad_(False)
    tokenizer = open_clip.get_tokenizer(name)
    return Clip(name, network, tokenizer, about["mean"], about["std"], about["interpolation"])


def _weights_file(name: str, weights: Weights) -> Path:
    stem = name.replace("/", "-")
    found = next((path for ending in ENDINGS if (path := weights.find(f"{stem}{ending}"))), None)
    if found is None:
        wanted = f"{stem}.safetensors"
        advice = (
            f"Download open_clip's weights of {name} (mostly called open_clip_model.safetensors or "
            f"open_clip_pytorch_model.bin) and put them into one of these folders as {wanted} (or .pt, .bin)."
        )
        raise weights.missing([wanted], {wanted: advice})
    return found


def _published_constants(open_clip: ModuleType, name: str) -> dict[str, Any]:
    """Mean and standard deviation, if all published weights of a model share them; files have neither."""
    tags = [open_clip.get_pretrained_cfg(name, tag) for tag in open_clip.list_pretrained_tags_by_model(name)]
    shared = {}
    for key in ("mean", "std"):
        values = {tuple(tag[key]) for tag in tags if tag.get(key)}
        if len(values) == 1:
            shared[key] = values.pop()
    return shared
