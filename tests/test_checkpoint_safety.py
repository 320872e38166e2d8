"""Weights files of strangers: what is read, what is refused, and that nothing in them ever runs."""

import argparse
import gc
import json
import pickle
import struct
import sys
import time
import tracemalloc
import zipfile
from collections import OrderedDict, defaultdict
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from facemug_core.checkpoints.reading import open_checkpoint, read_safetensors, save_safetensors
from facemug_core.checkpoints.recognizing import convert, describe
from facemug_core.checkpoints.safe_pickle import MAX_BYTES, MAX_OPCODES
from facemug_core.checkpoints.stored import Checkpoint
from facemug_core.errors import CheckpointError, InputError

from .published import Hostile, foreign_class, pickled

FIXED = 64 << 20
"""Bytes that reading may take whatever the size of the file: a bound on a pickle's objects."""


def saved(path: Path, value: object, *, old: bool = False, **options: object) -> Path:
    torch.save(value, path, _use_new_zipfile_serialization=not old, **options)
    return path


@pytest.fixture
def tensors() -> dict[str, torch.Tensor]:
    base = torch.randn(6, 8)
    return {
        "plain": base,
        "transposed": base.t(),
        "slice": base[2:4, 1:],
        "expanded": base[:, :1].expand(6, 3),
        "half": base.half(),
        "bfloat": base.bfloat16(),
        "double": base.double(),
        "whole": torch.arange(5),
        "truth": base > 0,
        "scalar": torch.tensor(3),
        "nothing": torch.empty(0, 3),
        "parameter": torch.nn.Parameter(base.clone()),
        "tied": base,
    }


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_tensors_of_all_kinds_come_back_bit_for_bit(tmp_path, tensors, old, protocol):
    path = saved(tmp_path / "x.pt", OrderedDict(tensors), old=old, pickle_protocol=protocol)
    stored = open_checkpoint(path).tensors
    assert stored.keys() == tensors.keys()
    for name, tensor in tensors.items():
        loaded = stored[name].load()
        assert (str(loaded.dtype), loaded.shape) == (f"torch.{stored[name].dtype}", stored[name].shape)
        assert loaded.dtype == tensor.dtype
        assert torch.equal(loaded, tensor)
        assert loaded.is_contiguous()


def test_names_of_containers_are_joined_and_values_are_kept(tmp_path):
    path = saved(
        tmp_path / "x.pt",
        {"state_dict": {"a.weight": torch.ones(2)}, "step": 7, "opts": {"size": 1024, "list": [1, None]}},
    )
    checkpoint = open_checkpoint(path)
    assert list(checkpoint.tensors) == ["state_dict.a.weight"]
    assert checkpoint.values == {"step": 7, "opts.size": 1024, "opts.list.0": 1, "opts.list.1": None}


def test_a_bare_tensor_is_called_tensor(tmp_path):
    assert list(open_checkpoint(saved(tmp_path / "x.pt", torch.ones(2))).tensors) == ["tensor"]


def test_what_is_beside_the_state_dict_is_kept(tmp_path):
    file = {"state_dict": {"w": torch.ones(1)}, "latent_avg": torch.arange(3.0), "opts": {}}
    assert torch.equal(
        open_checkpoint(saved(tmp_path / "x.pt", file)).tensors["latent_avg"].load(), file["latent_avg"]
    )


@pytest.mark.parametrize("old", [False, True])
def test_options_left_by_training_programs_are_read(tmp_path, old):
    options = argparse.Namespace(size=256, name="e4e", nested=argparse.Namespace(deep=True))
    path = saved(tmp_path / "x.pt", {"w": torch.ones(2), "opts": options}, old=old)
    assert open_checkpoint(path).values == {
        "opts.size": 256, "opts.name": "e4e", "opts.nested.deep": True
    }  # fmt: skip


def test_other_leftovers_are_passed_over(tmp_path):
    file = {
        "w": torch.ones(2),
        "best": np.float64(3.5),
        "array": np.zeros(3),
        "path": Path("somewhere"),
        "device": torch.device("cuda:0"),
        "dtype": torch.float16,
        "counts": defaultdict(int),
        "names": {"a"},
    }
    assert list(open_checkpoint(saved(tmp_path / "x.pt", file)).tensors) == ["w"]


