"""Choices by name, which the library and the command share: importing them costs nothing."""

from __future__ import annotations

from typing import Literal

Style = Literal["projected", "photo", "exemplar", "random"]
"""Where an edit's codes come from: the photo's visible part and guides, the whole photo with what the mask
covers, an exemplar photo, or noise."""

Numbering = Literal["auto", "labels", "palette", "celebamask"]
"""What the pixels of a semantic map are: our class numbers, the colors of our palette, CelebAMask-HQ's
numbers, or whichever of the first two fits."""

NoColor = Literal["none", "black", "white"]
"""Which color of a color map without alpha means that there is no color."""

DrawnOn = Literal["turned", "raw"]
"""What a mask was drawn on: the photo turned upright, as most programs show it, or the pixels as the file
has them."""

NamedFaces = Literal["auto", "largest", "smallest", "leftmost", "rightmost", "all"]
"""Which faces of a photo: those that a mask covers, or the largest where there is none ("auto"); one by its
size or place; or all of them."""

Size = Literal["auto", 256, 512, 1024]
"""Side of an edited crop in pixels; "auto" is as fine as the photo."""

TextMode = Literal["optimize", "direction"]
"""How codes follow a text: by a search, or along a measured direction."""

TrainingStage = Literal[
    "clip", "encoder", "generator", "part_head", "part_reader", "picture_head", "search_head", "warping"
]
"""What can be trained."""

Precision = Literal["no", "bf16", "fp16"]
"""Numbers that training calculates with; "no" is fp32."""
