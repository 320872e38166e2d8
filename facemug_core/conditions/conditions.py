"""Photo, mask, sketch, semantic map and color map on one grid: the networks' input."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from ..batches import common_batch
from ..conventions import GUIDE_CHANNELS, WORKING_SIZE
from ..errors import InputError, ShapeError
from ..ops.masks import dilated

GUIDE_MARGIN = 4
"""Sketch and color are used inside the mask grown by this many pixels (PAPER 14.2), so that strokes that lead
into the hole count."""


@dataclass(frozen=True, eq=False)
class Conditions:
    """Pixel-wise conditions of a batch of edits, all float32, finite and on one device and grid.

    An absent guide is all zeros. `build` checks and completes inputs; the plain constructor does not.
    """

    image: Tensor
    """Photo, `[B, 3, H, W]` in [-1, 1]; zeros without a photo."""
    mask: Tensor
    """`[B, 1, H, W]` in {0, 1}, 1 = edit; ones without a photo."""
    sketch: Tensor
    """`[B, 1, H, W]` in [0, 1], stroke = 1 times the strength."""
    semantic: Tensor
    """`[B, 19, H, W]` in [0, 1], one-hot times the strength; all zero where the class is unknown."""
    color: Tensor
    """`[B, 3, H, W]` in [-1, 1], color times the strength; zeros where the color map is empty."""
    color_weight: Tensor
    """`[B, 1, H, W]` in [0, 1]: strength of the color map; 0 where it is empty."""

    @classmethod
    def build(
        cls,
        *,
        image: Tensor | None = None,
        mask: Tensor | None = None,
        sketch: Tensor | None = None,
        semantic: Tensor | None = None,
        color: Tensor | None = None,
        sketch_strength: float = 1.0,
        semantic_strength: float = 1.0,
        color_strength: float = 1.0,
        color_opacity: Tensor | None = None,
        size: int = WORKING_SIZE,
    ) -> Conditions:
        """Complete any subset of conditions to a full set.

        Each tensor is `[N or 1, channels, size, size]`; those of batch 1 are repeated. A strength in [0, 1]
        scales its guide; at 0 the guide is absent, to the bit. Sketch and color are cut to the mask grown by
        `GUIDE_MARGIN` pixels; the semantic map stays whole. `color_opacity` `[N or 1, 1, size, size]` scales
        the strength of the color map by pixel. Inputs are not changed.

        Raises:
            ShapeError: shapes or batches do not fit.
            InputError: a value is not finite, a mask is not 0 or 1, a strength is out of range, or photo or
                mask is given without the other.
        """
        if (image is None) != (mask is None):
            given, missing = ("photo", "mask") if mask is None else ("mask", "photo")
            raise InputError(
                f"A {given} was given without a {missing}. "
                "Give both to edit a photo, or neither to make a new face."
            )
        strengths = {"sketch": sketch_strength, "semantic": semantic_strength, "color": color_strength}
        for name, strength in strengths.items():
            if not 0 <= strength <= 1:
                raise InputError(
                    f"The strength of the {name} guide is {strength}; it must lie between 0 and 1."
                )
        given_tensors = {"image": image, "mask": mask, "sketch": sketch, "semantic": semantic, "color": color}
        checked = {
            name: _checked(name, tensor, size)
            for name, tensor in given_tensors.items()
            if tensor is not None and strengths.get(name, 1) > 0
        }
        batch = common_batch({NAMES[name]: len(tensor) for name, tensor in checked.items()})
        device = next((tensor.device for tensor in checked.values()), None)

        def full(name: str, channels: int, default: float = 0.0) -> Tensor:
            if name not in checked:
                return torch.full((batch, channels, size, size), default, device=device)
            # Adding 0 turns -0.0 into 0.0, so that all zeros have the same bits.
            scaled = checked[name] if name in ("image", "mask") else checked[name] * strengths[name] + 0.0
            return scaled.expand(batch, channels, size, size)

        whole_mask = full("mask", 1, default=1.0)
        near_mask = dilated(whole_mask, GUIDE_MARGIN) > 0
        opacity = 1.0 if color_opacity is None else color_opacity.to(whole_mask)
        color = torch.where(near_mask, full("color", GUIDE_CHANNELS["color"]) * opacity, 0.0)
        return cls(
            image=full("image", GUIDE_CHANNELS["image"]),
            mask=whole_mask,
            sketch=torch.where(near_mask, full("sketch", GUIDE_CHANNELS["sketch"]), 0.0),
            semantic=full("semantic", GUIDE_CHANNELS["semantic"]),
            color=color,
            color_weight=torch.where((color != 0).any(1, keepdim=True), color_strength * opacity, 0.0),
        )

    def __len__(self) -> int:
        """Batch size."""
        return len(self.mask)

    def __getitem__(self, rows: slice) -> Conditions:
        """A part of the batch."""
        return self._mapped(lambda tensor: tensor[rows])

    @staticmethod
    def cat(parts: Sequence[Conditions]) -> Conditions:
        """Batches concatenated."""
        return Conditions(
            **{
                field.name: torch.cat([getattr(part, field.name) for part in parts])
                for field in fields(Conditions)
            }
        )

    @property
    def guided(self) -> bool:
        """Whether any guide is present."""
        return any(bool(guide.any()) for guide in (self.sketch, self.semantic, self.color))

    @property
    def stack(self) -> Tensor:
        """The style encoder's input (PAPER 2.2): masked image, sketch, semantic, color, `[B, 26, H, W]`."""
        return torch.cat([self.masked_image, self.sketch, self.semantic, self.color], 1)

    @property
    def masked_image(self) -> Tensor:
        """I ⊙ (1 − M), `[B, 3, H, W]`: the photo with zeros in the hole; kept pixels keep their bits."""
        return torch.where(self.mask > 0, 0.0, self.image)

    @property
    def tells_shape(self) -> bool:
        """Whether a sketch or a semantic map is present."""
        return bool(self.sketch.any() or self.semantic.any())

    @property
    def present(self) -> tuple[str, ...]:
        """Names of the modalities present anywhere in the batch, in the order of the channels."""
        return tuple(name for name in GUIDE_CHANNELS if bool(getattr(self, name).any()))

    def to(self, device: torch.device | str) -> Conditions:
        """The same conditions on another device."""
        return self._mapped(lambda tensor: tensor.to(device))

    def cloned(self) -> Conditions:
        """Copies, which autograd can use if they are made outside inference mode."""
        return self._mapped(torch.clone)

    def _mapped(self, function: Callable[[Tensor], Tensor]) -> Conditions:
        return Conditions(**{field.name: function(getattr(self, field.name)) for field in fields(self)})