def test_objects_of_unknown_classes_are_passed_over_and_never_imported(tmp_path):
    with foreign_class("omegaconf.dictconfig.DictConfig") as DictConfig:
        options, parent = DictConfig(), DictConfig()
        options.__dict__.update(size=3, parent=parent)
        parent.__dict__.update(child=options)  # a circle, as in the real one
        path = saved(tmp_path / "x.pt", {"w": torch.ones(2), "opts": options})
    modules = set(sys.modules)
    assert list(open_checkpoint(path).tensors) == ["w"]
    assert set(sys.modules) == modules


def test_tensors_stored_on_a_gpu_are_read(tmp_path):
    path = saved(tmp_path / "x.pt", torch.arange(512.0)[None])
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    moved = tmp_path / "gpu.pt"
    with zipfile.ZipFile(moved, "w") as archive:
        for name, data in entries.items():
            archive.writestr(name, data.replace(b"X\x03\x00\x00\x00cpu", b"X\x06\x00\x00\x00cuda:0"))
    assert b"cuda:0" in moved.read_bytes()
    assert torch.equal(open_checkpoint(moved).tensors["tensor"].load(), torch.arange(512.0)[None])


# Refusals --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_hostile_pickle_never_runs(tmp_path, protocol):
    witness, path = tmp_path / "witness", tmp_path / "x.pth"
    path.write_bytes(pickled(Hostile(witness), protocol))
    with pytest.raises(CheckpointError, match=r"x\.pth"):
        open_checkpoint(path)
    assert not witness.exists()


@pytest.mark.parametrize("old", [False, True])
def test_a_hostile_checkpoint_is_refused_by_the_function_that_it_calls(tmp_path, old):
    witness = tmp_path / "witness"
    path = saved(tmp_path / "x.pth", {"a": torch.ones(1), "extra": Hostile(witness)}, old=old)
    with pytest.raises(CheckpointError, match=r"x\.pth was refused.*\.system.*execute code"):
        open_checkpoint(path)
    assert not witness.exists()


@pytest.mark.parametrize(
    "program", [b"(cos\nsystem\nS'x'\no", b"(S'x'\nios\nsystem\n", b"cos\nsystem\n(S'x'\ntR"]
)
def test_all_ways_to_call_a_function_are_refused(tmp_path, program):
    path = tmp_path / "x.pth"
    path.write_bytes(b"\x80\x02" + program + b".")
    with pytest.raises(CheckpointError, match=r"refused.*os\.system"):
        open_checkpoint(path)


def test_whole_networks_are_refused_with_the_way_out(tmp_path):
    path = saved(tmp_path / "x.pth", torch.nn.Linear(2, 2))
    with pytest.raises(CheckpointError, match=r"x\.pth.*Linear.*save its state_dict"):
        open_checkpoint(path)


@settings(max_examples=40, deadline=None)
@given(keep=st.floats(0, 1, exclude_max=True), old=st.booleans())
def test_any_truncation_is_refused(tmp_path_factory, keep, old):
    path = saved(tmp_path_factory.mktemp("cut") / "x.pt", {"a": torch.ones(50)}, old=old)
    data = path.read_bytes()
    path.write_bytes(data[: int(keep * len(data))])
    with pytest.raises(CheckpointError, match=r"x\.pt"):
        open_checkpoint(path)


def test_an_archive_compressed_again_is_refused(tmp_path):
    path = saved(tmp_path / "x.pt", {"a": torch.zeros(100_000)})
    with (
        zipfile.ZipFile(path) as archive,
        zipfile.ZipFile(tmp_path / "bomb.pt", "w", zipfile.ZIP_DEFLATED) as bomb,
    ):
        for name in archive.namelist():
            bomb.writestr(name, archive.read(name))
    with pytest.raises(CheckpointError, match=r"bomb\.pt.*compressed.*unpack"):
        open_checkpoint(tmp_path / "bomb.pt")


