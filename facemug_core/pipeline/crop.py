"""The edit of one aligned crop, and a new face: all stages that the networks do."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from ..batches import Progress, no_progress, one_by_one
from ..conditions import Conditions
from ..latents import Latent
from ..model import FaceMug
from .style import StylePlan, styled


class CropEdit(NamedTuple):
    """An edited crop in its variants."""

    pictures: Tensor
    """`[N, 3, 256, 256]` in [-1, 1]; only masked pixels are new."""
    latent: Latent
    """Their codes, `[N, 18, 512]`, with the recipe."""
    notices: list[str]
    """Warnings for the person at the screen."""


@torch.no_grad()
def edit_crop(
    model: FaceMug,
    conditions: Conditions,
    plan: StylePlan,
    exemplar: Tensor | None = None,
    progress: Progress = no_progress,
) -> CropEdit:
    """Edit one crop, or make a new face, in as many variants as the plan has seeds.

    Args:
        model: of the edit.
        conditions: photo, mask and guides of one edit (batch 1).
        plan: how the style codes are made.
        exemplar: aligned exemplar photo `[1, 3, 256, 256]`.
        progress: called for every step and variant.

    Raises:
        InputError, ShapeError: as `styled`, and as `FaceMug.optimize_text` for the plan's text.
    """
    conditions = conditions.to(model.device)
    latent, notices = styled(model, conditions, plan, exemplar, progress)
    latent = latent.expanded(max(len(plan.seeds), len(latent.codes)))
    features = model.aggregate(conditions)
    if (goal := plan.text) is not None:
        how = goal.text, goal.clip, goal.options, goal.progress, goal.preview
        followed = [model.optimize_text(features, codes, *how) for codes in latent.codes.split(1)]
        step = {"text": goal.text, "mode": "optimize", "strength": goal.options.weight}
        latent = latent.then(torch.cat([one.codes for one in followed]).cpu(), "text", **step)
    inputs = {"features": features, "style codes": latent.codes.to(model.device)}
    return CropEdit(torch.cat(one_by_one(model.generate, inputs, progress)), latent, notices)
