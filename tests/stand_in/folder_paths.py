from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

base = Path()
temp = TemporaryDirectory()
models_dir = ""
folder_names_and_paths: dict[str, tuple[list[str], set[str]]] = {}


def get_input_directory() -> str:
    return str(base / "input")


def get_user_directory() -> str:
    return str(base / "user")


def get_output_directory() -> str:
    return str(base / "output")


def get_annotated_filepath(name: str) -> str:
    if name.endswith(" [output]"):
        return str(base / "output" / name.removesuffix(" [output]"))
    return str(base / "input" / name)


def get_save_image_path(prefix: str, folder: str) -> tuple[str, str, int, str, str]:
    path = Path(folder, prefix)
    path.parent.mkdir(parents=True, exist_ok=True)
    return str(path.parent), path.name, 1, "", prefix


def get_temp_directory() -> str:
    return temp.name
