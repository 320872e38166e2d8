"""Text-image models: open_clip's networks with their tokenizer and preprocessing, on tensors throughout.

open_clip brings torchvision and takes seconds to import, so it is imported only where a model is loaded.
Nothing is ever downloaded: `face` is the pack's own small model, all others are files that a person brings.
"""

from __future__ import annotations

import json
import re
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
from .relevance import Relevance, find_relevance

FACE = "face"
"""Name of the pack's own model: it knows faces, and few words."""

FACE_FILE = "face_clip.safetensors"

FACE_DIM = 59
"""Dimensions of the space in which the face model compares: one for each level of the facts that it was
taught (`training.facts.fact_codes`), and one that all faces share."""

ENDINGS = (".safetensors", ".pt", ".pth", ".bin")
"""Of the files that a model's weights are looked for in, called by its name."""

CONTEXT = 40
"""Words that the face model reads at most."""

HUB_KEYS = ("hf_model_name", "hf_tokenizer_name")
"""Entries of open_clip's configs that make it load parts from a hub."""


@dataclass(frozen=True)
class WordTokenizer:
    """Words of a small vocabulary → numbers: words count from 1, the end is the largest, and 0 fills up.

    Words that it does not know are left out.
    """

    words: tuple[str, ...]
    context: int = CONTEXT

    @cached_property
    def numbers(self) -> dict[str, int]:
        """Each word's number."""
        return {word: i for i, word in enumerate(self.words, 1)}

    def __call__(self, texts: Sequence[str]) -> Tensor:
        """Texts → int64 [N, context]; what is too long is cut off."""
        tokens = torch.zeros(len(texts), self.context, dtype=torch.long)
        for row, text in zip(tokens, texts, strict=True):
            known = [self.numbers[word] for word in words_of(text) if word in self.numbers]
            sentence = [*known[: self.context - 1], len(self.words) + 1]
            row[: len(sentence)] = torch.tensor(sentence)
        return tokens

    def unknown(self, text: str) -> list[str]:
        """Words of a text that it does not know, each once."""
        return list(dict.fromkeys(word for word in words_of(text) if word not in self.numbers))


def words_of(text: str) -> list[str]:
    """Words of a text in lower case: letters alone."""
    return re.findall("[a-z]+", text.lower())


@dataclass(frozen=True, eq=False)
class Clip:
    """A text-image model: pictures and texts in one space, in which angles tell how well they fit."""

    name: str
    network: Any
    """One of open_clip's classes, in eval mode."""
    tokenizer: Callable[[Sequence[str]], Tensor]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    """Of the pictures in [0, 1] that the network was trained on, by channel."""
    interpolation: str = "bicubic"
    relevance: Relevance | None = None
    """How its view of a face answers to codes, where that was measured."""

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the pictures that the network sees."""
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
        """Pictures `[B, 3, H, W]` in [-1, 1] as the network takes them: resized and normalised."""
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
        """Words of a text that the model has never read; always none for models that read letters."""
        return self.tokenizer.unknown(text) if isinstance(self.tokenizer, WordTokenizer) else []

    def reads(self, text: str) -> bool:
        """Whether the model has ever read any of a text's words."""
        return not isinstance(self.tokenizer, WordTokenizer) or bool(self.tokenizer([text])[0, 1])


def load_clip(name: str = FACE, file: str | Path | None = None, weights: Weights = SHIPPED) -> Clip:
    """A text-image model by name, on the CPU.

    Args:
        name: `face`, or a name of open_clip's such as `ViT-B-32`.
        file: its weights as open_clip publishes them; by default NAME.safetensors (.pt, .pth, .bin) in one of
            the folders. A "/" in the name is a "-" in the file's.
        weights: where that file, the face model and its relevance are.

    Raises:
        DependencyError: open_clip or torchvision is missing or broken.
        InputError: open_clip knows no such model, or one that needs a hub.
        WeightsMissingError: the file is missing; says what to put where.
        CheckpointError: the file belongs to another model, or that of the relevance holds something else.
    """
    open_clip = import_open_clip()
    # Gradients go through the network, so it must not be made of inference tensors.
    with torch.inference_mode(False):
        clip = _load_face_clip(weights) if name == FACE else _load_named(open_clip, name, file, weights)
        return replace(clip, relevance=find_relevance(name, weights))


def import_open_clip() -> ModuleType:
    """open_clip, if it is there and works.

    Raises:
        DependencyError: it does not.
    """
    try:
        import open_clip
    # A torchvision that was built for another torch fails with a RuntimeError, or worse ones.
    except Exception as error:
        raise DependencyError(
            f"Text needs open_clip, which cannot be imported: {error}. Install it with `python -m pip "
            "install open_clip_torch`; its torchvision must be the build for your torch "
            f"({torch.__version__}). Everything but text works without."
        ) from error
    return open_clip


def face_clip_network(words: Sequence[str]) -> nn.Module:
    """The face model's network, untrained, for a vocabulary: open_clip's class with a small text transformer.

    Its image side is ours: a transformer learns too little from the few faces that a laptop can draw.
    """
    network = import_open_clip().CLIP(
        embed_dim=FACE_DIM,
        vision_cfg={"image_size": 32, "patch_size": 32, "width": 32, "head_width": 32, "layers": 1},
        text_cfg={
            "context_length": CONTEXT, "vocab_size": len(words) + 2, "width": 96, "heads": 3, "layers": 2,
        },
    )  # fmt: skip
    network.visual = FaceTower(FACE_DIM)
    return network


def face_clip(network: nn.Module, words: Sequence[str]) -> Clip:
    """The face model of a network and its vocabulary."""
    return Clip(FACE, network, WordTokenizer(tuple(words)), IMAGENET_MEAN, IMAGENET_STD, "bilinear")


def _load_face_clip(weights: Weights) -> Clip:
    words = json.loads(read_metadata(weights.path(FACE_FILE))["words"])
    network = weights.network(lambda: face_clip_network(words), FACE_FILE.removesuffix(".safetensors"))
    return face_clip(network, words)


def _load_named(open_clip: ModuleType, name: str, file: str | Path | None, weights: Weights) -> Clip:
    config = open_clip.get_model_config(name) if name in open_clip.list_models() else None
    if config is None:
        raise InputError(
            f"There is no text-image model called {name!r}: give {FACE!r}, or a name of open_clip's such as "
            "ViT-B-32 or ViT-L-14 (open_clip.list_models() lists them all)."
        )
    if any(config["text_cfg"].get(key) for key in HUB_KEYS):
        raise InputError(f"{name} loads its text part from a hub, which is never done here; take another.")
    path = _weights_file(name, weights) if file is None else Path(file)
    if not path.is_file():
        raise InputError(f"{path} is no file; expected the weights of {name}.")
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
            f"Bring open_clip's weights of {name} (on its page mostly called open_clip_model.safetensors or "
            f"open_clip_pytorch_model.bin) and put them into one of these folders as {wanted} (or .pt, .bin)."
        )
        raise weights.missing([wanted], {wanted: advice})
    return found


def _published_constants(open_clip: ModuleType, name: str) -> dict[str, Any]:
    """Mean and deviation that all published weights of a model share, where they do; a file tells neither."""
    tags = [open_clip.get_pretrained_cfg(name, tag) for tag in open_clip.list_pretrained_tags_by_model(name)]
    shared = {}
    for key in ("mean", "std"):
        values = {tuple(tag[key]) for tag in tags if tag.get(key)}
        if len(values) == 1:
            shared[key] = values.pop()
    return shared
