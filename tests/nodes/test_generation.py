"""Nodes that aggregate the conditions and draw faces."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from facemug_core.errors import ShapeError

from ..tiny import random_conditions
from .running import center_mask, photo, run, wired


def test_several_styles_of_one_face_give_several_pictures(model: Any) -> None:
    (latent,) = run("RandomStyle", model=model, variants=3)
    edited, changed = wired(model, photo(), center_mask(), latent)
    assert len(edited) == len(changed) == 3


def test_one_style_serves_all_faces(model: Any) -> None:
    (latent,) = run("RandomStyle", model=model)
    assert len(wired(model, photo(2), center_mask(), latent)[0]) == 2


def test_styles_that_do_not_fit_the_faces_are_refused_with_both_numbers(model: Any) -> None:
    (latent,) = run("RandomStyle", model=model, variants=3)
    with pytest.raises(ShapeError, match=r"features is 2 .* latent is 3"):
        wired(model, photo(2), center_mask(), latent)


def test_a_new_face_needs_no_photo(model: Any) -> None:
    (conditions,) = run("Conditions")
    assert conditions.mask.all()
    assert run("Edit", model=model)[0].shape == (1, 256, 256, 3)


def test_codes_can_be_optimised_with_networks_that_a_node_brought(model: Any) -> None:
    with torch.inference_mode():
        ready = model.model()
        with torch.inference_mode(False), torch.enable_grad():
            codes = torch.zeros(1, 18, 512, requires_grad=True)
            ready.generate(ready.aggregate(random_conditions()), codes).sum().backward()
    assert codes.grad is not None
    assert codes.grad.any()
