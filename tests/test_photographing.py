"""Whole batches of faces as photos."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from facemug_core.pictures import as_jpeg
from facemug_core.training.photographing import jpegs, photographed, with_holes


def _faces(count: int) -> torch.Tensor:
    """Smooth pictures of random colors."""
    colors = torch.rand(count, 3, 8, 8, generator=torch.Generator().manual_seed(0)) * 2 - 1
    return F.interpolate(colors, 256, mode="bicubic").clamp(-1, 1)


@pytest.mark.parametrize("quality", [30, 60, 90])
def test_gray_pictures_lose_as_much_as_in_a_jpeg_file(quality: int) -> None:
    gray = _faces(1)[:, :1].expand(-1, 3, -1, -1)
    ours = jpegs(gray, torch.full((1, 1, 1, 1), float(quality)))
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
        photos.append(photographed(faces))
    assert torch.equal(*photos)
    assert torch.equal(faces, before)
    assert photos[0].abs().max() <= 1


def test_some_pictures_have_holes_and_nothing_else_changes() -> None:
    torch.manual_seed(0)
    whole = torch.full((40, 3, 64, 48), 0.5)
    torn = with_holes(whole)
    hole = torn == 0
    assert torch.equal(torn[~hole], whole[~hole])
    assert 5 < int(hole.flatten(1).any(1).sum()) < 35
