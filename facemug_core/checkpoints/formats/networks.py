"""Networks in our names: BiSeNet, and those of this project's files."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING

from ..stored import Checkpoint, StoredTensor
from .base import Found, Part

if TYPE_CHECKING:
    from torch import Tensor

BISENET_KEYS = ("cp.resnet.conv1.weight", "ffm.convblk.conv.weight", "conv_out.conv_out.weight")

MAPPING = "1ce5450068af2f83"
"""Digest of a mapping network. Which bank's it is does not show, and it must not be taken for another's."""

OWN: Mapping[str, str] = MappingProxyType(
    {
        "1f27f3ed61a6f0ab": "stylegan2",
        "d47f677a4d4fdbb4": "mobile_stylegan",
        "0fa7a69e660d3e97": "part_reader",
        "39d0b09da26988c6": "light_encoder",
        "90738712a639c63c": "full_encoder",
        "2de1fc1215cff62e": "light_generator",
        "052da99296c590fd": "full_generator",
        "27ca86f9bb5734ed": "light_warping",
        "2f8f9fe576243e5f": "full_warping",
        "e2b804718f9ce23a": "light_picture_head",
        "ab193b64eec2561f": "full_picture_head",
        "4b8358fe38c66b22": "light_part_head",
        "4738f8875d745d12": "full_part_head",
        "db77c253a3c24064": "light_search_head",
        "b9c423f722800ada": "full_search_head",
    }
)
"""Names of this project's files by the digest of the network in it: neither needs the network to be built."""


def digest(tensors: Mapping[str, StoredTensor | Tensor]) -> str:
    """Of names and shapes: two networks have the same one if weights of one fill the other."""
    lines = (f"{name} {list(tensor.shape)}" for name, tensor in sorted(tensors.items()))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def find_bisenet(checkpoint: Checkpoint) -> Found | None:
    """The face parser."""
    tensors = checkpoint.tensors
    if not all(key in tensors for key in BISENET_KEYS):
        return None
    from ...networks.bisenet import BiSeNet

    labels = tensors["conv_out.conv_out.weight"].shape[0]
    part = Part(tensors, partial(BiSeNet, labels))
    return Found("BiSeNet face parser", {"labels": labels}, "face parts of a photo", {"bisenet": part})


def find_own(checkpoint: Checkpoint) -> Found | None:
    """A network of this project."""
    found = digest(checkpoint.tensors)
    if found == MAPPING:
        return Found("mapping network", {}, "random faces, with the bank that it was trained with")
    name = OWN.get(found)
    if name is None:
        return None
    part = Part(checkpoint.tensors)
    return Found(f"{name}.safetensors of this project", {}, name.replace("_", " "), {name: part})
