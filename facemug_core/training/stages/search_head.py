"""Training of inversion's coarse picture head, and measurement of its coordinates."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import torch

from ...checkpoints.reading import save_safetensors
from ...checkpoints.weights import Weights
from ...config import ModelConfig
from ...networks.perceptual import PerceptualLoss
from ..data import FaceShards
from ..options import Run, Settings
from ..samples import FaceCodes
from ..visibility import MEASURED_FACES, descent_steps, measure_visibility, measured_codes
from .picture_head import build_head
from .stage import Stage, StageEntry

DESCENT_RANK = 128
"""Number of coordinates of inversion; the others are hardly visible."""


def _build(config: ModelConfig, faces: FaceShards, settings: Settings, run: Run) -> Stage:
    return build_head(config.search_head, config, faces, settings, run)


def export_inverter(config: ModelConfig, folder: Path) -> None:
    """Measure the coordinates of inversion with an exported search head, and write them."""
    weights = Weights(folder)
    mapping, bank, head = weights.mapping(config), weights.bank(config), weights.search_head(config)
    codes = measured_codes(mapping)
    visibility = measure_visibility(
        partial(head.picture, bank), PerceptualLoss(weights.mobilenet()), codes[:MEASURED_FACES]
    )
    steps = descent_steps(visibility, torch.cov(codes.T), DESCENT_RANK)
    about = {"faces": str(MEASURED_FACES)}
    save_safetensors(folder / f"{config.name}_inverter.safetensors", {"steps": steps.half()}, about)


ENTRY = StageEntry(
    _build,
    needs_codes=True,
    grid=FaceCodes,
    after_export=lambda stage, config, folder: export_inverter(config, folder),
)
