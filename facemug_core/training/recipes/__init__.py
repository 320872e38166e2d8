"""Training recipes, one for each shipped weights file; run by `train --recipe NAME`."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from . import (
    face_clip,
    light_encoder,
    light_generator,
    light_part_head,
    light_picture_head,
    light_search_head,
    light_warping,
    part_reader,
)
from .recipe import Recipe

RECIPES: Mapping[str, Recipe] = MappingProxyType(
    {
        "light_picture_head": light_picture_head.RECIPE,
        "light_search_head": light_search_head.RECIPE,
        "light_part_head": light_part_head.RECIPE,
        "part_reader": part_reader.RECIPE,
        "light_encoder": light_encoder.RECIPE,
        "light_generator": light_generator.RECIPE,
        "light_warping": light_warping.RECIPE,
        "face_clip": face_clip.RECIPE,
    }
)
"""Recipes by the name of the file; each needs weights of earlier ones only."""

OTHER_FILES: Mapping[str, str] = MappingProxyType(
    {
        "light_inverter": "light_inverter is measured, not trained. The recipe light_search_head writes it. "
        "The shipped file was measured with the picture head, before there was a search head.",
        "face_relevance": "face_relevance is measured, not trained. "
        "`python -m facemug_core directions relevance --faces 4700 -o FOLDER` writes it.",
        "directions": "Directions are found, not trained. "
        "`python -m facemug_core directions find NAME --data DIR --layers START:END -o FILE` adds one. "
        "The lengths of the shipped directions and the judgements in their file were written by hand; "
        "this step is lost.",
    }
)
"""How to make the other shipped files, by name."""
