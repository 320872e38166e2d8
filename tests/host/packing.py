"""What would be published: packed as the registry's tool packs it, unpacked as a host's manager does."""

from __future__ import annotations

import subprocess
import zipfile
from pathlib import Path

from .installing import CLI_PYTHON, ROOT

_PACK = "import sys; from comfy_cli.file_utils import zip_files; zip_files(sys.argv[1])"


def packed(folder: Path) -> Path:
    """The archive, written into a folder: tracked files without what `.comfyignore` names."""
    archive = folder / "node.zip"
    subprocess.run([CLI_PYTHON, "-c", _PACK, archive], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return archive


def unpacked(archive: Path, folder: Path) -> Path:
    """The folder, with the archive's files in it."""
    with zipfile.ZipFile(archive) as files:
        files.extractall(folder)
    return folder
