"""`prepare` and `train`."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from ..choices import Precision, TrainingStage
from ..config import SIZES
from . import values
from .declaring import add_command, argument
from .options import Device


@dataclass(frozen=True)
class PrepareOptions:
    """Arguments of `prepare`."""

    folder: Path = argument(type=Path)
    faces: int = argument("--faces", type=values.at_least_one, default=5000, help="number of bank faces")
    photos: Path | None = argument(
        "--photos", type=Path, metavar="DIR", help="the largest face of each photo in this folder, instead"
    )
    aligned: bool = argument(
        "--aligned", action="store_true",
        help="the photos are aligned crops already, as FFHQ's and CelebA-HQ's",
    )  # fmt: skip
    device: Device = argument("--device", choices=get_args(Device), default="auto")


@dataclass(frozen=True)
class TrainOptions:
    """Arguments of `train`."""

    stage: TrainingStage | None = argument(either=True, nargs="?", choices=get_args(TrainingStage))
    recipe: str | None = argument(
        "--recipe", either=True, metavar="NAME",
        help="make a shipped weights file by its recipe, such as light_generator",
    )  # fmt: skip
    data: Path = argument("--data", type=Path, required=True, help="folder made by prepare")
    drawn: int = argument(
        "--drawn", type=values.at_least_zero, default=0, metavar="N",
        help="encoder: add N fresh bank faces to every batch",
    )  # fmt: skip
    folder: Path = argument("--run", type=Path, required=True, help="folder of the run")
    init: Path | None = argument(
        "--init", type=Path, metavar="PATH",
        help="start from the weights in this folder, or from a published file",
    )  # fmt: skip
    steps: int = argument("--steps", type=values.at_least_one, default=20_000)
    minutes: float | None = argument(
        "--minutes", type=values.number, help="stop after this time; the same command resumes the run"
    )
    batch: int = argument("--batch", type=values.at_least_one, default=8)
    learning_rate: float = argument("--learning-rate", type=values.number, default=2e-3)
    adversarial_from: int | None = argument("--adversarial-from", type=values.whole, metavar="STEP")
    precision: Precision = argument("--precision", choices=get_args(Precision), default="no")
    save_minutes: float = argument("--save-minutes", type=values.number, default=5.0)
    seed: int = argument("--seed", type=values.whole, default=0)
    workers: int = argument("--workers", type=values.whole, default=0, help="processes that prepare samples")
    export: Path | None = argument(
        "--export", type=Path, metavar="FOLDER", help="write the averaged weights there in fp16"
    )
    model: str = argument("--model", choices=tuple(SIZES), default="light")


def add_commands(commands: Any) -> None:
    """Add the commands for training."""
    about = "Make training faces from the light feature bank, or from photos."
    add_command(commands, "prepare", about, PrepareOptions, prepare)
    about = "Train a part of the model; a run in the folder is resumed."
    add_command(commands, "train", about, TrainOptions, train)


def prepare(options: PrepareOptions) -> None:
    """Make training faces."""
    from tqdm import tqdm

    from ..training.prepare import prepare_bank_faces
    from .loading import device_of

    device = device_of(options.device)
    if options.photos is not None:
        _prepare_photos(options, options.photos, device)
        return
    with tqdm(total=options.faces, unit="face") as bar:
        prepare_bank_faces(options.folder, options.faces, device, progress=bar.update)


def _prepare_photos(options: PrepareOptions, photos: Path, device: str) -> None:
    from tqdm import tqdm

    from ..conditions.reading import picture_files
    from ..faces.detection import Detector
    from ..faces.parsing import Parser
    from ..training.prepare import prepare_photos

    parser = Parser.load(device=device)
    detector = None if options.aligned else Detector.load()
    refused: list[str] = []
    with tqdm(total=len(picture_files(photos, nested=True)), unit="photo") as bar:

        def refuse(why: str) -> None:
            refused.append(why)
            bar.write(why, file=sys.stderr)

        prepare_photos(options.folder, photos, parser, detector, bar.update, refuse)
    if refused:
        print(f"{len(refused)} photos could not be used.")


def train(options: TrainOptions) -> None:
    """Train a stage, or make a shipped file by its recipe."""
    from ..checkpoints.weights import Weights
    from ..training.options import Run, Settings
    from ..training.run import run_recipe, run_stage

    weights = Weights(*filter(None, [options.init]))
    run = Run(
        options.folder, options.data, options.init, weights, options.export, options.minutes,
        options.save_minutes, options.workers,
    )  # fmt: skip
    if options.stage is None:
        assert options.recipe is not None  # one of them is required
        run_recipe(options.recipe, run)
        return
    settings = Settings(
        options.stage, options.model, steps=options.steps, batch=options.batch, seed=options.seed,
        learning_rate=options.learning_rate, precision=options.precision, drawn=options.drawn,
        adversarial_from=options.adversarial_from,
    )  # fmt: skip
    run_stage(settings, run)
