"""What users of face-editing packs report: kinds of faults that no other module's tests look after.

What only the genuine host can show is tested in `tests/host/test_kinds.py`.
"""

from __future__ import annotations

import ast
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch.utils._python_dispatch import TorchDispatchMode

from facemug_core.conditions.reading import read_photo
from facemug_core.faces.alignment import resample
from facemug_core.latents import load_codes, save_codes
from facemug_core.model import FaceMug
from facemug_core.photo import Photo
from facemug_core.pipeline.editor import EditRequest, PhotoEditor

from .commands import needs_model
from .tiny import edited, random_conditions, tiny_model

ROOT = Path(__file__).parents[1]
NODES = list(ROOT.glob("nodes/*.py"))
SOURCES = [ROOT / "__init__.py", *NODES, *ROOT.glob("facemug_core/**/*.py")]

ALLOWED = {
    "accelerate", "ai_edge_litert", "comfy", "comfy_api", "comfy_execution", "folder_paths", "server",
    "aiohttp", "numpy", "open_clip", "PIL", "safetensors", "scipy", "skimage", "sklearn", "torch", "tqdm",
}  # fmt: skip
"""Packages that the code may import: the host's, and those that pyproject.toml names."""


def _calls(tree: ast.AST, name: str) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == name:
            yield node


def _trees() -> Iterator[tuple[Path, ast.Module]]:
    for path in SOURCES:
        yield path, ast.parse(path.read_text(encoding="utf-8"))


# Installing and importing


def test_no_package_is_imported_that_breaks_installs_or_hides_another_pack() -> None:
    """No OpenCV in any flavour, insightface, dlib or mediapipe; no absolute import of modules of our own."""
    for path, tree in _trees():
        for node in ast.walk(tree):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module or ""]
            for name in names:
                package = name.partition(".")[0]
                assert package in ALLOWED or package in sys.stdlib_module_names, f"{path} imports {name}"


def test_nothing_is_compiled() -> None:
    assert not [path for path in SOURCES if "cpp_extension" in path.read_text(encoding="utf-8")]


