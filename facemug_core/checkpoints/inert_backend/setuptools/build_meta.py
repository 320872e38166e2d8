"""A build backend that runs nothing of a source package and packs its files as they are.

Package clients must ask the build backend of a source archive for its metadata, which would execute the
package's own setup script. Where this folder comes first on the import path, they ask this module instead.
The client has checked the archive's hash by then. It calls these functions inside the unpacked archive.
"""

from __future__ import annotations

import os
import zipfile
from email.parser import HeaderParser
from pathlib import Path


def prepare_metadata_for_build_wheel(
    metadata_directory: str, config_settings: dict[str, str] | None = None
) -> str:
    """Write name and version from the archive's PKG-INFO. Returns the folder's name."""
    folder = Path(metadata_directory, f"{_stem()}.dist-info")
    folder.mkdir()
    folder.joinpath("METADATA").write_text(_metadata(), encoding="utf-8")
    return folder.name


def build_wheel(
    wheel_directory: str,
    config_settings: dict[str, str] | None = None,
    metadata_directory: str | None = None,
) -> str:
    """Pack every file of the archive. Returns the wheel's name."""
    name = f"{_stem()}-py3-none-any.whl"
    with zipfile.ZipFile(Path(wheel_directory, name), "w") as wheel:
        for folder, _, files in os.walk("."):
            for file in files:
                wheel.write(os.path.join(folder, file))
        wheel.writestr(f"{_stem()}.dist-info/METADATA", _metadata())
        wheel.writestr(f"{_stem()}.dist-info/WHEEL", _WHEEL)
        wheel.writestr(f"{_stem()}.dist-info/RECORD", "")
    return name


_WHEEL = "Wheel-Version: 1.0\nGenerator: facemug\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def _info() -> tuple[str, str]:
    headers = HeaderParser().parsestr(Path("PKG-INFO").read_text(encoding="utf-8"))
    return headers["Name"], headers["Version"]


def _stem() -> str:
    name, version = _info()
    return f"{name.replace('-', '_')}-{version}"


def _metadata() -> str:
    name, version = _info()
    return f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"


class __legacy__:  # noqa: N801
    """Archives without pyproject.toml are asked through this name."""

    prepare_metadata_for_build_wheel = staticmethod(prepare_metadata_for_build_wheel)
    build_wheel = staticmethod(build_wheel)
