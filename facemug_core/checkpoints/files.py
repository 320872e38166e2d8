"""Atomic writing of files, and metadata of weights files.

Nothing here imports torch; `reading` reads tensors.
"""

from __future__ import annotations

import hashlib
import os
import re
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from ..errors import CheckpointError, UnwritableError

KIND = "kind"
"""Metadata key of the kind of this project's files."""

DIRECTIONS_KIND = "facemug directions"
FACE_CLIP_KIND = "facemug face clip"
LATENT_KIND = "facemug latent"
RELEVANCE_KIND = "facemug text relevance"
"""Kinds of files."""

MAX_HEADER = 2 << 20
"""Longest header of a safetensors file that is read; a tensor takes about 100 bytes."""


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's content, as hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def read_metadata(path: str | Path) -> dict[str, str]:
    """The metadata of a file. Checks that the file is whole, but reads only its header.

    Raises:
        CheckpointError: as `opened`.
    """
    with opened(Path(path), "np") as file:
        return file.metadata() or {}


def check_kind(path: str | Path, about: Mapping[str, str], kind: str, otherwise: str) -> None:
    """Check the kind of a file by its metadata.

    Raises:
        CheckpointError: it is another kind, in the words of `otherwise`.
    """
    if about.get(KIND) != kind:
        raise CheckpointError(f"{path} {otherwise}: its kind is {about.get(KIND, 'unknown')!r}.")


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Give a temporary path in the same folder, which is renamed to the final name when the block succeeds.

    Raises:
        UnwritableError: the file cannot be written.
    """
    path = Path(path)
    # Without the whole name, which may already have the greatest length.
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
    """Turn errors of writing into `UnwritableError`, with their `errno`."""
    try:
        yield
    except OSError as error:
        if error.errno is None or isinstance(error, UnwritableError):  # Pillow's own, or a sentence already
            raise
        told = UnwritableError(
            f"{path} cannot be written: {error.strerror}. Free some space, or choose another folder."
        )
        told.errno = error.errno
        raise told from error


@contextmanager
def opened(path: Path, framework: str, kind: str = "safetensors file") -> Iterator[Any]:
    """Open a safetensors file for a framework, and check that it is whole.

    Raises:
        CheckpointError: the file is missing, truncated or not a safetensors file.
    """
    require_file(path)
    try:
        with _nameable(path) as name, safe_open(name, framework=framework, device="cpu") as file:
            yield file
    except (SafetensorError, OSError) as error:
        raise _not_a(kind, path) from error


@contextmanager
def _nameable(path: Path) -> Iterator[str]:
    """A name of a file that safetensors can open, because it needs UTF-8."""
    try:
        name = os.fsencode(path).decode()
    except UnicodeDecodeError:
        with path.open("rb") as file:
            yield f"/dev/fd/{file.fileno()}"
        return
    yield name


def require_file(path: Path) -> None:
    """Check that a file exists.

    Raises:
        CheckpointError: it does not, or is a folder.
    """
    if path.is_dir():
        inside = ", ".join(sorted(entry.name for entry in path.iterdir())[:3]) or "nothing"
        raise CheckpointError(
            f"Expected a weights file, but {path} is a folder. Give a file in it; it has {inside}."
        )
    if not path.is_file():
        raise CheckpointError(f"There is no file {path}.")


def _not_a(kind: str, path: Path) -> CheckpointError:
    return CheckpointError(
        f"{path} cannot be read as a {kind}: it is {describe_file(path)}. If it is damaged, download it "
        "again: fetched weights with `python -m facemug_core fetch`, others from their source."
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
"""First bytes of a kind of file, their position, and the name of the kind."""


def describe_file(path: Path) -> str:
    """Describe a file by its first bytes."""
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
    # Not parsed as JSON: the header may be damaged.
    ends = re.findall(rb'"data_offsets":\s*\[\s*\d+\s*,\s*(\d{1,18})\s*\]', header)
    return 8 + length + max(map(int, ends), default=0)
