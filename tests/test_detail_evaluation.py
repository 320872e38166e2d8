"""Judging the detail stage."""

from __future__ import annotations

import pytest
import torch

from facemug_core.evaluation.efficientnet import EfficientNetLite0
from facemug_core.evaluation.faces import FIRST_SEED, Faces
from facemug_core.evaluation.metrics import EfficientNetDistance
from facemug_core.evaluation.suites.detail import DetailStage
from facemug_core.evaluation.trials import Judges, Trial

from .tiny import tiny_model


def _trial() -> Trial:
    generator = torch.Generator().manual_seed(0)
    picture = torch.rand(1, 3, 256, 256, generator=generator) * 2 - 1
    mask = torch.zeros(1, 1, 256, 256)
    mask[..., 64:192, 64:192] = 1
    labels = torch.ones(1, 256, 256, dtype=torch.long)
    labels[:, :128] = 17  # hair above, skin below
    faces = Faces((FIRST_SEED,), ("strokes",), picture, picture, picture, mask, labels, picture, labels)
    model, judges = tiny_model(), Judges()
    judges.perceptual = EfficientNetDistance(EfficientNetLite0().eval().requires_grad_(False))
    return Trial(model, faces, judges)


@torch.no_grad()
def test_what_the_photo_shows_elsewhere_makes_edits_sharper_than_enlarging() -> None:
    trial = _trial()
    keys = DetailStage().summary(DetailStage().run(trial))
    assert keys["detail.perceptual_ratio"] == pytest.approx(1, abs=0.3)
    assert trial.kept_pixels_changed == 0
    assert keys["detail.sharpness_ratio_lanczos"] < keys["detail.sharpness_ratio"]