def test_an_archive_of_something_else_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.pt", "w") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(CheckpointError, match=r"torch\.save did not write"):
        open_checkpoint(tmp_path / "x.pt")


def with_pickle(tmp_path: Path, program: bytes, numbers: int = 4) -> Path:
    """A zip file of torch's with this pickle and one storage."""
    path = tmp_path / "x.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", program)
        archive.writestr("archive/data/0", bytes(4 * numbers))
    return path


def tensor_program(
    shape: tuple[int, ...], strides: tuple[int, ...], *, count: int = 4, offset: int = 0
) -> bytes:
    """The pickle of {"a": a tensor declared like this}."""

    class Declared:
        def __reduce__(self):
            return torch._utils._rebuild_tensor_v2, (Storage(), offset, shape, strides, False, OrderedDict())

    class Storage:
        pass

    import io

    class Pickler(pickle.Pickler):
        def persistent_id(self, value):
            return ("storage", torch.FloatStorage, "0", "cpu", count) if isinstance(value, Storage) else None

    out = io.BytesIO()
    Pickler(out, 2).dump({"a": Declared()})
    return out.getvalue()


def test_the_declared_tensor_of_these_tests_is_read_when_it_is_honest(tmp_path):
    path = with_pickle(tmp_path, tensor_program((2, 2), (2, 1)))
    assert torch.equal(open_checkpoint(path).tensors["a"].load(), torch.zeros(2, 2))


@pytest.mark.parametrize(
    ("shape", "strides", "offset"),
    [
        ((1 << 40,), (1,), 0),
        ((1 << 40, 1 << 40), (0, 0), 0),
        ((1 << 20, 1 << 20), (0, 0), 0),
        ((5,), (1,), 0),
        ((2,), (1,), 3),
        ((-1,), (1,), 0),
        ((2,), (-1,), 1),
        ((2, 2), (1,), 0),
        ((1 << 70,), (0,), 0),
        ((1,) * 100, (1,) * 100, 0),
    ],
)
def test_shapes_beyond_the_file_are_refused_before_memory_is_taken(tmp_path, shape, strides, offset):
    path = with_pickle(tmp_path, tensor_program(shape, strides, offset=offset))
    with pytest.raises(CheckpointError, match=r"x\.pt.*declares"):
        open_checkpoint(path)


def step(level: int) -> bytes:
    """A list of eight times the list of the level below."""
    return b"](" + (b"h" + bytes([level - 1])) * 8 + b"eq" + bytes([level]) + b"0"


COLLIDING = [(i * ((1 << 61) - 1)).to_bytes(10, "little") for i in range(20_000)]
"""Numbers that Python's dictionaries cannot tell apart."""

BOMBS = {
    "doubling lists": b"]q\x000" + b"".join(step(level) for level in range(1, 40)) + b"h\x27",
    "empty lists": b"]" * (MAX_OPCODES + 1),
    "deep lists": b"]" * 100_000 + b"a" * 99_999,
    "copied lists": b"](" + b"K\x01" * 1000 + b"eq\x00" + b"cbuiltins\nset\nh\x00\x85R0" * 15_000,
    "copied pairs": b"](" + b"K\x01K\x02\x86" * 1000 + b"eq\x00"
    + b"ccollections\nOrderedDict\nh\x00\x85R0" * 20_000,
    "repeated names": b"X" + struct.pack("<I", 1 << 20) + b"a" * (1 << 20) + b"q\x000]("
    + b"}h\x00Ns" * 9000 + b"e",
    "huge memo": b"Nr\xff\xff\xff\xff",
    "huge string": b"\x8d" + struct.pack("<Q", 1 << 62) + b"a",
    "huge frame": b"\x95" + struct.pack("<Q", 1 << 62) + b"N",
    "huge number": b"\x8b" + struct.pack("<I", 1 << 20) + b"\x7f" * (1 << 20),
    "long decimal": b"L" + b"9" * 100_000 + b"L\n",
    "colliding keys": b"}(" + b"".join(b"\x8a\x0a" + number + b"N" for number in COLLIDING) + b"u",
    "nested calls": b"(" + b"ctorch._tensor\n_rebuild_from_type_v2\n" * 3000 + b"N\x85NN" + b"tR" * 3000,
}  # fmt: skip


