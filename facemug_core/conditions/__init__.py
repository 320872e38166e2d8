"""Pixel-wise guides: the conditions of an edit; guides made from photos and read from pictures."""

from .conditions import GUIDE_MARGIN, Conditions, fill_holes

__all__ = ["GUIDE_MARGIN", "Conditions", "fill_holes"]
