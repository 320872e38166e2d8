"""Options of training: what decides a run's result, and where and how long it runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..checkpoints.weights import SHIPPED, Weights


@dataclass(frozen=True)
class Settings:
    """What decides a run's result, apart from its data and where it starts; kept in its files' metadata."""

    stage: str
    """What is trained, a name in `run.STAGES`."""
    model: str = "light"
    """Size of the networks, a name in `config.SIZES`."""
    steps: int = 20_000
    """Where the run ends; over the last fifth the learning rates fall to zero."""
    batch: int = 8
    seed: int = 0
    learning_rate: float = 2e-3
    ema: float = 0.998
    """Decay of the averaged weights per step."""
    precision: str = "no"
    """`no` (fp32), `bf16` or `fp16`."""
    drawn: int = 0
    """Encoder: bank faces that are drawn for each batch and join it."""
    adversarial_from: int | None = None
    """Generator: the step at which the discriminator joins; None leaves it out."""


@dataclass(frozen=True)
class Run:
    """Where a run reads and writes, and how long it may take."""

    folder: Path
    """Gets checkpoints, curves and sample grids; a run found there goes on."""
    data: Path
    """Training faces, made by `prepare`."""
    init: Path | None = None
    """Folder of weights to start from, or a published file."""
    weights: Weights = SHIPPED
    """Of frozen networks."""
    export: Path | None = None
    """Folder for the averaged weights, in fp16."""
    minutes: float | None = None
    """Stop after so long, to go on another time."""
    save_minutes: float = 5.0
    """Between checkpoints."""
    workers: int = 0
    """Data loading processes."""
