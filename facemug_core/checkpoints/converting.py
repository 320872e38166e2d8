"""Converts third-party weights to float32 tensors by name."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from types import MappingProxyType

import numpy as np
import torch
from torch import Tensor

from .face_api import face_api_state
from .mobile_stylegan_ir import read_mapping, read_synthesis
from .reading import open_checkpoint

Converter = Callable[[Sequence[Path]], dict[str, Tensor]]


def _mobile_mapping(paths: Sequence[Path]) -> dict[str, Tensor]:
    return read_mapping(*paths)


def _mobile_synthesis(paths: Sequence[Path]) -> dict[str, Tensor]:
    return read_synthesis(*paths)


def _state_dict(paths: Sequence[Path]) -> dict[str, Tensor]:
    (path,) = paths
    return {name: tensor.load() for name, tensor in open_checkpoint(path).tensors.items()}


def read_tfjs(paths: Sequence[Path]) -> dict[str, Tensor]:
    """Weights of a TensorFlow.js model with its names and layouts (convolutions HWIO).

    `paths` are the weights list or the model that contains it (.json), then its single shard (.bin).
    Integer-quantized weights q become q · scale + min; fp16 becomes fp32.
    """
    description, shard = paths
    groups = json.loads(description.read_text(encoding="utf-8"))
    if isinstance(groups, dict):
        groups = groups["weightsManifest"]
    data, position = shard.read_bytes(), 0
    tensors = {}
    for entry in (entry for group in groups for entry in group["weights"]):
        quantization = entry.get("quantization", {})
        stored = np.dtype(quantization.get("dtype", entry["dtype"])).newbyteorder("<")
        count = int(np.prod(entry["shape"], dtype=np.int64))
        values = np.frombuffer(data, stored, count, position).astype(entry["dtype"])
        if "scale" in quantization:
            values = values * np.float32(quantization["scale"]) + np.float32(quantization["min"])
        tensors[entry["name"]] = torch.from_numpy(values.reshape(entry["shape"]))
        position += count * stored.itemsize
    return tensors


def _face_api(paths: Sequence[Path]) -> dict[str, Tensor]:
    return face_api_state(read_tfjs(paths))


CONVERTERS: MappingProxyType[str, Converter] = MappingProxyType(
    {
        "mobile_mapping": _mobile_mapping,
        "mobile_synthesis": _mobile_synthesis,
        "state_dict": _state_dict,
        "tfjs": read_tfjs,
        "face_api": _face_api,
    }
)
"""Converters by their name in the manifest.

Converted files keep this name. If the output of a converter changes, change its name here and in the
manifest: `fetch` then converts its files again.
"""
