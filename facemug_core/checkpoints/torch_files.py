"""Reads PyTorch files, zip files (since torch 1.6) and older ones, without executing anything.

Both have a pickle, with tensors as views of storages, and the storages as raw bytes. A tensor's bytes are
read when needed. Every declared size is checked against the file before memory is allocated.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any

from .safe_pickle import MAX_BYTES, Record, TensorRecord, UnreadableError, read_pickle
from .stored import ITEM_BYTES, Checkpoint, StoredTensor, extent_of, stored_at

MAX_ENTRIES = 100_000
"""Largest number of entries of a zip file; each storage has one."""

MAX_DEPTH = 24
"""Deepest nesting of containers."""

MAX_NAME = 300
"""Longest name of a tensor or value."""

MAX_NAMES = 8 << 20
"""Largest total length of all names of tensors and values."""

OPTIONS = "argparse.Namespace"
"""The only class whose values are kept; training programs store their options in it."""

_MAGIC, _PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
"""First two pickles of an older file."""

_STORAGES: Mapping[str, str] = MappingProxyType(
    {
        "DoubleStorage": "float64",
        "FloatStorage": "float32",
        "HalfStorage": "float16",
        "BFloat16Storage": "bfloat16",
        "LongStorage": "int64",
        "IntStorage": "int32",
        "ShortStorage": "int16",
        "CharStorage": "int8",
        "ByteStorage": "uint8",
        "BoolStorage": "bool",
        "ComplexFloatStorage": "complex64",
        "ComplexDoubleStorage": "complex128",
        "UntypedStorage": "uint8",
    }
)
"""Number types by the storage's class."""


@dataclass(frozen=True)
class _Span:
    """Bytes of the file."""

    start: int
    length: int


def is_torch_file(head: bytes) -> bool:
    """Whether a file may be PyTorch's, by its first nine bytes.

    One in 32 safetensors files also begins like a pickle, because of its header's length; then "{" follows.
    """
    return head.startswith((b"PK\x03\x04", b"\x80")) and head[8:] != b"{"


