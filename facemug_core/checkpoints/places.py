"""Where weights files lie. Nothing here waits for torch; `weights` makes networks of the files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from ..errors import WeightsMissingError
from .manifest import FETCHED, WEIGHTS, load_manifest

ADVICE: Mapping[str, str] = MappingProxyType(
    {
        "stylegan2.safetensors": "any file of the StyleGAN2 network of faces serves, such as "
        "stylegan2-ffhq-config-f.pt or the e4e file; put it into one of these folders.",
        "stylegan2_mapping.safetensors": "it is part of the same files.",
        "full_encoder.safetensors": "an e4e, pSp or 26-channel encoder serves, such as e4e_ffhq_encode.pt; "
        "put it into one of these folders.",
        "full_generator.safetensors": "its authors have not published it. Train it: `python -m facemug_core "
        "train generator --model full`.",
    }
)
"""How to come by files that `fetch` does not bring."""


class Places:
    """Folders in which weights files are looked for, in this order: the first that has a file gives it.

    Args:
        folders: they come before the folder of the pack's own weights and that of fetched ones.

    Attributes:
        folders: all of them.
    """

    def __init__(self, *folders: str | Path) -> None:
        self.folders = [*map(Path, folders), WEIGHTS, WEIGHTS / FETCHED]

    def find(self, name: str) -> Path | None:
        """Path of the file of this name; None if no folder has it."""
        return next((folder / name for folder in self.folders if (folder / name).is_file()), None)

    def path(self, name: str) -> Path:
        """The same.

        Raises:
            WeightsMissingError: no folder has it; says which were looked into and how to bring it.
        """
        path = self.find(name)
        if path is None:
            raise self.missing([name])
        return path

    def missing(self, names: Sequence[str], advice: Mapping[str, str] = ADVICE) -> WeightsMissingError:
        """The error of files that are in none of the folders, with what to do about each."""
        searched = "\n".join(
            f"  {folder}{'' if folder.is_dir() else ' (no such folder)'}" for folder in self.folders
        )
        advised = {name: advice.get(name) or self._advice(name) for name in names}
        lines = advised.values() if len(names) == 1 else (f"{name}: {what}" for name, what in advised.items())
        verb = "is" if len(names) == 1 else "are"
        said = [f"{', '.join(names)} {verb} missing. Looked in", searched, *lines]
        return WeightsMissingError("\n".join(said))

    def _advice(self, name: str) -> str:
        inside = (path for folder in self.folders for path in folder.rglob("*"))
        misplaced = next((path for path in inside if path.name.lower() == name.lower()), None)
        if misplaced is not None and misplaced.is_file():
            return f"There is {misplaced}: move or rename it to {name} in one of these folders."
        group = next((file.group for file in load_manifest() if file.name == name), None)
        if group is not None:
            return f"Run `python -m facemug_core fetch {group}`, which brings it."
        return "Put it into one of these folders."
