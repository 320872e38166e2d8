"""Conditions: photo, mask and guides together."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from ..facemug_core.batches import common_batch, item
from ..facemug_core.conditions import Conditions as CoreConditions
from ..facemug_core.conditions.reading import fit_warnings
from ..facemug_core.errors import InputError
from ..facemug_core.faces.pasting import mask_to_crop
from ..facemug_core.pipeline.blackened import BLACKENED, is_black
from ..facemug_core.pipeline.guides import crop_conditions, new_face_conditions, silent_guides
from . import host, tensors
from .host import io
from .payloads import Faces, GuidePictures, given


def guide_inputs() -> list[Any]:
    """Sketch, semantic map and color map with a strength each."""
    inputs = []
    for name, kind in (("sketch", host.Sketch), ("semantic", host.Semantic), ("color", host.Color)):
        inputs += [
            kind.Input(name, optional=True),
            io.Float.Input(f"{name}_strength", default=1.0, min=0.0, max=1.0, step=0.05),
        ]
    return inputs


class Conditions(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return host.schema(
            node_id="FACEMUG_Conditions",
            category="advanced",
            search_aliases=["facemug conditions", "guides", "combine sketch semantic color"],
            inputs=[
                host.Faces.Input("faces", optional=True),
                io.Mask.Input("mask", optional=True),
                *guide_inputs(),
            ],
            outputs=[host.Conditions.Output(display_name="conditions")],
        )

    @classmethod
    def execute(
        cls,
        sketch_strength: float,
        semantic_strength: float,
        color_strength: float,
        faces: Faces | None = None,
        mask: Tensor | None = None,
        sketch: GuidePictures | None = None,
        semantic: GuidePictures | None = None,
        color: GuidePictures | None = None,
    ) -> io.NodeOutput:
        guides = given(sketch=sketch, semantic=semantic, color=color)
        strengths = {"sketch": sketch_strength, "semantic": semantic_strength, "color": color_strength}
        if faces is not None:
            return io.NodeOutput(of_faces(faces, mask, guides, strengths))
        if mask is not None and mask.any():
            raise InputError(
                "A `mask` is connected, but no `faces`: connect Detect & Align Faces of the photo to edit "
                "it, or disconnect the mask to make a new face."
            )
        return io.NodeOutput(of_guides(guides, strengths))


def of_faces(
    faces: Faces, mask: Tensor | None, guides: dict[str, GuidePictures], strengths: dict[str, float]
) -> CoreConditions:
    """One item for each face."""
    masks = tensors.to_masks(mask, faces.photos.size)
    common_batch({"photos": len(faces.photos), "masks": len(masks)})
    if not masks.any():
        host.warn("The mask is empty, so nothing will be edited. White means edit.")
    if any(
        place.face.box and is_black(faces.photos[place.photo], item(masks, place.photo))
        for place in faces.places
    ):
        host.warn(BLACKENED)
    for name, guide in guides.items():
        guide.check(name, len(faces.photos), len(faces.places))
    warn_of_stretched(guides, faces.photos.size)
    size, parts = faces.photos.size, []
    for i in host.watched(range(len(faces.photos))):
        for number, place, mask_part in faces.shared_out(i, item(masks, i)):
            crop_mask = mask_to_crop(mask_part, place.face.matrix)
            own = {name: guide.of(i, number, strengths[name], size) for name, guide in guides.items()}
            parts.append(crop_conditions(place.face, crop_mask, own))
    if masks.any():
        for warning in silent_guides(own, parts):
            host.warn(warning)
    return CoreConditions.cat(parts)


def warn_of_stretched(guides: dict[str, GuidePictures], size: tuple[int, int]) -> None:
    """Tell the person of guides of another shape than the photos of a (height, width)."""
    for name, guide in guides.items():
        if guide.faces is None:
            tensors.warn_if_stretched(f"`{name}`", guide.values, size)


def of_guides(guides: dict[str, GuidePictures], strengths: dict[str, float]) -> CoreConditions:
    """Conditions of new faces, from guides alone."""
    batch = common_batch({name: len(guide.values) for name, guide in guides.items()} or {"faces": 1})
    parts = []
    for name, guide in guides.items():
        for warning in fit_warnings(f"`{name}`", (guide.values.shape[-1], guide.values.shape[-2])):
            host.warn(warning)
    for i in host.watched(range(batch)):
        own = {name: guide.of(i, i, strengths[name]) for name, guide in guides.items()}
        parts.append(new_face_conditions(own))
        for warning in silent_guides(own, parts[-1:]):
            host.warn(warning)
    return CoreConditions.cat(parts)
