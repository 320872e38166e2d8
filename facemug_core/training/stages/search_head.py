"""Training of inversion's coarse picture head, and measurement of its coordinates."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import torch

from ...checkpoints.assembling import load_bank, load_mobilenet, load_search_head
from ...checkpoints.reading import save_safetensors
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
    return build_head(config.search_head, config, faces, settings)


def export_inverter(config: ModelConfig, folder: Path) -> None:
    """Measure the coordinates of inversion with an exported search head, and write them."""
    mapping, bank = load_bank(config)
    head = load_search_head(config, [folder])
    codes = measured_codes(mapping)
    visibility = measure_visibility(
        partial(head.picture, bank), PerceptualLoss(load_mobilenet()), codes[:MEASURED_FACES]
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
