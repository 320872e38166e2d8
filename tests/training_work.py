"""Work for the processes of a training run: they import it by name, which test modules do not have."""

from __future__ import annotations

import os
from pathlib import Path

import torch
from torch.utils.data import default_collate

from facemug_core.training.data import FaceShards
from facemug_core.training.loop import train
from facemug_core.training.options import Run, Settings

from .test_training import make_stage

PROCESSES = 2


def train_one(rank: int, name: str, port: int, folder: Path) -> None:
    """Train a stage as one of the processes; its network goes to a file of its own."""
    os.environ.update(
        RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE=str(PROCESSES), MASTER_ADDR="127.0.0.1",
        MASTER_PORT=str(port), ACCELERATE_USE_CPU="true",
    )  # fmt: skip
    torch.set_num_threads(1)
    # Another start in each: only what the processes tell each other can make them agree.
    stage = make_stage(name, FaceShards(folder / "faces"), seed=rank)
    run = Run(folder / "run", folder / "faces")
    train(stage, Settings(name, steps=3, batch=1), run, default_collate([stage.dataset[0]]))
    # Running statistics are the first process's: the others take them over when the next step begins.
    torch.save({name: p.detach() for name, p in stage.model.named_parameters()}, folder / f"{rank}.pt")
