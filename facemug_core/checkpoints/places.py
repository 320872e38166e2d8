"""Finds weights files without importing torch; `weights` loads networks from them."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from ..errors import WeightsMissingError
from .manifest import FETCHED, WEIGHTS, load_manifest

ADVICE: Mapping[str, str] = MappingProxyType(
    {
        "stylegan2.safetensors": "any file with the StyleGAN2 network of faces works, such as "
        "stylegan2-ffhq-config-f.pt or the e4e file; put it into one of these folders.",
        "stylegan2_mapping.safetensors": "it is part of the same files.",
        "full_encoder.safetensors": "an e4e, pSp or 26-channel encoder works, such as e4e_ffhq_encode.pt; "
        "put it into one of these folders.",
        "full_generator.safetensors": "its authors have not published it. Train it: `python -m facemug_core "
        "train generator --model full`.",
    }
)
"""Advice for missing files that `fetch` does not download."""


def own_command(arguments: str) -> str:
    """The pack's command as it is typed on this machine: with the running Python, in the pack's folder."""
    python = f'"{sys.executable}"' if " " in sys.executable else sys.executable
    return f"`{python} -m facemug_core {arguments}` in the folder {Path(__file__).parents[2]}"


class Places:
    """Folders that are searched for weights files, in this order; the first with a file wins.

    Args:
        folders: searched before the folders of the pack's own and of fetched weights.

    Attributes:
        folders: all of them.
    """

    def __init__(self, *folders: str | Path) -> None:
        self.folders = [*map(Path, folders), WEIGHTS, WEIGHTS / FETCHED]

    def find(self, name: str) -> Path | None:
        """Path of the file of this name; None if no folder has it."""
        return next((folder / name for folder in self.folders if (folder / name).is_file()), None)

    def path(self, name: str) -> Path:
        """Path of the file of this name.

        Raises:
            WeightsMissingError: no folder has it; the message lists the folders and says how to get it.
        """
        path = self.find(name)
        if path is None:
            raise self.missing([name])
        return path

    def missing(self, names: Sequence[str], advice: Mapping[str, str] = ADVICE) -> WeightsMissingError:
        """The error for missing files, with advice on each."""
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
            return f"To download it, run {own_command(f'fetch {group}')}."
        return "Put it into one of these folders."
