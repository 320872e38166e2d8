"""Host tensors and core tensors: IMAGE [B, H, W, C] in [0, 1] and MASK [B, H, W], to and fro."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import overload

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from ..facemug_core.batches import common_batch, item
from ..facemug_core.conditions.masks import is_soft, snapped
from ..facemug_core.conditions.reading import stretch_warnings
from ..facemug_core.errors import InputError
from ..facemug_core.photo import Photo
from .host import hand_over, warn

MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
"""Pillow mode by channels."""

NO_MASK_SIZE = (64, 64)
"""The host's Load Image gives an empty mask of this size for pictures without transparency."""


class Photos(Sequence[Photo]):
    """The photos of an IMAGE, in 8 bits: how they were in their files.

    Each is made when it is asked for: all frames of a video would take a quarter of its memory once more.
    """

    def __init__(self, image: Tensor) -> None:
        _check(image)
        self._image = image

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of each."""
        return self._image.shape[1], self._image.shape[2]

    def __len__(self) -> int:
        return len(self._image)

    @overload
    def __getitem__(self, index: int) -> Photo: ...
    @overload
    def __getitem__(self, index: slice) -> Photos: ...
    def __getitem__(self, index: int | slice) -> Photo | Photos:
        if isinstance(index, slice):
            return Photos(self._image[index])
        pixels = _bytes(self._image[index][None]).permute(0, 3, 1, 2).contiguous()
        return Photo(pixels, MODES[self._image.shape[3]])


def to_pictures(image: Tensor) -> Tensor:
    """An IMAGE as [B, 3, H, W] in [-1, 1], of 8 bits."""
    return torch.cat([photo.rgb for photo in Photos(image)]) / 127.5 - 1


def to_crop(image: Tensor) -> Tensor:
    """An edited crop as [B, 3, h, w] in [-1, 1], of its full depth."""
    _check(image)
    colors = image[..., : len(MODES[image.shape[3]].removesuffix("A"))]
    return colors.float().cpu().permute(0, 3, 1, 2).expand(-1, 3, -1, -1) * 2 - 1


def from_photo(photo: Photo, original: Tensor) -> Tensor:
    """An edited photo as IMAGE [1, H, W, C] of the original's dtype.

    Pixels without a change keep the bits of the original IMAGE, values outside 0 to 1 among them.
    """
    # In the host's order of memory: to go on in another takes twice as long.
    new = photo.pixels.permute(0, 2, 3, 1).contiguous()
    original = original.cpu()
    return hand_over(torch.where(new == _bytes(original), original, (new / 255).to(original.dtype)))


def from_pictures(pictures: Tensor) -> Tensor:
    """[B, C, H, W] in [-1, 1] → IMAGE."""
    return hand_over((pictures.float().clamp(-1, 1) + 1).mul(0.5).permute(0, 2, 3, 1).contiguous())


def from_bytes(pictures: Tensor) -> Tensor:
    """uint8 [B, H, W, 3] → IMAGE."""
    return hand_over(pictures.float() / 255)


def from_image(image: Image.Image) -> Tensor:
    """A picture as IMAGE [1, H, W, 3]."""
    return from_bytes(torch.from_numpy(np.array(image.convert("RGB")))[None])


def to_masks(mask: Tensor | None, size: tuple[int, int]) -> Tensor:
    """A MASK as [B, 1, H, W] in [0, 1] on pictures of a size (height, width).

    None, and the empty mask that Load Image gives where there is none, become empty masks.

    Raises:
        InputError: the MASK has no pixels, or values that are no numbers, or channels.
    """
    if mask is None:
        return torch.zeros(1, 1, *size)
    masks = _planes(mask)
    if tuple(masks.shape[-2:]) == NO_MASK_SIZE != size and not masks.any():
        return torch.zeros(1, 1, *size)
    if ((masks != 0) & (masks != 1)).any():  # else a copy: a third of a video's memory
        masks = snapped(masks.clamp(0, 1))
    if tuple(masks.shape[-2:]) != size:
        warn_if_stretched("The mask", masks, size)
        masks = F.interpolate(masks, size, mode="bilinear" if is_soft(masks) else "nearest-exact")
    return masks


def _planes(mask: Tensor) -> Tensor:
    """A MASK [H, W], [B, H, W], [B, 1, H, W] or [B, H, W, 1] as [B, 1, H, W]."""
    if mask.ndim == 4 and mask.shape[1] != 1 and mask.shape[3] == 1:
        mask = mask[..., 0]
    if mask.ndim not in (2, 3, 4) or 0 in mask.shape or (mask.ndim == 4 and mask.shape[1] != 1):
        raise InputError(
            f"Expected a MASK [batch, height, width] with pixels, but got {list(mask.shape)}. A picture "
            "becomes a mask by Convert Image to Mask."
        )
    planes = mask.reshape(-1, 1, *mask.shape[-2:]).float().cpu()
    if not torch.stack(planes.aminmax()).isfinite().all():
        raise InputError("The MASK holds values that are not finite numbers (NaN or infinity).")
    return planes


def warn_if_stretched(name: str, values: Tensor, size: tuple[int, int]) -> None:
    """Tell the person of a mask or guide [..., h, w] of another shape than its photo of a (height, width)."""
    for warning in stretch_warnings(name, (values.shape[-1], values.shape[-2]), size[::-1]):
        warn(warning)


def from_masks(masks: Tensor) -> Tensor:
    """[B, 1, H, W] → MASK."""
    return hand_over(masks[:, 0].float().contiguous())


def to_images(image: Tensor, transparent: Tensor | None) -> list[Image.Image]:
    """The pictures of an IMAGE; a MASK of transparent parts, as Load Image gives it, is their alpha."""
    pictures = [photo.to_image() for photo in Photos(image)]
    if transparent is None:
        return pictures
    alpha = 1 - to_masks(transparent, (image.shape[1], image.shape[2]))
    batch = common_batch({"IMAGE": len(pictures), "MASK": len(alpha)})
    pictures = [pictures[min(i, len(pictures) - 1)].convert("RGB") for i in range(batch)]
    for i, picture in enumerate(pictures):
        picture.putalpha(Image.fromarray((item(alpha, i)[0, 0] * 255).round().byte().numpy()))
    return pictures


def stacked(images: Sequence[Tensor]) -> Tensor:
    """IMAGEs or MASKs as one batch."""
    return images[0] if len(images) == 1 else torch.cat(list(images))


def filled(count: int, items: Iterator[Tensor]) -> Tensor:
    """As many IMAGEs or MASKs, of one size and one item each, as one batch that holds none of them twice."""
    first = next(items)
    batch = first.new_empty(count, *first.shape[1:])
    batch[:1] = first
    for i, one in enumerate(items, start=1):
        batch[i : i + 1] = one
    return batch


def _check(image: Tensor) -> None:
    """Raise unless this is an IMAGE with pixels that are finite numbers, not integers up to 255."""
    if image.ndim != 4 or image.shape[3] not in MODES or 0 in image.shape or not image.is_floating_point():
        raise InputError(
            "Expected an IMAGE [batch, height, width, 1 to 4 channels] of numbers from 0 to 1, but got "
            f"{list(image.shape)} of type {image.dtype}."
        )
    if not torch.stack(image.aminmax()).isfinite().all():
        raise InputError("The IMAGE holds values that are not finite numbers (NaN or infinity).")


def _bytes(image: Tensor) -> Tensor:
    return image.detach().float().cpu().mul(255).round_().clamp_(0, 255).byte()
