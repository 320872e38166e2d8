"""Reads and writes weights files: safetensors, and PyTorch files without running their pickles."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ..errors import CheckpointError, InputError
from .files import MAX_HEADER, check_kind, describe_file, opened, replacing, require_file
from .safe_pickle import ForeignCodeError, UnreadableError
from .stored import ITEM_BYTES, Checkpoint, StoredTensor, stored_at
from .torch_files import is_torch_file, read_torch_file

if TYPE_CHECKING:
    from torch import Tensor

_TYPES: Mapping[str, str] = MappingProxyType(
    {
        "F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16",
        "I64": "int64", "I32": "int32", "I16": "int16", "I8": "int8",
        "U8": "uint8", "BOOL": "bool",
        "F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2",
    }
)  # fmt: skip
"""Number types of safetensors files."""

VALUES = "values"
"""Metadata key of the original file's numbers and texts, which `convert` writes as JSON."""

_NAMES = {dtype: name for name, dtype in _TYPES.items()}


def read_safetensors(path: str | Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors by name, on the CPU, and the metadata of a safetensors file.

    Raises:
        CheckpointError: no such file, not a safetensors file, or cut short.
    """
    with opened(Path(path), "pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118


def read_kind(path: str | Path, kind: str, otherwise: str) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The same of a file that says in its metadata that it is of a kind.

    Raises:
        CheckpointError: as `read_safetensors`; or of another kind, in the words of `otherwise`.
    """
    tensors, about = read_safetensors(path)
    check_kind(path, about, kind, otherwise)
    return tensors, about


def open_checkpoint(path: str | Path) -> Checkpoint:
    """Names and shapes of a weights file, PyTorch's (.pt, .pth, .bin, .ckpt) or safetensors.

    The kind is recognized by content, not by name. Nothing in the file is executed or imported. Tensors are
    read when needed.

    Raises:
        CheckpointError: the file is missing, damaged, of another kind, or calls functions.
    """
    path = Path(path)
    require_file(path)
    with path.open("rb") as file:
        head = file.read(9)
    if not is_torch_file(head):
        return _open_safetensors(path)
    try:
        return read_torch_file(path)
    except ForeignCodeError as error:
        raise CheckpointError(
            f"{path} was refused: it has more than tensors ({error}), which would execute code from it. "
            "If you trust it, load it with the program that made it and save its tensors with "
            "safetensors.torch.save_file."
        ) from error
    except UnreadableError as error:
        raise CheckpointError(
            f"{path} cannot be read as a PyTorch file: it {error}. It is {describe_file(path)}. If it is "
            "damaged, download it again from its source."
        ) from error


def save_safetensors(
    path: str | Path,
    tensors: Mapping[str, Tensor | StoredTensor],
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Write tensors and metadata, one tensor at a time. After an error the old file is unchanged.

    Raises:
        InputError: a tensor has a type that safetensors lacks.
        UnwritableError: the disk is full or the folder cannot be written.
    """
    import torch

    dtypes = {name: str(tensor.dtype).removeprefix("torch.") for name, tensor in tensors.items()}
    for name, dtype in dtypes.items():
        if dtype not in _NAMES:
            raise InputError(f"The tensor {name} has the type {dtype}, which safetensors files cannot hold.")
    # Wide numbers first, so that all are aligned.
    order = sorted(tensors, key=lambda name: (-ITEM_BYTES[dtypes[name]], name))
    header: dict[str, Any] = {"__metadata__": dict(metadata)} if metadata else {}
    position = 0
    for name in order:
        dtype, shape = dtypes[name], tuple(tensors[name].shape)
        end = position + math.prod(shape) * ITEM_BYTES[dtype]
        header[name] = {"dtype": _NAMES[dtype], "shape": shape, "data_offsets": [position, end]}
        position = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with replacing(path) as temporary, temporary.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for name in order:
            tensor = tensors[name]
            loaded = tensor.load() if isinstance(tensor, StoredTensor) else tensor.detach().cpu().contiguous()
            file.write(loaded.reshape(-1).view(torch.uint8).numpy().data)


def _open_safetensors(path: Path) -> Checkpoint:
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if MAX_HEADER < length <= path.stat().st_size:
            raise CheckpointError(f"{path} has a header of {length} bytes, more than any checkpoint needs.")
        # Checks sizes and positions.
        with opened(path, "np", "weights file") as checked:
            metadata = dict(checked.metadata() or {})
        header = json.loads(file.read(length))
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        if entry["dtype"] not in _TYPES:
            raise CheckpointError(f"{path} holds numbers of a type that is not supported, {entry['dtype']}.")
        shape = tuple(entry["shape"])
        strides = tuple(math.prod(shape[axis + 1 :]) for axis in range(len(shape)))
        start = 8 + length + entry["data_offsets"][0]
        tensors[name] = stored_at(path, start, _TYPES[entry["dtype"]], shape, strides)
    return Checkpoint(path, tensors, _values(metadata))


def _values(metadata: dict[str, str]) -> dict[str, Any]:
    """Plain values of a safetensors file: its metadata, and the original's values by `convert`."""
    try:
        kept = json.loads(metadata.pop(VALUES, "{}"))
    except (ValueError, RecursionError):
        kept = None
    if not isinstance(kept, dict):
        return {**metadata}
    return {**metadata, **{name: value for name, value in kept.items() if not isinstance(value, dict | list)}}
