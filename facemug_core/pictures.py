"""Between pictures in [-1, 1], 8-bit values, JPEG and Pillow's modes; and to the working size."""

from __future__ import annotations

import io

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image, ImageCms
from torch import Tensor

from .conventions import WORKING_SIZE

OWN_MODES = ("L", "LA", "RGB", "RGBA")
"""Modes of pictures that are edited as they are; others become one of these first."""

FULL_RANGES = (1.0, 255.0, 65535.0)
"""What white can be in pictures of 32-bit numbers."""


def to_bytes(picture: Tensor) -> Tensor:
    """[-1, 1], clamped → uint8, rounded, of the same shape, on the CPU."""
    return ((picture.detach().float().cpu().clamp(-1, 1) + 1) * 127.5).round().byte()


def to_pixels(picture: Tensor) -> NDArray[np.uint8]:
    """`[3, H, W]` in [-1, 1] → RGB pixels `[H, W, 3]`, as `to_bytes`."""
    return to_bytes(picture).permute(1, 2, 0).contiguous().numpy()


def from_bytes(values: Tensor) -> Tensor:
    """uint8 → float32 in [-1, 1], of the same shape."""
    return values / 127.5 - 1


def as_jpeg(picture: Tensor, quality: int) -> Tensor:
    """`[3, H, W]` in [-1, 1] as a JPEG file of a quality from 1 to 95 gives it back, on the CPU."""
    file = io.BytesIO()
    Image.fromarray(to_pixels(picture)).save(file, "JPEG", quality=quality)
    return from_bytes(torch.from_numpy(np.array(Image.open(file))).permute(2, 0, 1))


def at_working_size(picture: Tensor) -> Tensor:
    """A square picture `[B, 3, S, S]`, S a multiple of 256, averaged down to `[B, 3, 256, 256]` and
    clamped."""
    return F.avg_pool2d(picture, picture.shape[-1] // WORKING_SIZE).clamp(-1, 1)


def in_own_mode(image: Image.Image) -> Image.Image:
    """The picture in the one of `OWN_MODES` that keeps most of it."""
    if image.mode.startswith("I;16"):  # Pillow would clip 16-bit grays instead of scaling them
        return Image.fromarray((np.asarray(image, dtype=np.uint16) >> 8).astype(np.uint8))
    if image.mode in ("I", "F"):
        values = np.nan_to_num(np.asarray(image, dtype=np.float32), posinf=0.0).clip(0)
        white = next((full for full in FULL_RANGES if values.max() <= full), values.max())
        return Image.fromarray((values * (255 / white)).round().astype(np.uint8))
    if image.mode == "1":
        return image.convert("L")
    if image.has_transparency_data:
        return image.convert("LA" if image.mode in ("L", "LA") else "RGBA")
    if image.mode == "CMYK" and "icc_profile" in image.info:
        try:
            inks = io.BytesIO(image.info["icc_profile"])
            return ImageCms.profileToProfile(  # type: ignore[return-value]
                image, inks, ImageCms.createProfile("sRGB"), outputMode="RGB"
            )
        except ImageCms.PyCMSError:  # a damaged profile counts as none
            pass
    return image if image.mode in OWN_MODES else image.convert("RGB")
