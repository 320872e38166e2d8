"""Readers of directions that others have published: InterFaceGAN, GANSpace, StyleCLIP, and plain tensors."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..checkpoints.reading import read_safetensors, read_torch
from ..conventions import CODE_DIM, NUM_CODES
from ..errors import CheckpointError, InputError
from ..networks.style_mapper import StyleMapper
from .directions import ALL_LAYERS, Coordinate, Direction, Layers, Linear, Mapped


class KnownEdit(NamedTuple):
    """Which component of `ffhq_pca.pt` does what, as published with StyleFeatureEditor."""

    component: int
    layers: Layers
    target: float | None
    """What an amount of 1 sets; None where none was published."""


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
    """A direction from somebody else's file, whatever kind it is.

    Args:
        path: InterFaceGAN .pt or .npy, GANSpace `ffhq_pca.pt`, StyleCLIP mapper .pt, or a
            .safetensors, .pt or .npy file with one tensor [512] or [T, 512].
        layers: codes that are changed; ignored by mappers, which have their own.
        component: of a GANSpace file: its index, or a name out of `GANSPACE_EDITS`, which then tells
            the layers.
        target: the coordinate to set, of a GANSpace file.

    Raises:
        CheckpointError: the file is damaged or of no known kind; says what it holds.
        InputError: a GANSpace file needs a component and a target.
    """
    content = _content(Path(path))
    if isinstance(content, Tensor):
        return Linear(_vector(content, path), layers)
    if {"mean", "comp", "std"} <= content.keys():
        return _coordinate(content, path, layers, component, target)
    state = content.get("state_dict", content)
    if any(str(name).startswith("mapper.") for name in state):
        return Mapped(_mapper(state, path))
    tensors = [value for value in content.values() if isinstance(value, Tensor)]
    if len(tensors) == 1:
        return Linear(_vector(tensors[0], path), layers)
    names = ", ".join(list(map(str, content))[:4]) or "nothing"
    raise CheckpointError(
        f"{path} is no direction that is known: expected one tensor, a GANSpace analysis (mean, comp, std) "
        f"or a StyleCLIP mapper (mapper.…), found {names}."
    )


def _content(path: Path) -> Tensor | dict[str, Any]:
    if path.suffix == ".safetensors":
        return dict(read_safetensors(path)[0])
    if path.suffix == ".npy":
        try:
            return torch.from_numpy(np.load(path, allow_pickle=False)).float()
        except (OSError, ValueError, TypeError) as error:
            raise CheckpointError(f"{path} cannot be read as an array of numbers: {error}.") from error
    content = read_torch(path)
    if not isinstance(content, Tensor | dict):
        raise CheckpointError(f"{path} is no direction: it holds a {type(content).__name__}.")
    return content


def _vector(tensor: Tensor, path: str | Path) -> Tensor:
    """[512] or [18, 512] from [512], [1, 512], [T, 512] or [1, T, 512]; missing fine codes stay unchanged."""
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
    content: Mapping[str, Any], path: str | Path, layers: Layers, component: int | str | None,
    target: float | None,
) -> Coordinate:  # fmt: skip
    known = f"{path} is a GANSpace analysis; say which component, by its number or as one of: "
    if component is None:
        raise InputError(known + ", ".join(GANSPACE_EDITS) + ".")
    if isinstance(component, str):
        if component not in GANSPACE_EDITS:
            raise InputError(known + ", ".join(GANSPACE_EDITS) + f". {component!r} is not among them.")
        component, layers, published = GANSPACE_EDITS[component]
        target = published if target is None else target
    if target is None:
        raise InputError("A GANSpace component is set to a target; give the target.")
    components, deviations = content["comp"].float().reshape(-1, CODE_DIM), content["std"].float().flatten()
    if not 0 <= component < len(components):
        raise InputError(f"{path} has components 0 to {len(components) - 1}, but {component} was asked for.")
    mean = content["mean"].float().reshape(CODE_DIM)
    return Coordinate(mean, components[component].clone(), float(deviations[component]), target, layers)


def _mapper(state: Mapping[str, Tensor], path: str | Path) -> StyleMapper:
    own = {name.removeprefix("mapper."): v for name, v in state.items() if name.startswith("mapper.")}
    mapper = StyleMapper([level for level in StyleMapper.LEVELS if any(n.startswith(level) for n in own)])
    try:
        mapper.load_state_dict({name: value.float() for name, value in own.items()})
    except RuntimeError as error:
        first = next(line.strip() for line in str(error).splitlines()[1:])
        raise CheckpointError(f"{path} is no StyleCLIP mapper of three levels: {first}") from error
    return mapper.eval().requires_grad_(False)
