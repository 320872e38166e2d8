"""What is typed becomes frozen options of one command, and costs no import of torch."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import get_args

import pytest

from facemug_core.checkpoints.manifest import WEIGHTS
from facemug_core.choices import TrainingStage
from facemug_core.cli.commands import parse
from facemug_core.cli.options import EditOptions
from facemug_core.training.run import STAGES

ROOT = Path(__file__).parents[1]

COMMANDS = {
    "edit photo.jpg --region hair": "EditOptions",
    "generate": "GuidanceOptions",
    "parse photo.jpg -o map.png": "GuideOptions",
    "directions list": "WeightsOptions",
    "directions find smile --data faces -o found.safetensors": "FindOptions",
    "directions relevance -o folder": "RelevanceOptions",
    "directions sheet -o sheet.png": "SheetOptions",
    "latent show a.safetensors": "ShowOptions",
    "latent blend a.safetensors b.safetensors=2 -o c.safetensors": "BlendOptions",
    "latent mix a.safetensors b.safetensors -o c.safetensors": "MixOptions",
    "latent subtract a.safetensors b.safetensors -o c.safetensors": "AddOptions",
    "latent undo a.safetensors -o c.safetensors": "UndoOptions",
    "pose photo.jpg --frontal -o out.png": "PoseOptions",
    "fetch": "FetchOptions",
    "info a.safetensors": "InfoOptions",
    "convert a.pt -o a.safetensors": "ConvertOptions",
    "demo": "DemoOptions",
    "prepare faces": "PrepareOptions",
    "train encoder --data faces --run run": "TrainOptions",
    "evaluate --report report": "EvaluateOptions",
    "evaluate solid --report report": "EvaluateOptions",
    "evaluate study --between a=. --between b=. --report study": "StudyOptions",
    "evaluate paper --faces faces --report report": "PaperOptions",
}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_options_of_its_own(command: str) -> None:
    assert type(parse(command.split())[1]).__name__ == COMMANDS[command]


def test_options_are_frozen() -> None:
    _, options = parse(["edit", "photo.jpg", "--region", "hair", "--seed", "3"])
    assert isinstance(options, EditOptions)
    assert options.seed == 3
    with pytest.raises(FrozenInstanceError):
        options.seed = 4  # type: ignore[misc]


def test_exactly_one_of_mask_and_region_is_given(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(["edit", "photo.jpg", "--region", "hair", "--mask", "mask.png"])
    assert ended.value.code == 2
    assert "--mask: not allowed with argument --region" in capsys.readouterr().err


def test_all_stages_of_training_can_be_asked_for() -> None:
    assert set(get_args(TrainingStage)) == STAGES.keys()


@pytest.mark.parametrize(
    "command",
    [
        "--help",
        "edit --help",
        "edit photo.jpg",
        "edit photo.jpg --mask m.png --grow 3",
        "directions list",
        f"info {WEIGHTS / 'light_encoder.safetensors'}",
    ],
)
def test_neither_help_nor_a_mistake_nor_a_list_nor_info_waits_for_torch(command: str) -> None:
    code = (
        "import sys; from facemug_core.cli import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit: pass\n"
        "sys.exit('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code, *command.split()], cwd=ROOT, capture_output=True)
    assert done.returncode == 0, done.stderr
