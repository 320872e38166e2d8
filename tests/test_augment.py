"""Changes that make bank faces look like photos."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from facemug_core.conventions import LABELS
from facemug_core.training import augment
from facemug_core.training.augment import Draw

BACKGROUND, SKIN = LABELS.index("background"), LABELS.index("skin")


def face(seed: int = 0) -> Tensor:
    return torch.rand(3, 64, 64, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def labels() -> Tensor:
    found = torch.full((64, 64), BACKGROUND)
    found[16:48, 16:48] = SKIN
    return found


def jpeg(draw: Draw) -> Tensor:
    return augment.jpeg(face(), draw)


def other_background(draw: Draw) -> Tensor:
    return augment.other_background(face(), labels(), face(1), draw)


def occluded(draw: Draw) -> Tensor:
    return augment.occluded(face(), face(1), draw)


@pytest.mark.parametrize("change", [jpeg, other_background, occluded])
def test_a_change_depends_on_its_draw_alone(change: Callable[[Draw], Tensor]) -> None:
    assert torch.equal(change(Draw(0, 1)), change(Draw(0, 1)))


@pytest.mark.parametrize("change", [jpeg, other_background, occluded])
def test_a_changed_face_stays_a_picture(change: Callable[[Draw], Tensor]) -> None:
    changed = change(Draw(0, 1))
    assert changed.shape == (3, 64, 64)
    assert -1 <= float(changed.min()) <= float(changed.max()) <= 1


def test_a_face_before_another_background_keeps_its_own_pixels() -> None:
    changed = other_background(Draw(0, 1))
    assert torch.equal(changed[:, 18:46, 18:46], face()[:, 18:46, 18:46])
    assert not torch.equal(changed[:, :8], face()[:, :8])
