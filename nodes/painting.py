"""What a painter's node keeps, read from its text, and the edit that it stands for."""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..facemug_core.batches import MAX_SEED, Watch
from ..facemug_core.conditions.reading import read_mask, read_photo
from ..facemug_core.editing.directions import named
from ..facemug_core.errors import InputError, NothingToEditError
from ..facemug_core.modalities import MODALITIES, Reading
from ..facemug_core.photo import Photo
from ..facemug_core.pipeline.editor import EditRequest, EditResult
from . import host
from .attributes import shipped, slider_moves
from .editing import STYLES, text_moves
from .loading import HostedEditor

VERSION = 1
MOST_CHARACTERS = 2**16
MOST_PIXELS = 2**26
"""Of any picture of a painting: a larger one would keep the host from its other work."""

LAYERS = ("mask", *MODALITIES)

EDITING = threading.Lock()
"""Held while a painter's edit is made, by a run or for a preview: the networks serve one at a time."""


@dataclass(frozen=True)
class Painting:
    """A painter's photo, layers and settings."""

    photo: Path | None
    layers: Mapping[str, Path]
    """Files of the layers that are there and switched on, by name."""
    strengths: Mapping[str, float]
    style: str
    exemplar: Path | None
    style_mix: float
    seed: int
    attributes: Mapping[str, float]
    text: str
    text_amount: float

    @property
    def files(self) -> list[Path]:
        """All pictures that the edit depends on."""
        return [path for path in (self.photo, self.exemplar, *self.layers.values()) if path is not None]


def read_painting(text: str) -> Painting:
    """The painting of a node's text; an empty text is a blank painting.

    Raises:
        InputError: the text is none of a painter's, has a value of the wrong kind, or names a file that the
            host's input folder does not have.
    """
    if len(text) > MOST_CHARACTERS:
        raise InputError(
            f"The painting has {len(text)} characters, but a painter's text has at most {MOST_CHARACTERS}."
        )
    state = _Fields(_parsed(text or f'{{"version": {VERSION}}}'), "painting")
    if state.number("version", 0) != VERSION:
        raise InputError(
            f"The painting was saved by another version of the painter: expected version {VERSION}, but got "
            f"{state.values.get('version')!r}. Update the pack, or clear the painting."
        )
    layers = state.fields("layers")
    own = {name: layers.fields(name) for name in LAYERS}
    files = {name: layer.file("file") for name, layer in own.items() if layer.switch("on", True)}
    attributes = state.fields("attributes")
    for name in attributes.values:
        named(shipped(), name)
    return Painting(
        photo=state.file("photo"),
        layers={name: path for name, path in files.items() if path is not None},
        strengths={name: own[name].number("strength", 1.0, 0, 1) for name in MODALITIES},
        style=state.choice("style", STYLES),
        exemplar=state.file("exemplar"),
        style_mix=state.number("style_mix", 0.0, 0, 1),
        seed=int(state.number("seed", 0, 0, MAX_SEED)),
        attributes={name: attributes.number(name, 0.0, -100, 100) for name in attributes.values},
        text=state.text("text"),
        text_amount=state.number("text_amount", 1.0, -2, 2),
    )


def edited(model: HostedEditor, painting: Painting, watch: Watch, *, draft: bool = False) -> EditResult:
    """The edit of a painting; a draft leaves out the search of codes, and so is less like the person.

    Raises:
        InputError: there is no photo or no mask, a picture is too large, or what the library's edit raises.
    """
    photo = photo_of(painting)
    if "mask" not in painting.layers:
        raise NothingToEditError(
            "Nothing is marked for editing yet: brush over the photo, or click a part of the face."
        )
    request = _request(model, painting, photo)
    if draft:
        request = replace(request, inversion=0, fit=0)
    return model.editor().edit(photo, request, watch)


def photo_of(painting: Painting) -> Photo:
    """The photo that is edited.

    Raises:
        InputError: there is none, or a picture of the painting is too large.
    """
    if painting.photo is None:
        raise InputError("There is no photo yet: choose one in the painter.")
    for path in painting.files:
        width, height = host.picture_size(path)
        if width * height > MOST_PIXELS:
            raise InputError(
                f"{path.name} is {width} × {height}, but the painter takes pictures of up to "
                f"{MOST_PIXELS // 10**6} million pixels. Make it smaller first."
            )
    return Photo.from_file(painting.photo)


def _request(model: HostedEditor, painting: Painting, photo: Photo) -> EditRequest:
    """The edit on its photo."""
    guides = {
        name: replace(
            MODALITIES[name].read(read_photo(path), None, Reading(), host.warn),
            strength=painting.strengths[name],
            photo_size=photo.size,
        )
        for name, path in painting.layers.items()
        if name != "mask"
    }
    return EditRequest(
        mask=read_mask(painting.layers["mask"], photo.size[::-1]),
        **guides,
        style=STYLES[painting.style],
        exemplar=None if painting.exemplar is None else Photo.from_file(painting.exemplar),
        style_mix=painting.style_mix,
        seeds=(painting.seed,),
        directions=[
            *slider_moves(painting.attributes),
            *text_moves(model, painting.text, painting.text_amount),
        ],
    )


def _parsed(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise InputError(f"The painting is not a painter's text: {error}. Clear it to begin anew.") from error


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no number")


@dataclass(frozen=True)
class _Fields:
    """Fields of a JSON object, checked as they are read; what is not there has its default."""

    values: Mapping[str, Any]
    where: str

    def __post_init__(self) -> None:
        if not isinstance(self.values, dict):
            raise InputError(f"`{self.where}` should be a JSON object, but is {_short(self.values)}.")

    def fields(self, name: str) -> _Fields:
        return _Fields(self.values.get(name, {}), name)

    def text(self, name: str) -> str:
        return self._of(name, "", str, "a text")

    def switch(self, name: str, default: bool) -> bool:
        return self._of(name, default, bool, "true or false")

    def number(self, name: str, default: float, low: float = -math.inf, high: float = math.inf) -> float:
        value = self._of(name, default, (int, float), "a number")
        if isinstance(value, bool) or not low <= value <= high:
            raise InputError(f"`{name}` should be a number from {low} to {high}, but is {_short(value)}.")
        return value

    def choice(self, name: str, choices: Mapping[str, Any]) -> str:
        value = self.text(name) or next(iter(choices))
        if value not in choices:
            raise InputError(f"`{name}` should be one of {', '.join(choices)}, but is {_short(value)}.")
        return value

    def file(self, name: str) -> Path | None:
        value = self.text(name)
        return host.input_file(value) if value else None

    def _of(self, name: str, default: Any, kind: Any, expected: str) -> Any:
        value = self.values.get(name, default)
        if not isinstance(value, kind):
            raise InputError(f"`{name}` should be {expected}, but is {_short(value)}.")
        return value


def _short(value: Any) -> str:
    return repr(value)[:60]
