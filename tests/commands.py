"""Runs commands in the tests' own process."""

from __future__ import annotations

import pytest

from facemug_core.checkpoints.places import Places
from facemug_core.cli import main
from facemug_core.errors import WeightsMissingError


def run_command(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    """The exit code, and what was written to the two outputs."""
    code = main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def _missing(*names: str) -> bool:
    try:
        for name in names:
            Places().path(name)
    except WeightsMissingError:
        return True
    return False


MODEL = ("mobile_stylegan.safetensors", "light_generator.safetensors", "light_encoder.safetensors")
needs_model = pytest.mark.skipif(_missing(*MODEL), reason="run `make fetch` first")
needs_photo = pytest.mark.skipif(
    _missing(*MODEL, "astronaut.png", "face_landmark.tflite", "bisenet.safetensors"),
    reason="run `make fetch` first",
)