def read_torch_file(path: Path) -> Checkpoint:
    """Names and shapes of a PyTorch file.

    Raises:
        ForeignCodeError: its pickle calls a function other than those that rebuild tensors.
        UnreadableError: it is damaged, truncated, or declares more than it has.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        zipped = file.read(4) == b"PK\x03\x04"
        root, spans = _read_zip(file, size) if zipped else _read_old(file, size)
    tensors: dict[str, StoredTensor] = {}
    values: dict[str, Any] = {}
    for name, leaf in _leaves(root):
        if name in tensors or name in values or name == "__metadata__" or not _is_text(name):
            raise UnreadableError(f"has a name that is used twice or cannot be used, {name!r:.60}")
        if isinstance(leaf, TensorRecord):
            tensors[name] = _stored(path, leaf, spans)
        else:
            values[name] = leaf
    declared = sum(tensor.nbytes for tensor in tensors.values())
    if declared > 2 * max(size, 1 << 20):
        raise UnreadableError(f"declares {declared} bytes of tensors in a file of {size} bytes")
    return Checkpoint(path, tensors, values)


# Containers ------------------------------------------------------------------------------------------------


def _read_old(file: IO[bytes], size: int) -> tuple[Any, dict[str, _Span]]:
    """Five pickles (magic number, version, machine, data, keys of storages), then the storages."""
    file.seek(0)
    stream = BytesIO(file.read(MAX_BYTES))
    if read_pickle(stream) != _MAGIC or read_pickle(stream) != _PROTOCOL:
        raise UnreadableError("is a pickle that torch.save did not write")
    read_pickle(stream)
    root, keys = read_pickle(stream), read_pickle(stream)
    kinds = {record.storage.key: _storage_type(record) for _, record in _records(root)}
    if not isinstance(keys, list):
        raise UnreadableError("has no list of its storages")
    spans: dict[str, _Span] = {}
    position = stream.tell()
    for key in keys:
        if not isinstance(key, str) or key not in kinds:
            raise UnreadableError(f"holds numbers of an unknown type, {key!r:.40}")
        file.seek(position)
        count = file.read(8)
        if len(count) < 8:
            raise UnreadableError("is cut short")
        length = int.from_bytes(count, "little") * ITEM_BYTES[kinds[key]]
        position += 8
        if position + length > size:
            raise UnreadableError("is cut short")
        spans[key] = _Span(position, length)
        position += length
    return root, spans


def _read_zip(file: IO[bytes], size: int) -> tuple[Any, dict[str, _Span]]:
    """`NAME/data.pkl` and `NAME/data/KEY`, none of them compressed."""
    entries = dict(_zip_entries(file, size))
    pickles = [name for name in entries if name.endswith("/data.pkl") or name == "data.pkl"]
    if len(pickles) != 1:
        raise UnreadableError("is a zip archive that torch.save did not write")
    top = pickles[0].removesuffix("data.pkl")
    order = entries.get(f"{top}byteorder")
    if order is not None and _piece(file, order.start, min(order.length, 8)) != b"little":
        raise UnreadableError("holds numbers in another order of bytes than this computer's")
    pickle = entries[pickles[0]]
    if pickle.length > MAX_BYTES:
        raise UnreadableError(f"has a pickle of {pickle.length} bytes, more than any checkpoint needs")
    file.seek(pickle.start)
    root = read_pickle(BytesIO(file.read(pickle.length)))
    folder = f"{top}data/"
    return root, {
        name.removeprefix(folder): span for name, span in entries.items() if name.startswith(folder)
    }


_END, _END64, _LOCATOR64 = struct.Struct("<4s4H2IH"), struct.Struct("<4sQ2H2I4Q"), struct.Struct("<4sIQI")
_CENTRAL, _LOCAL = struct.Struct("<4s6H3I5H2I"), struct.Struct("<4s5H3I2H")


def _zip_entries(file: IO[bytes], size: int) -> Iterator[tuple[str, _Span]]:
    """Names and positions of a zip file's entries.

    Unlike `zipfile`, this never allocates more than the file's size.
    """
    tail_length = min(size, _END.size + 0xFFFF)
    tail = _piece(file, size - tail_length, tail_length)
    end = tail.rfind(b"PK\x05\x06")
    if end < 0 or end + _END.size > len(tail):
        raise UnreadableError("is a zip archive without its end: cut short")
    *_, count, length, start, _ = _END.unpack_from(tail, end)
    if count == 0xFFFF or 0xFFFFFFFF in (length, start):
        _, _, position, _ = _LOCATOR64.unpack(
            _piece(file, size - tail_length + end - _LOCATOR64.size, _LOCATOR64.size)
        )
        *_, count, length, start = _END64.unpack(_piece(file, position, _END64.size))
    if count > MAX_ENTRIES or length > MAX_ENTRIES * 1000 or start + length > size:
        raise UnreadableError(f"is a zip archive of {count} entries that cannot be read")
    directory = _piece(file, start, length)
    position = 0
    for _ in range(count):
        if position + _CENTRAL.size > length:
            raise UnreadableError("has a damaged zip directory")
        entry = _CENTRAL.unpack_from(directory, position)
        if entry[0] != b"PK\x01\x02":
            raise UnreadableError("has a damaged zip directory")
        flags, method, packed, unpacked, name_length, extra_length, comment_length, offset = (
            entry[3], entry[4], entry[8], entry[9], entry[10], entry[11], entry[12], entry[16]
        )  # fmt: skip
        position += _CENTRAL.size
        name = directory[position : position + name_length].decode("utf-8", "replace")
        extra = directory[position + name_length : position + name_length + extra_length]
        position += name_length + extra_length + comment_length
        unpacked, packed, offset = _wide(extra, unpacked, packed, offset)
        if method or flags & 1 or packed != unpacked:
            raise UnreadableError(
                f"is a zip archive whose entries are compressed or encrypted ({name:.60}), which torch.save "
                "never does: unpack it, and use the file inside"
            )
        local = _LOCAL.unpack(_piece(file, offset, _LOCAL.size))
        first = offset + _LOCAL.size + local[9] + local[10]
        if local[0] != b"PK\x03\x04" or first + packed > size:
            raise UnreadableError("has a damaged zip directory")
        yield name, _Span(first, packed)


def _wide(extra: bytes, *fields: int) -> list[int]:
    """Fields of a zip entry; those beyond 32 bits are in its 64-bit extension."""
    wide = list(fields)
    position = 0
    while position + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, position)
        if kind == 1:
            held = extra[position + 4 : position + 4 + length]
            numbers = struct.iter_unpack("<Q", held[: len(held) // 8 * 8])
            wide = [next(numbers, (field,))[0] if field == 0xFFFFFFFF else field for field in wide]
        position += 4 + length
    return wide


def _piece(file: IO[bytes], start: int, length: int) -> bytes:
    """Bytes of the file, all of them."""
    if start < 0:
        raise UnreadableError("has a damaged zip directory")
    file.seek(start)
    piece = file.read(length)
    if len(piece) < length:
        raise UnreadableError("is cut short")
    return piece


# Names -----------------------------------------------------------------------------------------------------


def _leaves(root: Any) -> Iterator[tuple[str, Any]]:
    """Tensors and plain values with their names, through all containers."""
    budget = MAX_NAMES
    seen: set[int] = set()  # references may be circular
    pending: list[tuple[str, Any, int, str | None]] = [("", root, 0, None)]
    while pending:
        name, value, depth, owner = pending.pop()
        budget -= len(name) + 1
        if depth > MAX_DEPTH or budget < 0 or len(name) > MAX_NAME:
            raise UnreadableError("nests or repeats its containers more than any checkpoint does")
        if isinstance(value, Record):
            if id(value) in seen:
                continue
            seen.add(id(value))
            owner, value = value.kind, value.state
        children: Iterator[tuple[Any, Any]]
        if isinstance(value, dict):
            children = iter(value.items())
        elif isinstance(value, (list, tuple)):
            children = iter(enumerate(value))
        else:
            if isinstance(value, TensorRecord):
                if owner is not None:
                    raise UnreadableError(
                        f"holds its tensors inside an object ({owner}). If you trust it, load it with the "
                        "program that made it and save its state_dict()"
                    )
                yield name or "tensor", value
            elif owner in (None, OPTIONS) and isinstance(value, (bool, int, float, str, type(None))):
                yield name or "value", value
            continue
        inner = [(f"{name}.{key}" if name else str(key), child, depth + 1, owner) for key, child in children]
        pending.extend(reversed(inner))


def _is_text(name: str) -> bool:
    """Whether a name can be written to a file."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _records(root: Any) -> Iterator[tuple[str, TensorRecord]]:
    return ((name, leaf) for name, leaf in _leaves(root) if isinstance(leaf, TensorRecord))


