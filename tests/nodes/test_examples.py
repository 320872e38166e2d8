"""Example inputs in the host's input folder."""

from __future__ import annotations

import asyncio
from pathlib import Path

from ..pack import load_pack


def start() -> None:
    """Load the nodes, as a host does when it starts."""

    async def listed() -> None:
        extension = await load_pack().comfy_entrypoint()
        await extension.get_node_list()

    asyncio.run(listed())


def test_examples_are_placed_once_and_deleted_ones_do_not_come_back(folders: Path) -> None:
    start()
    photo, drawing = folders / "input" / "facemug_photo.jpg", folders / "input" / "facemug_sketch.png"
    assert photo.is_file()
    photo.unlink()
    start()
    assert not photo.exists()
    assert drawing.is_file()


def test_a_file_of_the_persons_own_is_not_overwritten(folders: Path) -> None:
    own = folders / "input" / "facemug_photo.jpg"
    own.write_bytes(b"mine")
    start()
    assert own.read_bytes() == b"mine"


def test_examples_of_a_later_version_are_placed_too(folders: Path) -> None:
    start()
    record, photo = folders / "user" / "facemug_examples.txt", folders / "input" / "facemug_photo.jpg"
    photo.unlink()
    record.write_text(record.read_text().replace("facemug_photo.jpg\n", ""))
    start()
    assert photo.is_file()
