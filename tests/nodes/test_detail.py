"""The node Add Detail, run as a host runs it."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from facemug_core.errors import InputError

from .running import aligned, center_mask, photo, run

SIDE = 600


@pytest.mark.parametrize(("size", "side"), [("auto", 512), ("512", 512), ("1024", 1024)])
def test_crops_become_larger_and_kept_pixels_keep_their_bits(model: Any, size: str, side: int) -> None:
    picture, mask = photo(1, SIDE, SIDE), center_mask(1, SIDE, SIDE)
    faces = aligned(model, picture)
    (crops,) = run(
        "AddDetail", model=model, faces=faces, crops=torch.rand(2, 256, 256, 3), mask=mask, size=size
    )
    assert crops.shape == (2, side, side, 3)
    pasted, _ = run("PasteFaces", faces=faces, crops=crops, mask=mask)
    kept = (mask == 0)[..., None].expand_as(pasted[:1])
    assert all(torch.equal(one[None][kept], picture[kept]) for one in pasted)


def test_crops_of_small_faces_stay(model: Any) -> None:
    picture, crops = photo(), torch.rand(1, 256, 256, 3)
    faces = aligned(model, picture)
    assert run("AddDetail", model=model, faces=faces, crops=crops, mask=center_mask())[0] is crops


def test_larger_crops_are_refused(model: Any) -> None:
    faces = aligned(model, photo())
    with pytest.raises(InputError, match="256 × 256"):
        run("AddDetail", model=model, faces=faces, crops=torch.rand(1, 512, 512, 3), mask=center_mask())
