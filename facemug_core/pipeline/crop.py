"""The edit of one aligned crop, and a new face: all stages that the networks do."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from ..batches import UNWATCHED, Watch, one_by_one
from ..conditions import Conditions
from ..latents import Latent
from ..memory import Recall, afresh
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
    watch: Watch = UNWATCHED,
    recall: Recall = afresh,
) -> CropEdit:
    """Edit one crop, or make a new face, in as many variants as the plan has seeds.

    Args:
        model: of the edit.
        conditions: photo, mask and guides of one edit (batch 1).
        plan: how the style codes are made.
        exemplar: aligned exemplar photo `[1, 3, 256, 256]`.
        watch: told of every step and variant, and shown the crop so far.
        recall: knows codes and pictures that were made before.

    Raises:
        InputError, ShapeError: as `styled`, and as `FaceMug.optimize_text` for the plan's text.
    """
    conditions = conditions.to(model.device)
    latent, notices = styled(model, conditions, plan, exemplar, watch, recall)
    latent = latent.expanded(max(len(plan.seeds), len(latent.codes)))
    if (goal := plan.text) is not None:
        features = recall("guides", (conditions,), lambda: model.aggregate(conditions))
        how = goal.text, goal.clip, goal.options, goal.progress, goal.preview
        followed = [model.optimize_text(features, codes, *how) for codes in latent.codes.split(1)]
        step = {"text": goal.text, "mode": "optimize", "strength": goal.options.weight}
        latent = latent.then(torch.cat([one.codes for one in followed]).cpu(), "text", **step)

    def draw() -> Tensor:
        watch.stage("picture")
        features = recall("guides", (conditions,), lambda: model.aggregate(conditions))
        inputs = {"features": features, "style codes": latent.codes.to(model.device)}
        return torch.cat(one_by_one(model.generate, inputs, watch)).cpu()

    pictures = recall("picture", (conditions, latent.codes), draw)
    watch.show(pictures[-1:])
    return CropEdit(pictures, latent, notices)
