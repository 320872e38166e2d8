"""Strength 0 is nothing: what has none leaves the bits of the edit without it."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from facemug_core.editing.directions import Linear
from facemug_core.editing.text import TextGoal, TextOptions
from facemug_core.modalities import Guide
from facemug_core.photo import Photo
from facemug_core.pipeline.editor import EditRequest, PhotoEditor
from facemug_core.pipeline.style import Move

from .nodes.running import center_mask, loading, photo, run
from .text_models import tiny_clip
from .tiny import tiny_model

DIRECTION = Linear(torch.ones(512))


def still(amount: float) -> Move:
    return Move(DIRECTION, amount, {"operation": "direction"})


NONE: dict[str, dict[str, Any]] = {
    "a slider": {"directions": [still(0.0)]},
    "several sliders": {"directions": [still(0.0), still(-0.0)]},
    "a sketch": {"sketch": Guide(torch.ones(1, 1, 96, 96), 0.0)},
    "a semantic map": {"semantic": Guide(torch.ones(1, 96, 96).long(), 0.0)},
    "a color map": {"color": Guide(torch.ones(1, 3, 96, 96), 0.0)},
    "colors without opacity": {
        "color": Guide(torch.ones(1, 3, 96, 96), opacity=torch.zeros(1, 1, 96, 96))
    },
}  # fmt: skip


def edited(editor: PhotoEditor, **what: Any) -> torch.Tensor:
    picture = Photo(torch.arange(3 * 96 * 96).view(1, 3, 96, 96).remainder(251).byte(), "RGB")
    mask = torch.zeros(1, 1, 96, 96)
    mask[..., 30:60, 30:60] = 1
    return editor.edit(picture, EditRequest(mask=mask, aligned=True, size=256, **what)).photos[0].pixels


@pytest.mark.parametrize("what", NONE)
def test_strength_0_has_the_bits_of_the_edit_without_it(editor: PhotoEditor, what: str) -> None:
    assert torch.equal(edited(editor, **NONE[what]), edited(editor))


def test_a_text_of_weight_0_has_the_bits_of_the_edit_without_it(editor: PhotoEditor) -> None:
    goal = TextGoal("blond hair", tiny_clip(), TextOptions(weight=0.0, steps=1))
    assert torch.equal(edited(editor, text=goal), edited(editor))


def test_a_direction_of_amount_0_in_the_node_has_the_bits_of_the_edit_without_it() -> None:
    inputs = {"model": loading.HostedEditor(tiny_model()), "image": photo(1, 96, 96), "aligned": True}
    inputs["mask"] = center_mask(1, 96, 96)
    with_it = run("Edit", **inputs, direction=DIRECTION, direction_amount=0.0)[0]
    assert torch.equal(with_it, run("Edit", **inputs)[0])
