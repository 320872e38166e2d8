"""Files of a folder go with the photo of exactly their name, and two photos never share a result."""

from __future__ import annotations

import sys
import unicodedata
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from facemug_core.companions import LATENTS, TEXTS, companion, in_order, results
from facemug_core.conditions.files import pictures_in
from facemug_core.conditions.foreign import PICTURES
from facemug_core.errors import InputError
from facemug_core.folders import Outcome
from facemug_core.pipeline.editor import PhotoEditor

from .commands import needs_model, run_command
from .test_folders import rows
from .tiny import tiny_model


def folder_of(folder: Path, *names: str) -> Path:
    folder.mkdir()
    for name in names:
        (folder / name).touch()
    return folder


@pytest.mark.parametrize(
    ("photo", "names", "expected"),
    [
        ("face.jpg", ["face.1.png", "face.png", "face2.png", "a face.png"], "face.png"),
        ("img.jpg", ["img.hair.png", "img.png"], "img.png"),
        ("a.jpg", ["a.kra", "a.json", "a.png", "a.txt"], "a.png"),
        ("a.jpg", ["a.png", "a.jpg.png"], "a.jpg.png"),
        ("a.jpg", ["a.png", "a.jpg", "a.jpg.png"], "a.jpg"),
        ("a.b.jpg", ["a.png", "a.b.png"], "a.b.png"),
        ("a.JPG", ["a.PNG"], "a.PNG"),
        ("[x].jpg", ["x.png", "[x].png"], "[x].png"),
        (unicodedata.normalize("NFD", "é.jpg"), [unicodedata.normalize("NFC", "é.png")], "é.png"),
    ],
)
def test_companions_have_the_photos_exact_name_and_are_pictures(
    photo: str, names: list[str], expected: str, tmp_path: Path
) -> None:
    folder = folder_of(tmp_path / "masks", *names)
    assert companion(folder, Path(photo), PICTURES).name == unicodedata.normalize("NFC", expected)


@pytest.mark.parametrize("names", [[], ["face.1.png"], ["face.kra", "face.json"], ["Face.png"], ["fac.png"]])
def test_without_a_picture_of_that_name_none_is_taken(names: list[str], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no file called face"):
        companion(folder_of(tmp_path / "masks", *names), Path("face.jpg"), PICTURES)


def test_two_that_fit_alike_are_named_and_none_is_taken(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"face\.png and face\.webp"):
        companion(folder_of(tmp_path / "masks", "face.png", "face.webp"), Path("face.jpg"), PICTURES)


def test_landmarks_and_latents_are_files_of_their_kind(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "all", "a.png", "a.json", "a.safetensors")
    assert companion(folder, Path("a.jpg"), TEXTS).name == "a.json"
    assert companion(folder, Path("a.jpg"), LATENTS).name == "a.safetensors"


def test_numbers_in_names_are_counted_as_numbers() -> None:
    names = ["f10.png", "f9.png", "f09.png", "f1.png", "e2.png", "1.png", "f1b.png", "f٣.png"]
    assert [path.name for path in in_order([Path(name) for name in names])] == [
        "1.png", "e2.png", "f1.png", "f1b.png", "f٣.png", "f09.png", "f9.png", "f10.png",
    ]  # fmt: skip


NAMES = st.sampled_from(
    [
        "a.png",
        "a.jpg",
        "A.jpg",
        "a.png.jpg",
        "a.PNG",
        "a_1.png",
        "a_2.jpg",
        "a_1.jpg",
        "b.png",
        "é.png",
        "é.jpg",
    ]
)


@settings(max_examples=100, deadline=None)
@given(names=st.sets(NAMES), most=st.integers(1, 3))
def test_two_photos_never_share_a_result(names: set[str], most: int) -> None:
    made = results([Path(name) for name in sorted(names)], Path("out"), most)
    written = [
        unicodedata.normalize("NFC", path.stem if most == 1 else f"{path.stem}_{i + 1}").casefold()
        for path in made.values()
        for i in range(most)
    ]
    assert len(set(written)) == len(written)


def test_photos_of_names_of_their_own_keep_them() -> None:
    made = results([Path("a.jpg"), Path("b.png"), Path("b.webp")], Path("out"))
    assert [path.name for path in made.values()] == ["a.png", "b.png.png", "b.webp.png"]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["x.nef", "y.heic"], "2 of 2 photos were not edited"),
        (["notes.txt"], "no photos"),
        (["broken.png", "x.cr2"], "2 of 2 photos were not edited"),
    ],
)
def test_a_folder_without_any_readable_photo_has_a_row_for_each_file(
    names: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr("facemug_core.cli.many.work_on", lambda sources, *_: map(_failed, sources))
    photos = folder_of(tmp_path / "photos", *names)
    code, _, said = run_command(capsys, "edit", photos, "--region", "hair", "-o", tmp_path / "out")
    assert code == 2
    assert message in said
    assert sorted(row["name"] for row in rows(tmp_path / "out")) == sorted(names)


def test_frames_of_which_none_can_be_edited_have_a_row_each(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("facemug_core.cli.many.load_editor", lambda _: PhotoEditor(tiny_model()))
    photos = folder_of(tmp_path / "photos", "1.png", "2.png", "x.nef")
    command = ("edit", photos, "--region", "hair", "--smooth", 2, "-o", tmp_path / "out")
    code, _, said = run_command(capsys, *command)
    assert code == 2
    assert "1.png is not a picture" in said
    found = {row["name"]: row["message"] for row in rows(tmp_path / "out")}
    assert sorted(found) == ["1.png", "2.png", "x.nef"]
    assert "No frame can be edited" in found["2.png"]


def _failed(source: Path) -> Outcome:
    return Outcome(source.name, "failed")


@pytest.mark.parametrize("installed", [True, False])
def test_photos_that_need_a_plug_in_count_where_it_is_installed(
    installed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def register_heif_opener() -> None:
        Image.register_extension("HEIF", ".heic")

    monkeypatch.setattr(Image, "EXTENSION", dict(Image.EXTENSION))
    plug_in = SimpleNamespace(register_heif_opener=register_heif_opener) if installed else None
    monkeypatch.setitem(sys.modules, "pillow_heif", plug_in)
    photos = folder_of(tmp_path / "photos", "a.png", "b.heic", "c.nef")
    assert [path.name for path in pictures_in(photos)] == ["a.png", "b.heic"][: 1 + installed]
    assert companion(folder_of(tmp_path / "masks", "b.heic"), Path("b.heic"), PICTURES).name == "b.heic"


@needs_model
def test_every_file_of_a_folder_gets_a_row_that_says_what_happened(
    photo: Path, mask: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photos = folder_of(tmp_path / "photos", "notes.txt", "x.heic", ".hidden", "x.nef")
    for name in ("f10.png", "f9.png"):
        Image.open(photo).save(photos / name)
    command = ("edit", photos, "--mask", mask, "--aligned", "--inversion", 0, "-o", tmp_path / "out")
    code, out, said = run_command(capsys, *command)
    assert code == 2
    assert "2 of 4 photos" in said
    assert "2 edited" in out
    found = {row["name"]: (row["state"], row["message"]) for row in rows(tmp_path / "out")}
    assert found["notes.txt"][0] == "not a photo"
    assert "pillow-heif" in found["x.heic"][1]
    assert "developed" in found["x.nef"][1]
    assert found["f9.png"][0] == found["f10.png"][0] == "edited"
    assert len(found) == 5
    kept = np.array(Image.open(mask)) == 0
    assert (
        np.array(Image.open(tmp_path / "out" / "f9.png"))[kept] == np.array(Image.open(photo))[kept]
    ).all()