def test_no_module_touches_the_import_path_or_names_of_others() -> None:
    for path, tree in _trees():
        attributes = [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
        assert not {"sys.path", "sys.modules"} & set(attributes), path


def test_torch_never_unpickles_freely() -> None:
    for path, tree in _trees():
        for call in _calls(tree, "torch.load"):
            safe = [k.value for k in call.keywords if k.arg == "weights_only"]
            assert safe, path
            assert ast.unparse(safe[0]) == "True", path
        assert not list(_calls(tree, "pickle.load")), path


def test_no_text_runs_as_code() -> None:
    for path, tree in _trees():
        assert not [call for name in ("eval", "exec") for call in _calls(tree, name)], path


def test_only_a_command_fetches_and_no_node_runs_commands() -> None:
    """No node downloads anything or starts a program; training asks git for the revision."""
    importing = {"fetching": set(), "subprocess": set(), "cli": set()}
    for path, tree in _trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                modules = {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                modules = {(node.module or "").rpartition(".")[2], *(alias.name for alias in node.names)}
            else:
                continue
            for name in importing.keys() & modules:
                importing[name].add(path.name)
    assert importing == {
        "fetching": {"weights.py"},
        "subprocess": {"fetching.py", "run.py"},
        "cli": {"__main__.py"},
    }


def test_paths_may_hold_spaces_and_any_script(tmp_path: Path) -> None:
    folder = tmp_path / "模型 é"
    folder.mkdir()
    picture = Image.fromarray(np.arange(48, dtype=np.uint8).reshape(4, 4, 3))
    picture.save(folder / "фото 1.png")
    assert np.array_equal(np.asarray(read_photo(folder / "фото 1.png")), np.asarray(picture))
    codes = torch.randn(1, 18, 512, generator=torch.Generator().manual_seed(0))
    save_codes(folder / "私.safetensors", codes)
    assert torch.equal(load_codes(folder / "私.safetensors"), codes)


def test_an_edit_asks_for_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> None:
        raise AssertionError("something asked for the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    edited(tiny_model(), random_conditions())


# Input tensors


def _noise(width: int, height: int, mode: str = "RGB") -> Photo:
    shape = (height, width, len(mode))
    return Photo.from_image(Image.fromarray(np.random.default_rng(0).integers(0, 255, shape, np.uint8), mode))


def test_a_fourth_channel_changes_no_color(editor: PhotoEditor) -> None:
    photo = _noise(256, 256)
    clear = Photo.from_image(photo.to_image().convert("RGBA"))
    mask = torch.zeros(1, 1, 256, 256)
    mask[..., 90:150, 80:160] = 1
    plain = editor.edit(photo, EditRequest(mask=mask, aligned=True, exemplar=photo))
    alpha = editor.edit(clear, EditRequest(mask=mask, aligned=True, exemplar=clear))
    assert torch.equal(alpha.photos[0].pixels[:, :3], plain.photos[0].pixels)


@settings(max_examples=6, deadline=None)
@given(width=st.sampled_from([1, 2, 255, 1025]), height=st.sampled_from([1, 3, 64, 257]))
def test_sides_of_one_pixel_and_odd_sides_keep_their_shape(width: int, height: int) -> None:
    photo = _noise(width, height)
    request = EditRequest(mask=torch.ones(1, 1, height, width), aligned=True)
    edited = PhotoEditor(tiny_model()).edit(photo, request).photos[0]
    assert edited.pixels.shape == photo.pixels.shape


def test_views_without_memory_of_their_own_are_edited() -> None:
    model, conditions = tiny_model(), random_conditions()
    gray = conditions.image[:, :1].contiguous()
    flat = type(conditions).build(image=gray.expand(-1, 3, -1, -1), mask=conditions.mask)
    whole = type(conditions).build(image=gray.repeat(1, 3, 1, 1), mask=conditions.mask)
    assert torch.equal(edited(model, flat)[0], edited(model, whole)[0])


# Alignment


@needs_model
def test_a_crop_that_is_slightly_off_gives_the_same_person() -> None:
    """By two degrees and two pixels: codes move by far less than the way to another person."""
    model = FaceMug.load("light")
    faces = model.render(model.random_codes([1, 2]))
    cos, sin = np.cos(np.radians(2)), np.sin(np.radians(2))
    turned = np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])
    shifted, back = np.eye(3), np.eye(3)
    shifted[:2, 2], back[:2, 2] = (130, 126), -128
    off = resample(faces[:1], shifted @ turned @ back, (256, 256))
    person, other = model.encode(faces).split(1)
    assert (model.encode(off) - person).norm() < 0.15 * (other - person).norm()


# Device and precision


class _Operations(TorchDispatchMode):
    """Notes the types of all tensors that operations give, and the padding of resampled pictures."""

    def __init__(self) -> None:
        super().__init__()
        self.types: set[torch.dtype] = set()
        self.paddings: set[int] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.ops.aten.grid_sampler_2d.default:
            self.paddings.add(args[3])
        result = func(*args, **(kwargs or {}))
        for value in result if isinstance(result, (tuple, list)) else (result,):
            if isinstance(value, torch.Tensor):
                self.types.add(value.dtype)
        return result


def test_an_edit_makes_no_numbers_that_some_devices_lack(model: FaceMug) -> None:
    with _Operations() as operations:
        edited(model, random_conditions(), exemplar=torch.zeros(1, 3, 256, 256))
    assert torch.float32 in operations.types
    assert torch.float64 not in operations.types


def test_border_padding_that_some_devices_lack_is_not_asked_for(editor: PhotoEditor) -> None:
    mask = torch.zeros(1, 1, 90, 100)
    mask[..., 50:70, 40:60] = 1
    eyes_and_mouth = [[40.0, 40.0], [60.0, 40.0], [42.0, 60.0], [58.0, 60.0]]
    with _Operations() as operations:
        editor.edit(_noise(100, 90), EditRequest(mask=mask, landmarks=[eyes_and_mouth]))
    assert operations.paddings == {0}
