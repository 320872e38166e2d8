"""Changes that make bank faces look like photos."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from facemug_core.training.augment import Draw, degrade, jpeg, side_lit


def face() -> Tensor:
    return torch.rand(3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1


def test_a_face_in_a_jpeg_file_stays_a_picture() -> None:
    stored = jpeg(face(), Draw(0, 1))
    assert stored.shape == (3, 64, 64)
    assert -1 <= float(stored.min()) <= float(stored.max()) <= 1


def test_what_becomes_of_a_face_depends_on_its_draw_alone() -> None:
    assert all(torch.equal(degrade(face(), Draw(0, n)), degrade(face(), Draw(0, n))) for n in range(8))


def test_a_light_from_the_right_brightens_the_right_and_leaves_the_middle_alone() -> None:
    lit = side_lit(torch.zeros(3, 9, 9), torch.tensor(0.0), stops=1.0)
    assert torch.equal(lit[:, :, 4], torch.zeros(3, 9))
    # One stop is twice the light, and a picture's values are about its root of 2.2.
    assert math.isclose(float(lit[0, 0, 8]) + 1, 2 ** (1 / 2.2), rel_tol=1e-5)
    assert math.isclose(float(lit[0, 0, 0]) + 1, 2 ** (-1 / 2.2), rel_tol=1e-5)


def test_each_picture_of_a_batch_has_its_own_light() -> None:
    angles, stops = torch.tensor([0.3, 2.0]).view(2, 1, 1, 1), torch.tensor([0.5, 1.5]).view(2, 1, 1, 1)
    faces = torch.stack([face(), -face()])
    alone = [side_lit(x, a.view(()), float(s)) for x, a, s in zip(faces, angles, stops, strict=True)]
    torch.testing.assert_close(side_lit(faces, angles, stops), torch.stack(alone))
