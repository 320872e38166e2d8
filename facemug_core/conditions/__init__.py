"""Pixel-wise guides: the conditions of an edit; guides made from photos and read from pictures."""

from .conditions import GUIDE_MARGIN, Conditions, fill_holes
from .sketches import boundary_sketch, pencil_sketch

__all__ = ["GUIDE_MARGIN", "Conditions", "boundary_sketch", "fill_holes", "pencil_sketch"]
