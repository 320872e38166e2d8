import os
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from facemug_core.checkpoints.files import read_metadata
from facemug_core.checkpoints.reading import (
    open_checkpoint,
    read_safetensors,
    replacing,
    save_safetensors,
)
from facemug_core.errors import CheckpointError, UnwritableError

from .full_disk import room_for


@pytest.fixture
def tensors() -> dict[str, torch.Tensor]:
    return {"a.weight": torch.arange(600.0).reshape(20, 30), "steps": torch.tensor(3)}


@pytest.fixture
def whole(tmp_path: Path, tensors: dict[str, torch.Tensor]) -> Path:
    save_safetensors(tmp_path / "whole.safetensors", tensors, {"size": "light"})
    return tmp_path / "whole.safetensors"


def test_safetensors_come_back_with_their_metadata(whole, tensors):
    read, metadata = read_safetensors(whole)
    assert read.keys() == tensors.keys()
    assert all(
        torch.equal(read[name], tensors[name]) and read[name].dtype == tensors[name].dtype for name in read
    )
    assert metadata == {"size": "light"}
    assert read_metadata(whole) == metadata


def test_views_and_channels_last_tensors_can_be_saved(tmp_path):
    base = torch.rand(2, 4, 6, 6)
    views = {
        "view": base[:1],
        "whole": base,
        "transposed": base.mT,
        "channels_last": base.to(memory_format=torch.channels_last),
    }
    save_safetensors(tmp_path / "x.safetensors", views)
    read, _ = read_safetensors(tmp_path / "x.safetensors")
    assert all(torch.equal(read[name], views[name]) for name in views)


def test_paths_may_hold_spaces_and_any_script(tmp_path, tensors):
    path = tmp_path / "模型 é" / "poids à moi.safetensors"
    save_safetensors(path, tensors)
    torch.save(tensors, path.with_suffix(".pth"))
    assert read_safetensors(path)[0].keys() == tensors.keys()
    assert open_checkpoint(path.with_suffix(".pth")).tensors.keys() == tensors.keys()


def test_saving_leaves_no_other_file(whole):
    assert list(whole.parent.iterdir()) == [whole]


def test_a_failed_write_leaves_the_old_file_as_it_was(whole):
    before = whole.read_bytes()
    with pytest.raises(ZeroDivisionError), replacing(whole) as temporary:
        temporary.write_bytes(b"half") / 0
    assert whole.read_bytes() == before
    assert list(whole.parent.iterdir()) == [whole]


def test_no_room_for_the_file_leaves_nothing(tmp_path):
    with (
        room_for(1000),
        pytest.raises(UnwritableError, match=r"x\.safetensors cannot be written: .* Free some space"),
    ):
        save_safetensors(tmp_path / "x.safetensors", {"a": torch.zeros(1000)})
    assert list(tmp_path.iterdir()) == []


@settings(max_examples=30, deadline=None)
@given(keep=st.floats(0, 1, exclude_max=True))
def test_any_truncation_of_a_safetensors_file_is_reported(tmp_path_factory, keep):
    path = tmp_path_factory.mktemp("cut") / "x.safetensors"
    save_safetensors(path, {"a": torch.ones(50)}, {"k": "v"})
    data = path.read_bytes()
    path.write_bytes(data[: int(keep * len(data))])
    for read in (read_safetensors, read_metadata, open_checkpoint):
        with pytest.raises(CheckpointError, match=r"x\.safetensors"):
            read(path)


@settings(max_examples=30, deadline=None)
@given(data=st.binary(max_size=200))
def test_any_bytes_are_a_named_error(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("noise") / "x.bin"
    path.write_bytes(data)
    with pytest.raises(CheckpointError, match=r"x\.bin"):
        read_safetensors(path)
    with pytest.raises(CheckpointError, match=r"x\.bin"):
        open_checkpoint(path)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", r"empty \(0 bytes\)"),
        (b"<!DOCTYPE html><html><body>404</body></html>", "a web page"),
        (b"\n <HTML>", "a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:1", "Git LFS pointer"),
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "a PNG picture"),
        (b"\x1c\x00\x00\x00TFL3" + bytes(50), "a TFLite model"),
        (b"hello there, this is text", "unknown or damaged"),
    ],
)
@pytest.mark.parametrize("read", [read_safetensors, open_checkpoint])
def test_errors_name_the_path_and_what_was_found(tmp_path, content, found, read):
    path = tmp_path / "x.safetensors"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=found) as caught:
        read(path)
    assert str(path) in str(caught.value)


def test_nobody_is_told_to_delete_a_photo_that_was_given_for_weights(tmp_path):
    path = tmp_path / "me.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(50))
    with pytest.raises(CheckpointError) as caught:
        read_safetensors(path)
    assert "elete it" not in str(caught.value)


def test_a_truncated_file_tells_how_much_is_missing(whole):
    size = whole.stat().st_size
    os.truncate(whole, size - 100)
    with pytest.raises(CheckpointError, match=rf"cut short \({size - 100} of {size} bytes\)"):
        read_safetensors(whole)


def test_a_torch_file_under_the_name_of_the_other_kind_is_recognized(tmp_path, tensors):
    torch.save(tensors, tmp_path / "x.safetensors")
    with pytest.raises(CheckpointError, match=r"it is .*a PyTorch file"):
        read_safetensors(tmp_path / "x.safetensors")


def test_missing_files_and_folders_are_named(tmp_path):
    for read in (read_safetensors, read_metadata, open_checkpoint):
        with pytest.raises(CheckpointError, match="There is no file"):
            read(tmp_path / "absent.pth")
        with pytest.raises(CheckpointError, match="is a folder"):
            read(tmp_path)
