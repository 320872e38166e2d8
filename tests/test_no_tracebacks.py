"""Whatever goes wrong is one sentence and an exit code, and options without effect are refused first."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from PIL import Image

from facemug_core.checkpoints.places import Places
from facemug_core.checkpoints.reading import read_safetensors, save_safetensors
from facemug_core.cli import main
from facemug_core.cli.console import ended
from facemug_core.errors import CheckpointError
from facemug_core.faces.detection import LANDMARK_FILE, Detector

from .commands import needs_photo

ROOT = Path(__file__).parents[1]


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """What a command that must fail says, which is one sentence and no usage."""
    try:
        code = main([str(argument) for argument in arguments])
    except SystemExit as exit:
        code = exit.code  # type: ignore[assignment]
    said = capsys.readouterr().err
    assert code == 2
    assert said.startswith("facemug: ")
    assert "usage" not in said
    assert "Traceback" not in said
    return said


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    Image.new("RGB", (64, 64), "teal").save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


@pytest.mark.parametrize(
    "error",
    [PermissionError(13, "Permission denied", "x.png"), OSError(36, "File name too long", "x.png")],
)
def test_what_the_system_has_against_it_is_one_sentence(
    error: OSError, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise error

    assert ended(fail) == 2
    assert capsys.readouterr().err == f"facemug: x.png: {error.strerror}.\n"


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("CUDA out of memory. Tried to allocate")])
def test_no_memory_is_one_sentence(error: Exception, capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        raise error

    assert ended(fail) == 2
    assert "not enough memory" in capsys.readouterr().err


def test_an_error_of_our_own_is_not_hidden() -> None:
    def fail() -> None:
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    with pytest.raises(RuntimeError, match="mat1"):
        ended(fail)


def test_an_interrupt_ends_with_130(capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        raise KeyboardInterrupt

    assert ended(fail) == 130
    assert capsys.readouterr().err == "facemug: stopped\n"


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is one")
def test_a_missing_device_is_named(photo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = refused(capsys, "edit", photo, "--region", "hair", "--device", "cuda")
    assert "There is no device cuda" in said


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--grow", 3], "--grow has no effect without --region"),
        (["--weights", "gone"], "There is no folder gone"),
        (["-o", "out.xyz"], "out.png"),
        (["--sheet", "sheet"], "sheet.png"),
        (["-o", "{folder}"], "is a folder"),
        (["--text-steps", 3], "--text-steps has no effect without --text"),
        (["--no-color", "black"], "without --color"),
        (["--aligned", "--box", "1,2,3,4"], "--box has no effect with --aligned"),
        (["--latent", "x", "--exemplar", "y"], "--exemplar has no effect with --latent"),
        (["--style", "random", "--exemplar", "y"], "--exemplar has no effect"),
        (["--style", "exemplar"], "needs an exemplar"),
        (["--style", "random", "--inversion", 3], "--inversion has no effect with --style random"),
        (["--style", "projected", "--fit", 3], "--fit has no effect with --style projected"),
        (["--style", "photo", "--fit", 0], "--fit has no effect with --style photo"),
        (["--aligned", "--no-face", "skip"], "--no-face has no effect with --aligned"),
        (["--workers", 3], "for a folder"),
        (["--smooth", 3], "for a folder"),
    ],
)
def test_options_without_effect_are_refused_before_the_work(
    arguments: list[object], expected: str, photo: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr("facemug_core.cli.photo.edit_photo", lambda *_: pytest.fail("the work has started"))
    filled = [str(one).format(folder=photo.parent) for one in arguments]
    assert expected in refused(capsys, "edit", photo, "--mask", "mask.png", *filled)


def test_what_guides_were_drawn_on_is_refused_without_any(
    photo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = refused(capsys, "edit", photo, "--region", "hair", "--drawn-on", "raw")
    assert "--drawn-on has no effect without one of --mask" in said


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        (["--style", "odd"], "projected"),
        (["--opacity", "much"], "expected a number, not much"),
        (["--variants", "1.5"], "expected a whole number, not 1.5"),
        (["--odd"], "--odd"),
        ([], "--mask"),
    ],
)
def test_an_unknown_option_or_value_is_one_sentence_and_no_usage(
    option: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    region = ["--region", "hair"] if option else []
    said = refused(capsys, "edit", "photo.png", *region, *option)
    assert expected in said
    assert len(said.splitlines()) == 1


# --- weights ------------------------------------------------------------------------------------------------


@needs_photo
@pytest.mark.parametrize("content", [b"", b"<html>", b"cut"])
def test_a_damaged_model_of_the_detector_is_named(content: bytes, tmp_path: Path) -> None:
    folder = Places().path(LANDMARK_FILE).parent
    for path in folder.glob("*.tflite"):
        (tmp_path / path.name).write_bytes(path.read_bytes()[:5000] if content == b"cut" else content)
    with pytest.raises(CheckpointError, match=r"tflite cannot be read.*fetch"):
        Detector(tmp_path)


@needs_photo
@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_weights_are_read_from_paths_of_any_characters(tmp_path: Path) -> None:
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe\n \xe9"))
    folder.mkdir()
    for path in Places().path(LANDMARK_FILE).parent.glob("*.tflite"):
        (folder / path.name).write_bytes(path.read_bytes())
    Detector(folder)
    save_safetensors(folder / "x.safetensors", {"a": torch.ones(3)})
    assert read_safetensors(folder / "x.safetensors")[0]["a"].tolist() == [1, 1, 1]


@needs_photo
def test_the_runtimes_line_about_its_delegate_is_not_printed(capfd: pytest.CaptureFixture[str]) -> None:
    Detector(Places().path(LANDMARK_FILE).parent)
    assert capfd.readouterr().err == ""


# --- processes ----------------------------------------------------------------------------------------------


def started(*arguments: str, **options: object) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "facemug_core", *arguments]
    return subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        cwd=ROOT,
        **{"stdout": subprocess.PIPE, **options},  # type: ignore[call-overload]
    )


def test_an_interrupt_while_it_is_imported_ends_with_130() -> None:
    command = [sys.executable, "-X", "importtime", "-m", "facemug_core", "directions", "list"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, cwd=ROOT)
    assert process.stderr is not None
    for line in process.stderr:  # one for each module that was imported
        if b" argparse" in line:  # the first module of the command line; torch is still to come
            process.send_signal(signal.SIGINT)
            break
    said = process.stderr.read()
    assert process.wait(timeout=300) == 130
    assert b"Traceback" not in said


def test_a_closed_pipe_is_one_sentence() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    process = started("directions", "list", stdout=writer)
    os.close(writer)
    _, said = process.communicate(timeout=300)
    assert process.returncode == 2
    assert said == b"facemug: The output was closed before all was written.\n"


def test_names_are_printed_on_a_console_without_utf_8(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "LC_ALL": "C"}
    process = started("info", str(tmp_path / "模型 é.pth"), env=environment)
    _, said = process.communicate(timeout=300)
    assert process.returncode == 2
    assert rb"\u" in said
