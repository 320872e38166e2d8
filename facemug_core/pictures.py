"""Between pictures in [-1, 1], 8-bit values and JPEG, and from the bank's size to the working size."""

from __future__ import annotations

import io

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from .conventions import WORKING_SIZE


def to_bytes(picture: Tensor) -> Tensor:
    """[-1, 1], clamped → uint8, rounded, of the same shape, on the CPU."""
    return ((picture.detach().float().cpu().clamp(-1, 1) + 1) * 127.5).round().byte()


def to_pixels(picture: Tensor) -> NDArray[np.uint8]:
    """[3, H, W] in [-1, 1] → RGB pixels [H, W, 3], as `to_bytes`."""
    return to_bytes(picture).permute(1, 2, 0).contiguous().numpy()


def from_bytes(values: Tensor) -> Tensor:
    """uint8 → float32 in [-1, 1], of the same shape."""
    return values / 127.5 - 1


def as_jpeg(picture: Tensor, quality: int) -> Tensor:
    """[3, H, W] in [-1, 1] as a JPEG file of a quality from 1 to 95 gives it back, on the CPU."""
    file = io.BytesIO()
    Image.fromarray(to_pixels(picture)).save(file, "JPEG", quality=quality)
    return from_bytes(torch.from_numpy(np.array(Image.open(file))).permute(2, 0, 1))


def at_working_size(picture: Tensor) -> Tensor:
    """A square picture [B, 3, S, S], S a multiple of 256, averaged down to [B, 3, 256, 256] and clamped."""
    return F.avg_pool2d(picture, picture.shape[-1] // WORKING_SIZE).clamp(-1, 1)
