"""Changes that make bank faces look like photos."""

from __future__ import annotations

import torch
from torch import Tensor

from facemug_core.training.augment import Draw, degrade, jpeg


def face() -> Tensor:
    return torch.rand(3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1


def test_a_face_in_a_jpeg_file_stays_a_picture() -> None:
    stored = jpeg(face(), Draw(0, 1))
    assert stored.shape == (3, 64, 64)
    assert -1 <= float(stored.min()) <= float(stored.max()) <= 1


def test_what_becomes_of_a_face_depends_on_its_draw_alone() -> None:
    assert all(torch.equal(degrade(face(), Draw(0, n)), degrade(face(), Draw(0, n))) for n in range(8))
