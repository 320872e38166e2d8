"""Options of training: those that determine the result, and those of one run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..checkpoints.weights import SHIPPED, Weights


@dataclass(frozen=True)
class Settings:
    """Options that determine a run's result, besides data and initial weights; written into the metadata."""

    stage: str
    """Name in `run.STAGES`."""
    model: str = "light"
    """Name in `config.SIZES`."""
    steps: int = 20_000
    """Steps of the run; the learning rates fall to zero over the last fifth."""
    batch: int = 8
    seed: int = 0
    learning_rate: float = 2e-3
    ema: float = 0.998
    """Decay of the averaged weights per step."""
    precision: str = "no"
    """`no` (fp32), `bf16` or `fp16`."""
    drawn: int = 0
    """Encoder: number of fresh bank faces added to each batch."""
    adversarial_from: int | None = None
    """Generator: the step at which the discriminator joins; None leaves it out."""


@dataclass(frozen=True)
class Run:
    """Files of a run, and its limit of time."""

    folder: Path
    """Gets checkpoints, curves and sample grids; a run in it is resumed."""
    data: Path
    """Training faces, made by `prepare`."""
    init: Path | None = None
    """Folder of weights to start from, or a published file."""
    weights: Weights = SHIPPED
    """Of frozen networks."""
    export: Path | None = None
    """Folder for the averaged weights, in fp16."""
    minutes: float | None = None
    """Stop after this time; the run can be resumed."""
    save_minutes: float = 5.0
    """Time between checkpoints."""
    workers: int = 0
    """Data loading processes."""
