"""Read and write weights files: safetensors, and PyTorch files without ever running what they pickle."""

from __future__ import annotations

import json
import math
import os
import re
import struct
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from ..errors import CheckpointError, InputError, UnwritableError
from .safe_pickle import ForeignCodeError, UnreadableError
from .stored import Checkpoint, StoredTensor, stored_at
from .torch_files import is_torch_file, read_torch_file

MAX_HEADER = 2 << 20
"""Longest header of a safetensors file read; it grows by about 100 bytes with each tensor."""

_TYPES: Mapping[str, torch.dtype] = MappingProxyType(
    {
        "F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16,
        "I64": torch.int64, "I32": torch.int32, "I16": torch.int16, "I8": torch.int8,
        "U8": torch.uint8, "BOOL": torch.bool,
        "F8_E4M3": torch.float8_e4m3fn, "F8_E5M2": torch.float8_e5m2,
    }
)  # fmt: skip
"""Types of number in safetensors files."""

VALUES = "values"
"""Key of the metadata under which `convert` keeps numbers and text of the original file, as JSON."""

_NAMES = {dtype: name for name, dtype in _TYPES.items()}


def read_safetensors(path: str | Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors by name, on the CPU, and the metadata of a safetensors file.

    Raises:
        CheckpointError: no such file, not a safetensors file, or cut short.
    """
    with _opened(Path(path)) as file:
        return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118


def read_kind(path: str | Path, kind: str, otherwise: str) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The same of a file that says in its metadata that it is of a kind.

    Raises:
        CheckpointError: as `read_safetensors`; or of another kind, in the words of `otherwise`.
    """
    tensors, about = read_safetensors(path)
    if about.get("kind") != kind:
        raise CheckpointError(f"{path} {otherwise}: it says of itself {about.get('kind', 'nothing')!r}.")
    return tensors, about


def read_metadata(path: str | Path) -> dict[str, str]:
    """Metadata alone: checks that the file is whole, but reads only its header.

    Raises:
        CheckpointError: as `read_safetensors`.
    """
    with _opened(Path(path)) as file:
        return file.metadata() or {}


def open_checkpoint(path: str | Path) -> Checkpoint:
    """Names and shapes of a weights file, be it PyTorch's (.pt, .pth, .bin, .ckpt) or safetensors.

    What the file is shows in its content, not in its name. Nothing in it is executed, nothing that it names
    is imported, and tensors stay in the file until they are asked for.

    Raises:
        CheckpointError: no such file, a folder, damaged, another kind of file, or one that calls functions.
    """
    path = Path(path)
    _require_file(path)
    with path.open("rb") as file:
        head = file.read(9)
    if not is_torch_file(head):
        return _open_safetensors(path)
    try:
        return read_torch_file(path)
    except ForeignCodeError as error:
        raise CheckpointError(
            f"{path} was refused: it holds more than tensors ({error}), and loading that would execute code "
            "from the file. If you trust it, load it with the program that made it and save its tensors "
            "alone with safetensors.torch.save_file."
        ) from error
    except UnreadableError as error:
        raise CheckpointError(
            f"{path} cannot be read as a PyTorch file: it {error}. It is {_describe(path)}. If it came "
            "broken, bring it again from where it came from."
        ) from error


def save_safetensors(
    path: str | Path,
    tensors: Mapping[str, Tensor | StoredTensor],
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Write tensors and metadata, one tensor at a time: the file is there whole, or as it was before.

    Raises:
        InputError: a tensor of a type that safetensors does not have.
        UnwritableError: the disk is full or the folder cannot be written.
    """
    # Wide numbers first: then all are aligned.
    order = sorted(tensors, key=lambda name: (-tensors[name].dtype.itemsize, name))
    header: dict[str, Any] = {"__metadata__": dict(metadata)} if metadata else {}
    position = 0
    for name in order:
        dtype, shape = tensors[name].dtype, tuple(tensors[name].shape)
        if dtype not in _NAMES:
            raise InputError(f"The tensor {name} holds {dtype}, for which safetensors files have no place.")
        end = position + math.prod(shape) * dtype.itemsize
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


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Give a temporary path in the same folder, which takes the final name only when the block succeeds.

    Raises:
        UnwritableError: what the system has against writing it.
    """
    path = Path(path)
    # Not with the whole name in it, which may be as long as a name can be.
    temporary = path.with_name(f".{zlib.crc32(os.fsencode(path.name)):08x}.{os.getpid()}.partial")
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield temporary
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Makes a sentence of what the system has against writing a file: `UnwritableError`, with its `errno`."""
    try:
        yield
    except OSError as error:
        if error.errno is None or isinstance(error, UnwritableError):  # Pillow's own, or a sentence already
            raise
        told = UnwritableError(
            f"{path} cannot be written: {error.strerror}. Make room, or name a place where files can be."
        )
        told.errno = error.errno
        raise told from error


def _open_safetensors(path: Path) -> Checkpoint:
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if MAX_HEADER < length <= path.stat().st_size:
            raise CheckpointError(f"{path} has a header of {length} bytes, more than any checkpoint needs.")
        with _opened(path, "weights file") as checked:  # that sizes and positions fit the file and each other
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
    """Plain values of a safetensors file: its metadata, and what `convert` kept of the original's."""
    try:
        kept = json.loads(metadata.pop(VALUES, "{}"))
    except (ValueError, RecursionError):
        kept = None
    if not isinstance(kept, dict):
        return {**metadata}
    return {**metadata, **{name: value for name, value in kept.items() if not isinstance(value, dict | list)}}


@contextmanager
def _opened(path: Path, kind: str = "safetensors file") -> Iterator[Any]:
    _require_file(path)
    try:
        with _nameable(path) as name, safe_open(name, framework="pt", device="cpu") as file:
            yield file
    except (SafetensorError, OSError) as error:
        raise _not_a(kind, path) from error


@contextmanager
def _nameable(path: Path) -> Iterator[str]:
    """A name of a file that safetensors opens: it takes none that is not UTF-8."""
    try:
        name = os.fsencode(path).decode()
    except UnicodeDecodeError:
        with path.open("rb") as file:
            yield f"/dev/fd/{file.fileno()}"
        return
    yield name


def _require_file(path: Path) -> None:
    if path.is_dir():
        inside = ", ".join(sorted(entry.name for entry in path.iterdir())[:3]) or "nothing"
        raise CheckpointError(
            f"{path} is a folder where a weights file is expected. Name the file in it: it holds {inside}."
        )
    if not path.is_file():
        raise CheckpointError(f"There is no file {path}.")


def _not_a(kind: str, path: Path) -> CheckpointError:
    return CheckpointError(
        f"{path} cannot be read as a {kind}: it is {_describe(path)}. If it came broken, bring it again: "
        "fetched weights with `python -m facemug_core fetch`, others from where they came from."
    )


_SIGNATURES: tuple[tuple[bytes, int, str], ...] = (
    (b"PK\x03\x04", 0, "a zip archive or a PyTorch file, possibly cut short"),
    (b"\x80", 0, "a pickle, possibly cut short"),
    (b"TFL3", 4, "a TFLite model"),
    (b"\x89PNG", 0, "a PNG picture"),
    (b"\xff\xd8\xff", 0, "a JPEG picture"),
    (b"\x1f\x8b", 0, "a gzip archive"),
    (b"version https://git-lfs", 0, "a Git LFS pointer, not the file that it points to"),
)
"""First bytes of a kind of file, where they stand, and what to call it."""


def _describe(path: Path) -> str:
    """What a file looks like from its first bytes."""
    size = path.stat().st_size
    if size == 0:
        return "empty (0 bytes)"
    with path.open("rb") as file:
        head = file.read(512)
    if head.lstrip().lower().startswith((b"<!doctype", b"<html", b"<?xml")):
        return f"a web page or XML text ({size} bytes), perhaps an error page saved under this name"
    whole = _safetensors_size(path)
    if whole is not None:
        state = "" if size == whole else " cut short" if size < whole else " with something after its end"
        return f"a safetensors file{state} ({size} of {whole} bytes)"
    for signature, offset, name in _SIGNATURES:
        if head[offset:].startswith(signature):
            return f"{name} ({size} bytes)"
    return f"of an unknown or damaged kind ({size} bytes, beginning with {head[:8]!r})"


def _safetensors_size(path: Path) -> int | None:
    """Bytes that a file with this safetensors header must have; None if it has no such header."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length > min(path.stat().st_size, MAX_HEADER):
            return None
        header = file.read(length)
    if not header.startswith(b"{"):
        return None
    # Not read as JSON: a damaged header can be any.
    ends = re.findall(rb'"data_offsets":\s*\[\s*\d+\s*,\s*(\d{1,18})\s*\]', header)
    return 8 + length + max(map(int, ends), default=0)
