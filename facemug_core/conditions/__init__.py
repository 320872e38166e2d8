"""Pixel-wise guides: the conditions of an edit; guides made from photos and read from pictures."""

from .color_maps import region_means, superpixels
from .conditions import GUIDE_MARGIN, Conditions, whole_photo
from .paint import painted_over, split_paint
from .semantic import from_celebamask, labels_to_palette, one_hot, palette_to_labels
from .sketches import boundary_sketch, clearest, line_contrast, missing_lines, on_white, pencil_sketch

__all__ = [
    "GUIDE_MARGIN",
    "Conditions",
    "boundary_sketch",
    "clearest",
    "from_celebamask",
    "labels_to_palette",
    "line_contrast",
    "missing_lines",
    "on_white",
    "one_hot",
    "painted_over",
    "palette_to_labels",
    "pencil_sketch",
    "region_means",
    "split_paint",
    "superpixels",
    "whole_photo",
]
