"""Images of every dtype and range that hosts give: kept pixels keep those bits, in that dtype."""

from __future__ import annotations

import struct
import uuid
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from facemug_core.pipeline.editor import EditRequest

from .checking import converted
from .conftest import PACKS
from .installing import COMFYUI
from .library_results import Library, kept, load_image
from .running import Host
from .test_kinds import edit, graph, loaded, ran
from .workflows import PHOTO, file_of

HALF = "--fp16-intermediates"
HEIGHT, WIDTH = 150, 200
KNOWS_HALF = HALF in (COMFYUI / "comfy" / "cli_args.py").read_text()
"""Whether this release can keep images in half precision, and loads more than Pillow does."""

later = pytest.mark.skipif(not KNOWS_HALF, reason="this release of the host has float32 only")


@pytest.fixture(scope="module")
def half(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """A host that keeps images in half precision between its nodes."""
    with Host(tmp_path_factory.mktemp("half"), PACKS, options=(HALF,)) as running:
        yield running


@pytest.fixture(params=["host", pytest.param("half", marks=later)])
def either(request: pytest.FixtureRequest) -> Host:
    """A host in its own precision, and one in half."""
    return request.getfixturevalue(request.param)


def pixels(channels: int, seed: int = 0) -> NDArray[np.float64]:
    return np.random.default_rng(seed).random((HEIGHT, WIDTH, channels))


def center() -> Tensor:
    mask = torch.zeros(1, HEIGHT, WIDTH, 1)
    mask[:, 40:90, 60:120] = 1
    return mask


def bring(host: Host, values: Tensor) -> tuple[str, dict[str, Any]]:
    """A node that gives these values."""
    name = f"{uuid.uuid4()}.pt"
    torch.save(values, host.folder / "input" / name)
    return "Bring", {"file": name}


def edited(host: Host, photo: tuple[str, dict[str, Any]]) -> tuple[Tensor, Tensor]:
    """An image that a node gives, and what is made of it by an edit in its middle."""
    nodes = edit("photo", ["mask", 1])
    del nodes["shown"]  # the host's preview refuses bfloat16
    prompt = graph(
        photo=photo,
        mask=bring(host, center()),
        before=("Keep", {"image": ["photo", 0]}),
        after=("Keep", {"image": ["edit", 0]}),
        **nodes,
    )
    run = ran(host, prompt)
    return kept(host, run, "before"), kept(host, run, "after")


def assert_only_the_middle_changed(before: Tensor, after: Tensor) -> None:
    outside = (center() == 0).expand_as(before)
    assert after.dtype == before.dtype
    assert torch.equal(after[outside], before[outside])
    assert not torch.equal(after, before)


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_values_outside_0_to_1_keep_their_bits_in_every_dtype(
    dtype: torch.dtype, channels: int, host: Host
) -> None:
    values = torch.from_numpy(pixels(channels)[None] * 4 - 1).to(dtype)
    before, after = edited(host, bring(host, values))
    assert torch.equal(before, values)
    assert_only_the_middle_changed(before, after)


def eight_bits(file: Path) -> None:
    Image.fromarray((pixels(3) * 255).astype(np.uint8)).save(file, quality=90)


def with_alpha(file: Path) -> None:
    Image.fromarray((pixels(4) * 255).astype(np.uint8)).save(file)


def sixteen_bits(file: Path) -> None:
    """A PNG of 16 bits a channel, which Pillow cannot write."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = (pixels(3) * 65535).astype(">u2").reshape(HEIGHT, -1)
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 16, 2, 0, 0, 0)
    lines = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))
    file.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", lines) + chunk(b"IEND", b"")
    )


def radiance(file: Path) -> None:
    """A Radiance picture: values of 8 bits with an exponent that the three channels share."""
    mantissas = (pixels(3) * 128 + 127).astype(np.uint8)
    exponents = np.full((HEIGHT, WIDTH, 1), 128, np.uint8)
    header = f"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y {HEIGHT} +X {WIDTH}\n".encode()
    file.write_bytes(header + np.concatenate([mantissas, exponents], 2).tobytes())


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("eight.jpg", eight_bits),
        ("alpha.png", with_alpha),
        ("sixteen.png", sixteen_bits),
        pytest.param("shared.hdr", radiance, marks=later),
    ],
)
def test_a_loaded_picture_keeps_its_bits_in_the_hosts_dtype(
    name: str, write: Callable[[Path], None], either: Host
) -> None:
    write(either.folder / "input" / name)
    before, after = edited(either, loaded(name))
    assert_only_the_middle_changed(before, after)


@later
def test_in_half_precision_an_edit_is_the_librarys(half: Host, library: Library) -> None:
    photo = load_image(half, PHOTO)
    assert photo.dtype == torch.float16
    prompt = graph(
        photo=loaded(PHOTO),
        after=("Keep", {"image": ["edit", 0]}),
        **edit("photo", None, regions="hair", seed=3, aligned=False),
    )
    request = EditRequest(regions="hair", style="random", seeds=(3,), size=256)
    (expected,) = library.editor.edit(library.photo(PHOTO), request).photos
    shown = kept(half, ran(half, prompt), "after")
    assert torch.equal((shown.float() * 255).round().byte().permute(0, 3, 1, 2), expected.pixels)


@later
@pytest.mark.parametrize(
    "name", ["group_photo", "hand_over_to_inpainting", "part_of_another_photo", "pose", "sketch"]
)
def test_workflows_run_in_half_precision(name: str, half: Host, tmp_path: Path) -> None:
    (prompt,) = converted([file_of(name)], half.nodes(), tmp_path)
    assert half.run(prompt).error == ""
