"""Reads directions from files: published ones (InterFaceGAN, GANSpace, StyleCLIP, plain tensors) and ours."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..checkpoints.files import DIRECTIONS_KIND
from ..checkpoints.formats.directions import GANSPACE_KEYS
from ..checkpoints.reading import open_checkpoint
from ..conventions import CODE_DIM, NUM_CODES
from ..errors import CheckpointError, InputError
from ..networks.style_mapper import StyleMapper
from .directions import (
    ALL_LAYERS,
    Coordinate,
    Direction,
    Layers,
    Linear,
    Mapped,
    load_directions,
    named,
)


class KnownEdit(NamedTuple):
    """Layers and target of a component of `ffhq_pca.pt`, as published with StyleFeatureEditor."""

    component: int
    layers: Layers
    target: float | None
    """The coordinate at an amount of 1; None if none was published."""


GANSPACE_EDITS: Mapping[str, KnownEdit] = MappingProxyType(
    {
        "eye_openness": KnownEdit(54, (7, 8), None),
        "trimmed_beard": KnownEdit(58, (7, 9), None),
        "lipstick": KnownEdit(34, (10, 11), 20),
        "face_roundness": KnownEdit(37, (0, 5), 20),
        "nose_length": KnownEdit(51, (4, 5), -30),
        "eyebrow_thickness": KnownEdit(37, (8, 9), 20),
        "head_angle_up": KnownEdit(11, (1, 4), -10.5),
        "displeased": KnownEdit(36, (4, 7), 10),
    }
)


def read_direction(
    path: str | Path,
    *,
    layers: Layers = ALL_LAYERS,
    component: int | str | None = None,
    target: float | None = None,
) -> Direction:
    """A direction from a file of any known kind.

    Args:
        path: InterFaceGAN .pt or .npy, GANSpace `ffhq_pca.pt`, StyleCLIP mapper .pt, a file by `directions
            find`, or a .safetensors, .pt or .npy file with one tensor `[512]` or `[T, 512]`.
        layers: codes to change; ignored by mappers, which have their own.
        component: of a GANSpace file: its index, or a name from `GANSPACE_EDITS`, which determines the
            layers. Of our files with several directions: the name of one.
        target: of a GANSpace file: the coordinate to set.

    Raises:
        CheckpointError: the file is damaged or of an unknown kind.
        InputError: a GANSpace file needs a component and a target, or the file has no direction of this name.
    """
    path = Path(path)
    if path.suffix == ".npy":
        return Linear(_vector(_read_array(path), path), layers)
    file = open_checkpoint(path)
    kind = str(file.values.get("kind", ""))
    if kind == DIRECTIONS_KIND:
        return _one_of_ours(path, layers, component)
    if kind.startswith("facemug"):
        raise CheckpointError(f"{path} is not a direction, but a file of the kind {kind!r}.")
    if file.tensors.keys() >= set(GANSPACE_KEYS):
        analysis = {name: file.tensors[name].load().float() for name in GANSPACE_KEYS}
        return _coordinate(analysis, path, layers, component, target)
    mapper = file.under("state_dict.mapper.") or file.under("mapper.")
    if mapper:
        return Mapped(_mapper({name: tensor.load().float() for name, tensor in mapper.items()}, path))
    if len(file.tensors) == 1:
        return Linear(_vector(next(iter(file.tensors.values())).load(), path), layers)
    names = ", ".join(list(file.tensors)[:4]) or "no tensor"
    raise CheckpointError(
        f"{path} is no known kind of direction: expected one tensor, a GANSpace analysis (mean, comp, std) "
        f"or a StyleCLIP mapper (mapper.…), found {names}."
    )


FILE_ENDINGS = (".pt", ".pth", ".npy", ".safetensors")


def parse_direction(text: str, shipped: Callable[[], Mapping[str, Linear]]) -> Direction:
    """Parse a direction: a shipped name, or FILE[#COMPONENT[:TARGET]][@START:END].

    Examples: `smile`, `age.pt`, `pose.pt@0:8`, `ffhq_pca.pt#lipstick`, `ffhq_pca.pt#12:5@0:4`.

    Raises:
        InputError: the name is unknown, or the text after the file is invalid.
        CheckpointError: as `read_direction`.
    """
    matched = _WRITTEN.fullmatch(text)
    if matched is None or not matched["file"].endswith(FILE_ENDINGS):
        return named(shipped(), text)
    component, target = parse_component(matched["component"] or "")
    return read_direction(
        matched["file"],
        layers=ALL_LAYERS if matched["start"] is None else (int(matched["start"]), int(matched["end"])),
        component=component,
        target=target,
    )


def parse_component(text: str) -> tuple[int | str | None, float | None]:
    """Parse COMPONENT[:TARGET], such as `lipstick` or `12:5`; an empty text has neither.

    Raises:
        InputError: the text is invalid.
    """
    if not text.strip():
        return None, None
    matched = _COMPONENT.fullmatch(text.strip())
    if matched is None:
        raise InputError(
            f"Expected COMPONENT or COMPONENT:TARGET, such as lipstick or 12:5, but got {text!r}."
        )
    name, target = matched["name"], matched["target"]
    return int(name) if name.isdecimal() else name, None if target is None else float(target)


_WRITTEN = re.compile(r"(?P<file>.+?)(#(?P<component>[^#@]*))?(@(?P<start>\d+):(?P<end>\d+))?")
_COMPONENT = re.compile(r"(?P<name>[\w-]+)(:(?P<target>[-+]?\d+(\.\d+)?))?")


def _one_of_ours(path: Path, layers: Layers, component: int | str | None) -> Linear:
    directions = load_directions(path)
    if component is None and len(directions) > 1:
        raise InputError(f"{path} holds several directions; name one of: {', '.join(directions)}.")
    direction = named(directions, next(iter(directions)) if component is None else str(component))
    return direction if layers == ALL_LAYERS else replace(direction, layers=layers)


def _read_array(path: Path) -> Tensor:
    try:
        return torch.from_numpy(np.load(path, allow_pickle=False))
    except (OSError, ValueError, TypeError) as error:
        raise CheckpointError(f"{path} cannot be read as an array of numbers: {error}.") from error


def _vector(tensor: Tensor, path: Path) -> Tensor:
    """`[512]` or `[18, 512]` from `[512]`, `[1, 512]`, `[T, 512]` or `[1, T, 512]`; missing codes are 0."""
    vector = tensor.detach().float().squeeze()
    if vector.shape == (CODE_DIM,):
        return vector
    if vector.ndim == 2 and vector.shape[0] <= NUM_CODES and vector.shape[1] == CODE_DIM:
        return torch.cat([vector, vector.new_zeros(NUM_CODES - len(vector), CODE_DIM)])
    raise CheckpointError(
        f"{path} is no direction of style codes: expected [{CODE_DIM}] or up to [{NUM_CODES}, {CODE_DIM}], "
        f"found {list(tensor.shape)}."
    )


def _coordinate(
    analysis: Mapping[str, Tensor], path: Path, layers: Layers, component: int | str | None,
    target: float | None,
) -> Coordinate:  # fmt: skip
    known = f"{path} is a GANSpace analysis; give a component by its number or as one of: "
    if component is None:
        raise InputError(known + ", ".join(GANSPACE_EDITS) + ".")
    if isinstance(component, str):
        if component not in GANSPACE_EDITS:
            raise InputError(known + ", ".join(GANSPACE_EDITS) + f". {component!r} is not among them.")
        component, layers, published = GANSPACE_EDITS[component]
        target = published if target is None else target
    if target is None:
        raise InputError("A GANSpace component needs a target: add it after a colon, such as 12:5.")
    components, deviations = analysis["comp"].reshape(-1, CODE_DIM), analysis["std"].flatten()
    if not 0 <= component < len(components):
        raise InputError(f"{path} has components 0 to {len(components) - 1}, but {component} was asked for.")
    mean = analysis["mean"].reshape(CODE_DIM)
    return Coordinate(mean, components[component].clone(), float(deviations[component]), target, layers)


def _mapper(state: Mapping[str, Tensor], path: Path) -> StyleMapper:
    mapper = StyleMapper(
        [level for level in StyleMapper.LEVELS if f"{level}_mapping.mapping.1.weight" in state]
    )
    try:
        mapper.load_state_dict(state)
    except RuntimeError as error:
        first = next(line.strip() for line in str(error).splitlines()[1:])
        raise CheckpointError(f"{path} is not a StyleCLIP mapper of three levels: {first}") from error
    return mapper.eval().requires_grad_(False)
