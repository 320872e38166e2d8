"""`fetch`, `info` and `convert`: weights files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..checkpoints.manifest import GROUPS
from .declaring import add_command, argument
from .options import OUTPUT


@dataclass(frozen=True)
class FetchOptions:
    """Arguments of `fetch`."""

    groups: Sequence[str] = argument(nargs="*", default=["run"], metavar="GROUP", help=", ".join(GROUPS))


@dataclass(frozen=True)
class InfoOptions:
    """Arguments of `info`."""

    files: Sequence[Path] = argument(type=Path, nargs="+", metavar="FILE")


@dataclass(frozen=True)
class ConvertOptions:
    """Arguments of `convert`."""

    file: Path = argument(type=Path)
    output: Path = argument(*OUTPUT, type=Path, required=True, metavar="OUT.safetensors")


def add_commands(commands: Any) -> None:
    """Add the commands on weights files."""
    add_command(
        commands, "fetch", "Download third-party weights, each checked by its hash.", FetchOptions, bring
    )
    add_command(commands, "info", "Recognize weights files by their content.", InfoOptions, info)
    about = "Write a weights file's tensors as safetensors."
    add_command(commands, "convert", about, ConvertOptions, rewrite)


def bring(options: FetchOptions) -> None:
    """Download missing files."""
    from tqdm import tqdm

    from ..checkpoints.fetching import fetch

    with tqdm(unit="B", unit_scale=True) as bar:

        def progress(message: str, done: int, total: int) -> None:
            bar.set_description_str(message, refresh=False)
            bar.total, bar.n = total or None, done
            bar.refresh()

        report = fetch(options.groups, progress=progress)
    print(f"Fetched {len(report.fetched)} files; {len(report.present)} were present.")


def info(options: InfoOptions) -> None:
    """Print the kind of each file."""
    from ..checkpoints.recognizing import describe

    for path in options.files:
        print(describe(path))


def rewrite(options: ConvertOptions) -> None:
    """Write the tensors of the file."""
    from ..checkpoints.recognizing import convert

    convert(options.file, options.output)