# Tensors ---------------------------------------------------------------------------------------------------


def _storage_type(record: TensorRecord) -> str:
    """Type of a storage's numbers."""
    kind = record.storage.kind.rpartition(".")[2]
    if kind not in _STORAGES:
        raise UnreadableError(f"holds numbers of a type that is not supported, {kind:.40}")
    return _STORAGES[kind]


def _tensor_type(record: TensorRecord) -> str:
    if record.dtype is None:
        return _storage_type(record)
    dtype = record.dtype.removeprefix("torch.")
    if dtype not in ITEM_BYTES:
        raise UnreadableError(f"holds numbers of a type that is not supported, {record.dtype:.40}")
    return dtype


def _stored(path: Path, record: TensorRecord, spans: Mapping[str, _Span]) -> StoredTensor:
    """Check a tensor against the bytes of the file."""
    dtype, storage = _tensor_type(record), record.storage
    if len(record.shape) != len(record.strides) or storage.key not in spans:
        raise UnreadableError("declares a tensor without its numbers")
    span, length = spans[storage.key], ITEM_BYTES[dtype]
    start = storage.start * ITEM_BYTES[_storage_type(record)] + record.offset * length
    if start + extent_of(record.shape, record.strides) * length > span.length:
        raise UnreadableError("declares a tensor that is larger than its numbers")
    return stored_at(path, span.start + start, dtype, record.shape, record.strides)
