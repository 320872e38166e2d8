"""Loads the networks that options name."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import torch

from ..checkpoints.weights import Weights
from ..editing.clip import Clip, load_clip
from ..errors import InputError
from ..model import FaceMug
from ..pipeline.editor import PhotoEditor
from .options import ClipOptions, Device, ModelOptions


def device_of(name: Device) -> str:
    """The device with this name, or the best one.

    Raises:
        InputError: this torch cannot use it.
    """
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return next(device for device, is_there in there.items() if is_there)
    if not there[name]:
        raise InputError(f"There is no device {name} in this torch; leave out --device, or give cpu.")
    return name


def load_model(options: ModelOptions) -> FaceMug:
    """The model."""
    return FaceMug.load(options.model, device_of(options.device), options.all_weights())


def load_editor(options: ModelOptions) -> PhotoEditor:
    """The model for photos of any size."""
    return PhotoEditor(load_model(options), options.all_weights())


def load_text_model(options: ClipOptions) -> Clip:
    """The text-image model; loaded once for a whole folder of photos."""
    return _text_model(*options.clip, tuple(options.weights), device_of(options.device))


@lru_cache(1)
def _text_model(name: str, file: Path | None, folders: tuple[Path, ...], device: str) -> Clip:
    return load_clip(name, file, Weights(*folders)).to(device)
