"""The host's pictures and masks as the library takes them."""

from __future__ import annotations

import pytest
import torch

from facemug_core.errors import InputError

from .running import center_mask, image, tensors


@pytest.mark.parametrize("channels", [1, 2])
def test_gray_crops_are_gray_in_every_color(channels: int) -> None:
    crops = image(1, 8, 8, channels)
    assert torch.equal(tensors.to_crop(crops), tensors.to_crop(crops[..., :1].expand(-1, -1, -1, 3)))


def test_half_covered_mask_pixels_count_half() -> None:
    soft = torch.tensor([[[0.0, 0.49, 0.5, 0.996]]])
    torch.testing.assert_close(tensors.to_masks(soft, (1, 4)), torch.tensor([[[[0.0, 0.49, 0.5, 1.0]]]]))


def test_masks_of_another_size_come_to_the_size_of_the_photo() -> None:
    assert tensors.to_masks(center_mask(1, 100, 120), (200, 240)).shape == (1, 1, 200, 240)


@pytest.mark.parametrize("shape", [(1, 0, 240), (1, 200, 0), (0, 200, 240), (240,)])
def test_a_mask_without_pixels_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="MASK"):
        tensors.to_masks(torch.zeros(shape), (200, 240))


def test_a_painted_mask_of_64_pixels_is_a_mask() -> None:
    assert tensors.to_masks(torch.ones(1, 64, 64), (100, 100)).all()
