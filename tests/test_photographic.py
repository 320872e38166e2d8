"""Changes that make bank faces look like photos, one by one and in batches."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from facemug_core.pictures import as_jpeg
from facemug_core.training.draws import BatchDraws, Draw
from facemug_core.training.masks import with_holes
from facemug_core.training.photographic import degraded, jpeg, photographed, quantized, side_lit


def face() -> Tensor:
    return torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1


def test_a_face_in_a_jpeg_file_stays_a_picture() -> None:
    stored = jpeg(face(), Draw(0, 1))
    assert stored.shape == (1, 3, 64, 64)
    assert -1 <= float(stored.min()) <= float(stored.max()) <= 1


def test_what_becomes_of_a_face_depends_on_its_draw_alone() -> None:
    assert all(torch.equal(degraded(face(), Draw(0, n)), degraded(face(), Draw(0, n))) for n in range(8))


def test_a_light_from_the_right_brightens_the_right_and_leaves_the_middle_alone() -> None:
    lit = side_lit(torch.zeros(1, 3, 9, 9), 0.0, stops=1.0)
    assert torch.equal(lit[..., 4], torch.zeros(1, 3, 9))
    # One stop is twice the light, and a picture's values are about its root of 2.2.
    assert math.isclose(float(lit[0, 0, 0, 8]) + 1, 2 ** (1 / 2.2), rel_tol=1e-5)
    assert math.isclose(float(lit[0, 0, 0, 0]) + 1, 2 ** (-1 / 2.2), rel_tol=1e-5)


def test_each_picture_of_a_batch_has_its_own_light() -> None:
    angles, stops = torch.tensor([0.3, 2.0]).view(2, 1, 1, 1), torch.tensor([0.5, 1.5]).view(2, 1, 1, 1)
    faces = torch.cat([face(), -face()])
    alone = [side_lit(x[None], float(a), float(s)) for x, a, s in zip(faces, angles, stops, strict=True)]
    torch.testing.assert_close(side_lit(faces, angles, stops), torch.cat(alone))


def _faces(count: int) -> torch.Tensor:
    """Smooth pictures of random colors."""
    colors = torch.rand(count, 3, 8, 8, generator=torch.Generator().manual_seed(0)) * 2 - 1
    return F.interpolate(colors, 256, mode="bicubic").clamp(-1, 1)


@pytest.mark.parametrize("quality", [30, 60, 90])
def test_gray_pictures_lose_as_much_as_in_a_jpeg_file(quality: int) -> None:
    gray = _faces(1)[:, :1].expand(-1, 3, -1, -1)
    ours = quantized(gray, torch.full((1, 1, 1, 1), float(quality)))
    file = as_jpeg(gray[0], quality=quality)[None]
    lost, lost_there, apart = (x.abs().mean().item() for x in (gray - ours, gray - file, ours - file))
    assert lost == pytest.approx(lost_there, rel=0.25)
    assert apart < lost_there


def test_photos_depend_on_the_seed_alone_and_leave_the_faces_alone() -> None:
    faces = _faces(3)
    before = faces.clone()
    photos = []
    for _ in range(2):
        torch.manual_seed(4)
        photos.append(photographed(faces, BatchDraws(3, faces.device)))
    assert torch.equal(*photos)
    assert torch.equal(faces, before)
    assert photos[0].abs().max() <= 1


def test_some_pictures_have_holes_and_nothing_else_changes() -> None:
    torch.manual_seed(0)
    whole = torch.full((40, 3, 64, 48), 0.5)
    torn = with_holes(whole, BatchDraws(40, whole.device))
    hole = torn == 0
    assert torch.equal(torn[~hole], whole[~hole])
    assert 5 < int(hole.flatten(1).any(1).sum()) < 35
