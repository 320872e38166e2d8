"""Recognizes weights files by their content, for `info` and for files of any name."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from ..errors import CheckpointError
from .formats import directions, exe_gan, ir_se50, lpips, networks, ours, style_encoder, stylegan2
from .formats.base import Found, Part
from .reading import VALUES, open_checkpoint, save_safetensors
from .stored import Checkpoint

READERS: tuple[Callable[[Checkpoint], Found | None], ...] = (
    style_encoder.find,
    stylegan2.find,
    ir_se50.find,
    exe_gan.find,
    networks.find_bisenet,
    directions.find_vector,
    directions.find_ganspace,
    directions.find_mapper,
    lpips.find,
    networks.find_own,
    ours.find,
)
"""A reader for each format: those of others, then this project's."""

UNBUILDABLE = (ArithmeticError, LookupError, RuntimeError, TypeError, ValueError)
"""Errors of readers and networks for right names with impossible shapes."""

SUFFIXES = (".pt", ".pth", ".bin", ".ckpt", ".safetensors")
"""Extensions of weights files."""


def recognize(checkpoint: Checkpoint) -> list[Found]:
    """All contents that readers find in a file; an e4e file, for example, has encoder and decoder.

    A network that does not fit ours is listed in `lacks`, not in `parts`.
    """
    found = []
    for find in READERS:
        with suppress(*UNBUILDABLE):
            seen = find(checkpoint)
            if seen is not None:
                found.append(_checked(seen))
    return found


def _checked(found: Found) -> Found:
    misfits = {name: misfit for name, part in found.parts.items() if (misfit := part.misfit()) is not None}
    if not misfits:
        return found
    fitting = {name: part for name, part in found.parts.items() if name not in misfits}
    lacks = [*found.lacks, *(f"the network's shape: {misfit}" for misfit in misfits.values())]
    return replace(found, parts=fitting, lacks=lacks)


def describe(path: str | Path) -> str:
    """Kind, use and lacks of a file, in lines for the screen.

    Raises:
        CheckpointError: the file cannot be read.
    """
    checkpoint = open_checkpoint(path)
    numbers = sum(tensor.nbytes for tensor in checkpoint.tensors.values())
    lines = [f"{path}: {len(checkpoint.tensors)} tensors, {numbers / 1e6:.1f} MB"]
    for found in recognize(checkpoint):
        lines.append(f"  {found.kind}")
        lines += [f"    {name}: {value}" for name, value in found.facts.items()]
        lines.append(f"    use: {found.use}")
        lines += [f"    lacks: {what}" for what in found.lacks]
    if len(lines) == 1:
        names = ", ".join(list(checkpoint.tensors)[:3]) or "no tensor"
        lines.append(f"  of no kind that is known here; it holds {names}")
    return "\n".join(lines)


def convert(source: str | Path, target: str | Path) -> None:
    """Write a file's tensors as safetensors, with the same bits and names, and its values as metadata.

    Raises:
        CheckpointError: the file cannot be read, or has no tensor.
        InputError: a tensor has a type that safetensors lacks.
    """
    checkpoint = open_checkpoint(source)
    if not checkpoint.tensors:
        raise CheckpointError(f"{source} holds no tensor.")
    metadata = {VALUES: json.dumps(dict(checkpoint.values)), "source": checkpoint.path.name}
    save_safetensors(target, checkpoint.tensors, metadata)


# Files by content ------------------------------------------------------------------------------------------


def find_part(name: str, folders: Sequence[Path]) -> tuple[Path, Part] | None:
    """The first file in these folders with a network, by the name of this network's weights file."""
    for folder in folders:
        for path in weights_files(folder):
            status = path.stat()
            part = _part_in(path, name, status.st_mtime_ns, status.st_size)
            if part is not None:
                return path, part
    return None


def weights_files(folder: Path) -> list[Path]:
    """Weights files of a folder by extension, sorted by name."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and path.is_file())


@lru_cache(maxsize=1024)
def _part_in(path: Path, name: str, modified: int, size: int) -> Part | None:
    """One network of a file, cached as long as the file does not change.

    Other networks of the file are not built, to save time at start.
    """
    checkpoint = _opened(path, modified, size)
    if checkpoint is None:
        return None
    for find in READERS:
        with suppress(*UNBUILDABLE):
            found = find(checkpoint)
            part = None if found is None else found.parts.get(name)
            if part is not None and part.misfit() is None:
                return part
    return None


@lru_cache(maxsize=256)
def _opened(path: Path, modified: int, size: int) -> Checkpoint | None:
    """The file's names and shapes; None if it cannot be read."""
    try:
        return open_checkpoint(path)
    except CheckpointError:
        return None
