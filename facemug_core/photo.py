"""Photos in their own mode, from pictures and back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from .conditions.files import EXIF_ORIENTATION, LOST, PNG_COLORS, read_photo
from .faces.alignment import Matrix
from .faces.pasting import paste
from .pictures import in_own_mode

PROFILE_SPACE = slice(16, 20)
"""Where an ICC profile names the color space that it describes."""

METADATA = ("exif", "xmp", "dpi")
"""What a picture's `info` holds that is metadata and that `save` can write."""

BAND_PIXELS = 2**22
"""Large pictures go from and to Pillow in bands of about this many pixels, for memory."""


@dataclass(frozen=True, eq=False)
class Photo:
    """A photo in its own mode, and how networks see it."""

    pixels: Tensor
    """uint8 `[1, C, H, W]`: the picture's own values."""
    mode: str
    """Pillow mode, one of `OWN_MODES`."""
    profile: bytes | None = None
    """ICC profile of the values."""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """EXIF, XMP and resolution of the file, as Pillow names them."""
    colors: Mapping[bytes, bytes] = field(default_factory=dict)
    """Color chunks of a PNG file, by name, without its profile."""
    lost: Sequence[str] = ()
    """What was lost in reading the file, in sentences."""
    orientation: int = 1
    """EXIF orientation of the file; 1 = upright. `pixels` are upright in any case."""

    @classmethod
    def from_file(cls, path: str | Path) -> Photo:
        """A picture file, upright.

        Raises:
            InputError: it cannot be read; says why.
        """
        return cls.from_image(read_photo(path))

    @classmethod
    def from_image(cls, image: Image.Image) -> Photo:
        """A picture of any mode; its profile is kept where it fits the photo's mode."""
        info = image.info
        image = in_own_mode(image)
        pixels = torch.empty(1, len(image.mode), image.height, image.width, dtype=torch.uint8)
        for top, bottom in _bands(image.height, image.width):
            values = torch.from_numpy(np.array(image.crop((0, top, image.width, bottom))))
            pixels[0, :, top:bottom] = values.view(bottom - top, image.width, -1).permute(2, 0, 1)
        profile = info.get("icc_profile")
        space = b"RGB " if len(image.mode) > 2 else b"GRAY"
        return cls(
            pixels,
            image.mode,
            profile if profile and profile[PROFILE_SPACE] == space else None,
            {name: info[name] for name in METADATA if name in info},
            info.get(PNG_COLORS, {}),
            info.get(LOST, ()),
            info.get(EXIF_ORIENTATION, 1),
        )

    def to_image(self, metadata: bool = False) -> Image.Image:
        """The photo as a picture with its color profile and, if asked for, with the file's metadata."""
        height, width = self.size
        image = Image.new(self.mode, (width, height))
        for top, bottom in _bands(height, width):
            values = self.pixels[0, :, top:bottom].permute(1, 2, 0).contiguous().numpy()
            image.paste(Image.fromarray(values[..., 0] if self.mode == "L" else values), (0, top))
        if self.profile is not None:
            image.info["icc_profile"] = self.profile
        if self.colors:
            image.info[PNG_COLORS] = self.colors
        if metadata:
            image.info.update(self.metadata)
        return image

    @property
    def size(self) -> tuple[int, int]:
        """(height, width)."""
        return self.pixels.shape[2], self.pixels.shape[3]

    @property
    def color_channels(self) -> int:
        """Channels without alpha."""
        return len(self.mode.removesuffix("A"))

    @cached_property
    def rgb(self) -> Tensor:
        """`[1, 3, H, W]` in [0, 255], uint8."""
        return self.pixels[:, : self.color_channels].expand(-1, 3, -1, -1)

    def with_crop(self, crop: Tensor, mask: Tensor, matrix: Matrix, feather: int, opacity: float) -> Photo:
        """The photo with an edited crop `[1, 3, h, w]` in [-1, 1] pasted in; alpha is kept."""
        values = (crop + 1) * 127.5
        if self.color_channels == 1:
            weights = torch.tensor([0.299, 0.587, 0.114], device=crop.device)  # ITU-R 601, as Pillow's "L"
            values = (values * weights[:, None, None]).sum(1, keepdim=True)
        colors = paste(self.pixels[:, : self.color_channels], values, mask, matrix, feather, opacity)
        alpha = self.pixels[:, self.color_channels :]
        return replace(self, pixels=torch.cat([colors, alpha], 1) if alpha.numel() else colors)


def _bands(height: int, width: int) -> Iterator[tuple[int, int]]:
    """First and last row of the bands of a picture."""
    rows = max(1, BAND_PIXELS // width)
    for top in range(0, height, rows):
        yield top, min(top + rows, height)