def read_or_refuse(path: Path) -> Checkpoint | None:
    """The checkpoint, or None if it is refused with its name; any other error fails the test."""
    try:
        return open_checkpoint(path)
    except CheckpointError as error:
        if str(path) not in str(error):
            raise
        return None


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_are_refused_in_little_time_and_memory(tmp_path, name):
    path = with_pickle(tmp_path, b"\x80\x02" + BOMBS[name] + b".")
    gc.collect()
    tracemalloc.start()
    start = time.process_time()
    read_or_refuse(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak <= 2 * path.stat().st_size + FIXED
    assert time.process_time() - start < 10


def test_a_pickle_longer_than_any_checkpoints_is_refused(tmp_path):
    path = with_pickle(tmp_path, b"\x80\x02" + b"0" * MAX_BYTES)
    with pytest.raises(CheckpointError, match=r"pickle of \d+ bytes"):
        open_checkpoint(path)


def test_many_views_of_the_same_numbers_do_not_multiply_the_file(tmp_path):
    base = torch.zeros(200_000)
    path = saved(tmp_path / "x.pt", {str(start): base[start:] for start in range(200)})
    with pytest.raises(CheckpointError, match=r"declares \d+ bytes of tensors in a file of"):
        open_checkpoint(path)


def test_a_folder_is_refused_and_what_is_in_it_named(tmp_path):
    saved(tmp_path / "e4e.pt", {"a": torch.ones(1)})
    with pytest.raises(CheckpointError, match=r"is a folder.*e4e\.pt"):
        open_checkpoint(tmp_path)


def test_the_name_of_a_file_does_not_matter(tmp_path, tensors):
    path = saved(tmp_path / "x.safetensors", tensors)
    assert open_checkpoint(path).tensors.keys() == tensors.keys()


def test_a_page_under_a_weights_name_is_refused(tmp_path):
    path = tmp_path / "x.pt"
    path.write_bytes(b"<!DOCTYPE html><html><body>Sign in</body></html>")
    with pytest.raises(CheckpointError, match=r"x\.pt.*a web page.*error page"):
        open_checkpoint(path)


@pytest.mark.parametrize("padding", range(0, 256, 8))
def test_a_safetensors_file_is_none_of_torchs_whatever_the_length_of_its_header(tmp_path, padding):
    path = tmp_path / "x.safetensors"  # its first byte is that of a pickle, for one of these
    save_safetensors(path, {"a": torch.ones(2)}, {"note": "x" * padding})
    assert torch.equal(open_checkpoint(path).tensors["a"].load(), torch.ones(2))


@pytest.mark.parametrize("entry", [b'{"data_offsets":[]}', b"[" * 100_000, b'{"data_offsets":[0,1e999]}'])
def test_a_damaged_safetensors_header_is_refused(tmp_path, entry):
    path = tmp_path / "x.safetensors"
    header = b'{"a":' + entry + b"}"
    path.write_bytes(struct.pack("<Q", len(header)) + header)
    with pytest.raises(CheckpointError, match=r"x\.safetensors cannot be read"):
        open_checkpoint(path)


@pytest.mark.parametrize(
    "values", ["[" * 100_000, '{"a":' * 100_000, '{"a":' + "[" * 500 + "]" * 500 + "}", "7", "{"]
)
def test_values_that_convert_has_not_written_are_passed_over(tmp_path, values):
    save_safetensors(tmp_path / "x.safetensors", {"w": torch.ones(2)}, {"values": values, "note": "kept"})
    assert open_checkpoint(tmp_path / "x.safetensors").values == {"note": "kept"}
    convert(tmp_path / "x.safetensors", tmp_path / "y.safetensors")
    assert open_checkpoint(tmp_path / "y.safetensors").values["note"] == "kept"


def test_a_safetensors_header_of_many_bytes_is_refused(tmp_path):
    path = tmp_path / "x.safetensors"
    path.write_bytes(struct.pack("<Q", 17 << 20) + b" " * (17 << 20))
    with pytest.raises(CheckpointError, match="header of"):
        open_checkpoint(path)


# Mutations -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def originals(tmp_path_factory) -> dict[str, bytes]:
    """A file of each kind."""
    folder = tmp_path_factory.mktemp("originals")
    file = {
        "state_dict": {"a": torch.arange(6.0).reshape(2, 3), "b": torch.ones(3).half()},
        "latent_avg": torch.ones(2),
        "opts": argparse.Namespace(size=256),
    }
    paths = {"zip": saved(folder / "a", file), "old": saved(folder / "b", file, old=True)}
    convert(paths["zip"], folder / "c")
    return {kind: path.read_bytes() for kind, path in (paths | {"safetensors": folder / "c"}).items()}


@pytest.mark.parametrize("kind", ["zip", "old", "safetensors"])
@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_mutated_files_are_read_or_refused_and_nothing_else(tmp_path, originals, kind, data):
    content = bytearray(originals[kind])
    for _ in range(data.draw(st.integers(1, 4))):
        position = data.draw(st.integers(0, len(content) - 1))
        piece = data.draw(st.binary(max_size=6))
        content[position : position + data.draw(st.integers(0, 6))] = piece
        if not content:
            break
    path = tmp_path / "x.pt"
    path.write_bytes(content)
    checkpoint = read_or_refuse(path)
    if checkpoint is not None:
        assert str(path) in describe(path)
        for tensor in checkpoint.tensors.values():
            assert tensor.load().shape == tensor.shape


OPERATIONS = st.sampled_from([bytes([code]) for code in b"()]}NKh\x85\x86\x87Rbtlduseaq0.12Q\x94\x93\x81"])


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(program=st.lists(OPERATIONS | st.binary(max_size=3)))
def test_random_programs_are_read_or_refused_and_nothing_else(tmp_path, program):
    read_or_refuse(with_pickle(tmp_path, b"\x80\x04" + b"".join(program) + b"."))


# Conversion ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("old", [False, True])
def test_conversion_loses_nothing(tmp_path, tensors, old):
    file = {"state_dict": tensors, "opts": argparse.Namespace(size=256, mean=True, names=["a"])}
    source = saved(tmp_path / "x.pt", file, old=old)
    convert(source, tmp_path / "y.safetensors")
    before, after = open_checkpoint(source), open_checkpoint(tmp_path / "y.safetensors")
    assert before.tensors.keys() == after.tensors.keys()
    for name, tensor in before.tensors.items():
        assert after.tensors[name].dtype == tensor.dtype
        assert torch.equal(after.tensors[name].load(), tensor.load())
    assert before.values.items() <= after.values.items()
    read, metadata = read_safetensors(tmp_path / "y.safetensors")  # by the library itself
    assert read.keys() == before.tensors.keys()
    assert json.loads(metadata["values"])["opts.size"] == 256


def test_numbers_that_safetensors_does_not_have_are_refused(tmp_path):
    path = saved(tmp_path / "x.pt", {"a": torch.ones(2, dtype=torch.complex128)})
    with pytest.raises(InputError, match="complex128"):
        convert(path, tmp_path / "y.safetensors")
    assert not (tmp_path / "y.safetensors").exists()


def test_a_file_without_tensors_is_not_converted(tmp_path):
    with pytest.raises(CheckpointError, match="no tensor"):
        convert(saved(tmp_path / "x.pt", {"step": 3}), tmp_path / "y.safetensors")


def test_reading_and_converting_take_no_more_memory_than_the_file(tmp_path):
    source = saved(tmp_path / "x.pt", {str(i): torch.ones(1_000_000) for i in range(8)})
    tracemalloc.start()  # sees Python's memory; tensors are counted by what is alive at a time
    convert(source, tmp_path / "y.safetensors")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < source.stat().st_size


def test_a_zip_extension_shorter_than_it_says_gives_what_it_holds() -> None:
    from facemug_core.checkpoints.torch_files import _wide

    extension = b"\x01\x00\x10\x00" + (7).to_bytes(8, "little") + b"cut"
    assert _wide(extension, 0xFFFFFFFF, 0xFFFFFFFF) == [7, 0xFFFFFFFF]
