"""open_clip for tests, and the face text-image model with few words."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any

import pytest
import torch

from facemug_core.editing.clip import Clip, FaceClip, face_clip

WORDS = ("a", "beard", "blond", "face", "hair", "old", "smile")

_declared: list[Any] = []


def open_clip() -> ModuleType:
    """open_clip; skips the test where it is not installed."""
    torchvision()
    return pytest.importorskip("open_clip")


def torchvision() -> ModuleType:
    """torchvision; skips the test where it is not installed.

    PyPI's torchvision is built for torch with CUDA: beside a processor-only torch it can be imported once the
    names of two operators are declared that only its own build brings.
    """
    try:
        return pytest.importorskip("torchvision")
    except RuntimeError:
        for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
            del sys.modules[name]
        library = torch.library.Library("torchvision", "DEF")
        for operator in ("nms", "qnms"):
            library.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _declared.append(library)
    return importlib.import_module("torchvision")


def tiny_clip(seed: int = 0) -> Clip:
    """A face text-image model of few words and random weights; the global random state stays."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = FaceClip(WORDS)
    return face_clip(network.eval().requires_grad_(False), WORDS)
