"""Read and write weights files: safetensors, and PyTorch files without ever running what they pickle."""

from __future__ import annotations

import json
import os
import re
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from ..errors import CheckpointError


def read_safetensors(path: str | Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors by name, on the CPU, and the metadata of a safetensors file.

    Raises:
        CheckpointError: no such file, not a safetensors file, or cut short.
    """
    with _opened(Path(path)) as file:
        return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118


def read_metadata(path: str | Path) -> dict[str, str]:
    """Metadata alone: checks that the file is whole, but reads only its header.

    Raises:
        CheckpointError: as `read_safetensors`.
    """
    with _opened(Path(path)) as file:
        return file.metadata() or {}


def read_torch(path: str | Path) -> Any:
    """What a PyTorch file (.pt, .pth, .bin) holds, if that is tensors, numbers, text and containers of these.

    Nothing in the file is executed: a file that pickles objects of other classes is refused.

    Raises:
        CheckpointError: no such file, damaged, another kind of file, or one that pickles other objects.
    """
    path = Path(path)
    _require_file(path)
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged file makes torch trip over anything
        refused = re.search(r"GLOBAL (\S+)", str(error))
        if refused is None:
            raise _not_a("PyTorch file", path) from error
        raise CheckpointError(
            f"{path} was refused: it holds more than tensors ({refused[1]}), and loading that would execute "
            "code from the file. If you trust it, load it with the program that made it and save its tensors "
            "alone with safetensors.torch.save_file."
        ) from error


def save_safetensors(
    path: str | Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None
) -> None:
    """Write tensors and metadata: the file is there whole, or as it was before.

    Raises:
        OSError: the disk is full or the folder cannot be written.
    """
    own = {
        name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, tensor in tensors.items()
    }
    data = save(own, dict(metadata or {}))
    with replacing(path) as temporary:
        temporary.write_bytes(data)


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Give a temporary path in the same folder, which takes the final name only when the block succeeds."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    _require_file(path)
    try:
        with safe_open(str(path), framework="pt", device="cpu") as file:
            yield file
    except (SafetensorError, OSError) as error:
        raise _not_a("safetensors file", path) from error


def _require_file(path: Path) -> None:
    if path.is_dir():
        raise CheckpointError(
            f"{path} is a folder where a weights file is expected. Name the file inside it."
        )
    if not path.is_file():
        raise CheckpointError(f"There is no file {path}.")


def _not_a(kind: str, path: Path) -> CheckpointError:
    return CheckpointError(
        f"{path} cannot be read as a {kind}: it is {_describe(path)}. Delete it and bring it again: fetched "
        "weights with `python -m facemug_core fetch`, others from where they came from."
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
        try:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > path.stat().st_size:
                return None
            header = json.loads(file.read(length))
            ends = [entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"]
        except (struct.error, ValueError, TypeError, KeyError, AttributeError):
            return None
    return 8 + length + max(ends, default=0)