def whole_photo(image: Tensor) -> Conditions:
    """Photos `[B, 3, H, W]` without mask and guides."""

    def absent(channels: int) -> Tensor:
        return image.new_zeros(len(image), channels, *image.shape[-2:])

    guides = {name: absent(channels) for name, channels in GUIDE_CHANNELS.items() if name != "image"}
    return Conditions(image=image, mask=absent(1), color_weight=absent(1), **guides)


NAMES = {
    "image": "photo",
    "mask": "mask",
    "sketch": "sketch",
    "semantic": "semantic map",
    "color": "color map",
}
"""Names of the conditions in messages."""


def _checked(name: str, tensor: Tensor, size: int) -> Tensor:
    """The tensor as float32 if it is `[any, channels, size, size]`, finite and, for a mask, 0 or 1."""
    channels = GUIDE_CHANNELS.get(name, 1)
    if tensor.ndim != 4 or not len(tensor) or tensor.shape[1:] != (channels, size, size):
        raise ShapeError(
            f"Expected the {NAMES[name]} as [batch, {channels}, {size}, {size}], "
            f"but got {list(tensor.shape)}."
        )
    tensor = tensor.to(torch.float32)
    if name == "mask" and not bool(((tensor == 0) | (tensor == 1)).all()):
        raise InputError(
            "Expected a mask of only 0 (keep) and 1 (edit), but got other values; threshold it first."
        )
    # Extremes propagate NaN and infinity, and are ten times faster than a check of every value.
    if not all(extreme.isfinite() for extreme in torch.aminmax(tensor)):
        raise InputError(f"The {NAMES[name]} holds values that are not finite numbers (NaN or infinity).")
    return tensor
