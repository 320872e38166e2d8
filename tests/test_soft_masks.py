"""Soft masks are soft: gray values lay the edit over the photo in their share, once."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch
from PIL import Image

from facemug_core.errors import InputError
from facemug_core.faces.pasting import paste
from facemug_core.photo import Photo
from facemug_core.pipeline.editor import EditRequest, PhotoEditor

from .nodes.running import aligned, loading, photo, run, wired
from .pack import NAME
from .tiny import tiny_model

tensors = sys.modules[f"{NAME}.nodes.tensors"]
SIZE = 96


def ramp(size: int = SIZE) -> torch.Tensor:
    """0 on the left, then rising to 1 on the right."""
    return (torch.linspace(-0.5, 1.5, size).clamp(0, 1)).expand(1, 1, size, size).contiguous()


@pytest.mark.parametrize("dtype", [torch.float32, torch.uint8])
def test_between_0_and_1_the_edit_is_laid_over_the_photo_in_that_share(dtype: torch.dtype) -> None:
    old, new = torch.full((1, 1, SIZE, SIZE), 40).to(dtype), torch.full((1, 1, SIZE, SIZE), 240.0)
    result = paste(old, new, ramp(), np.eye(3)).float()
    assert (result - (40 + 200 * ramp())).abs().max() <= 0.5
    assert (result[ramp() == 0] == 40).all()


@pytest.mark.parametrize("feather", [3, 20])
def test_the_feather_does_not_soften_a_second_time_what_the_mask_has_softened(feather: int) -> None:
    old, new = torch.zeros(1, 1, SIZE, SIZE), torch.ones(1, 1, SIZE, SIZE)
    hard = paste(old, new, (ramp() > 0).float(), np.eye(3), feather)
    both = paste(old, new, ramp(), np.eye(3), feather)
    assert torch.equal(both, torch.minimum(hard, ramp()))


def test_a_soft_edit_of_a_photo_is_the_hard_one_in_the_masks_share() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)
    picture, editor = Photo.from_image(Image.fromarray(pixels)), PhotoEditor(tiny_model())
    hard, soft = (
        editor.edit(picture, EditRequest(mask=mask, aligned=True, size=256)).photos[0].pixels.float()
        for mask in ((ramp() > 0).float(), ramp())
    )
    assert (soft - torch.lerp(picture.pixels.float(), hard, ramp())).abs().max() <= 1


def test_the_one_node_and_the_wired_stages_give_the_same_soft_edit() -> None:
    model, pictures = loading.HostedEditor(tiny_model()), photo(1, SIZE, SIZE)
    edited, changed, _ = run("Edit", model=model, image=pictures, mask=ramp()[0], aligned=True)
    stages, stages_changed = wired(model, pictures, ramp()[0])
    assert torch.equal(edited, stages)
    assert torch.equal(changed, stages_changed)
    assert torch.equal(edited[ramp()[0] == 0], pictures[ramp()[0] == 0])


def test_what_hosts_round_counts_as_the_end() -> None:
    masks = tensors.to_masks(torch.tensor([[[0.004, 0.5, 0.996]]]), (1, 3))
    assert masks.flatten().tolist() == [0, 0.5, 1]


@pytest.mark.parametrize("shape", [(20, 30), (1, 20, 30), (1, 1, 20, 30), (1, 20, 30, 1)])
def test_masks_in_any_order_that_can_be_understood_are_the_same(shape: tuple[int, ...]) -> None:
    mask = torch.rand(20, 30, generator=torch.Generator().manual_seed(0))
    assert torch.equal(tensors.to_masks(mask.view(shape), (20, 30)), tensors.to_masks(mask, (20, 30)))


@pytest.mark.parametrize("shape", [(1, 20, 30, 3), (2, 20, 30, 4), (30,), (1, 2, 20, 30)])
def test_masks_with_channels_are_refused_and_never_striped(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="Expected a MASK"):
        tensors.to_masks(torch.zeros(shape), (20, 30))


def test_masks_of_no_numbers_are_refused() -> None:
    with pytest.raises(InputError, match="NaN"):
        tensors.to_masks(torch.full((1, 20, 30), torch.nan), (20, 30))


def test_kept_pixels_keep_values_beyond_0_and_1() -> None:
    model = loading.HostedEditor(tiny_model())
    pictures = photo(1, SIZE, SIZE) * 3 - 1
    mask = torch.zeros(1, SIZE, SIZE)
    mask[:, 30:60, 30:60] = 1
    edited, _, _ = run("Edit", model=model, image=pictures, mask=mask, aligned=True)
    assert torch.equal(edited[mask == 0], pictures[mask == 0])
    crops = torch.zeros(1, 256, 256, 3)
    pasted, _ = run("PasteFaces", faces=aligned(model, pictures), crops=crops, mask=mask)
    assert torch.equal(pasted[mask == 0], pictures[mask == 0])
