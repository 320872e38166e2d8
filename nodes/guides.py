"""Guides from pictures: semantic maps, sketches, color maps, paint layers."""

from __future__ import annotations

import torch
from PIL import Image
from torch import Tensor

from ..facemug_core.batches import common_batch, item
from ..facemug_core.conditions import (
    labels_to_palette,
    on_white,
    painted_over,
    pencil_sketch,
    region_means,
    split_paint,
    superpixels,
)
from ..facemug_core.conditions.reading import read_color, read_opacity, read_semantic, read_sketch
from ..facemug_core.errors import InputError
from . import host, tensors
from .faces import one_of, pictures_of
from .host import io
from .payloads import Faces, GuidePictures


def transparent_input() -> io.Mask.Input:
    return io.Mask.Input(
        "transparent",
        optional=True,
    )


class SemanticMap(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return host.schema(
            node_id="FACEMUG_SemanticMap",
            category="guides",
            search_aliases=["segmentation map", "palette", "semantic guide", "label map"],
            inputs=[
                io.Image.Input("image"),
                io.Combo.Input(
                    "numbering", options=["auto", "palette", "labels", "celebamask"], default="auto"
                ),
                transparent_input(),
            ],
            outputs=[
                host.Semantic.Output(display_name="semantic"),
                io.Image.Output(display_name="palette"),
            ],
        )

    @classmethod
    def execute(cls, image: Tensor, numbering: str, transparent: Tensor | None = None) -> io.NodeOutput:
        images = host.watched(tensors.to_images(image, transparent))
        labels = torch.cat([read_semantic(one, None, numbering, host.warn) for one in images])
        if not (labels >= 0).any():
            host.warn("The semantic map says nothing: it has no label, only what stands for unknown.")
        return io.NodeOutput(GuidePictures(labels), tensors.from_bytes(labels_to_palette(labels)))


class Sketch(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return host.schema(
            node_id="FACEMUG_Sketch",
            category="guides",
            search_aliases=["line art", "edges", "pencil sketch", "sketch guide", "scribble"],
            inputs=[
                io.Combo.Input(
                    "source", options=["drawing", "photo", "photo (legacy filter)"], default="drawing"
                ),
                io.Image.Input("image", optional=True),
                host.Faces.Input("faces", optional=True),
                transparent_input(),
            ],
            outputs=[
                host.Sketch.Output(display_name="sketch"),
                io.Image.Output(display_name="preview"),
            ],
        )

    @classmethod
    def execute(
        cls,
        source: str,
        image: Tensor | None = None,
        faces: Faces | None = None,
        transparent: Tensor | None = None,
    ) -> io.NodeOutput:
        one_of(image, faces)
        if source == "drawing":
            if image is None:
                raise InputError(
                    "`faces` hold photos, not drawings: set `source` to photo, or connect a drawing to "
                    "`image`."
                )
            drawings = tensors.to_images(image, transparent)
            strokes = torch.cat([read_sketch(one) for one in host.watched(drawings)])
            if not strokes.any():
                host.warn(
                    "No strokes were found in the drawing. If it was drawn on a transparent layer, connect "
                    "the MASK of Load Image to `transparent`."
                )
        else:
            kind = "modern" if source == "photo" else "legacy"
            pictures = host.watched(pictures_of(image, faces).split(1))
            strokes = torch.cat([pencil_sketch(one, kind) for one in pictures])
        return io.NodeOutput(GuidePictures(strokes, faces), tensors.from_pictures(on_white(strokes)))


class ColorMap(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return host.schema(
            node_id="FACEMUG_ColorMap",
            category="guides",
            search_aliases=["color guide", "paint", "superpixels", "make-up", "makeup", "hair color"],
            inputs=[
                io.Combo.Input(
                    "source",
                    options=["painting", "patches of a photo", "parts of a photo"],
                    default="painting",
                ),
                io.Image.Input("image", optional=True),
                host.Faces.Input("faces", optional=True),
                host.Semantic.Input("semantic", optional=True),
                io.Int.Input("patches", default=100, min=1, max=2000),
                io.Combo.Input("no_color", options=["none", "black", "white"], default="none"),
                transparent_input(),
            ],
            outputs=[
                host.Color.Output(display_name="color"),
                io.Image.Output(display_name="preview"),
            ],
        )

    @classmethod
    def execute(
        cls,
        source: str,
        patches: int,
        no_color: str,
        image: Tensor | None = None,
        faces: Faces | None = None,
        semantic: GuidePictures | None = None,
        transparent: Tensor | None = None,
    ) -> io.NodeOutput:
        one_of(image, faces)
        if source == "painting":
            if image is None:
                raise InputError(
                    "`faces` hold photos, not paintings: set `source` to patches or parts of a photo, or "
                    "connect a painting to `image`."
                )
            paintings = tensors.to_images(image, transparent)
            colors = torch.cat([read_color(one, no_color=no_color) for one in host.watched(paintings)])
            opacity = _opacities(paintings)
            if not colors.any():
                host.warn("The painting has no color: all of it is transparent, or of the color for none.")
        else:
            opacity = None
            pictures = pictures_of(image, faces)
            if source == "patches of a photo":
                colors = torch.cat([superpixels(one, patches) for one in host.watched(pictures.split(1))])
            else:
                colors = region_means(pictures, _labels_of(semantic, pictures))
        return io.NodeOutput(GuidePictures(colors, faces, opacity), tensors.from_pictures(colors))


class SplitPaint(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return host.schema(
            node_id="FACEMUG_SplitPaint",
            category="guides",
            search_aliases=["paint layer", "mask editor paint", "painter", "scribble to guides"],
            inputs=[
                io.Image.Input("painted"),
                io.Image.Input("original", optional=True),
                io.Mask.Input("paint", optional=True),
                io.Float.Input("dark", default=0.25, min=0.0, max=1.0, step=0.01),
            ],
            outputs=[
                host.Sketch.Output(display_name="sketch"),
                host.Color.Output(display_name="color"),
                io.Mask.Output(display_name="paint_mask"),
                io.Image.Output(display_name="preview"),
            ],
        )

    @classmethod
    def execute(
        cls, painted: Tensor, dark: float, original: Tensor | None = None, paint: Tensor | None = None
    ) -> io.NodeOutput:
        pictures = tensors.to_pictures(painted)
        if paint is not None:
            where = tensors.to_masks(paint, tuple(pictures.shape[2:]))
        elif original is not None:
            if original.shape[1:3] != painted.shape[1:3]:
                raise InputError(
                    f"`painted` is {painted.shape[2]} × {painted.shape[1]} and `original` "
                    f"{original.shape[2]} × {original.shape[1]}; connect the same photo without paint."
                )
            where = painted_over(pictures, tensors.to_pictures(original))
        else:
            raise InputError(
                "Connect the photo without paint to `original`, or a mask of the paint to `paint`: nothing "
                "tells the paint from the photo."
            )
        batch = common_batch({"painted": len(pictures), "paint": len(where)})
        where = where.expand(batch, -1, -1, -1)
        sketch, color = split_paint(pictures.expand(batch, -1, -1, -1), where, dark)
        preview = tensors.from_pictures(torch.where(sketch > 0, -1.0, color * where))
        guides = GuidePictures(sketch), GuidePictures(color, opacity=where)
        return io.NodeOutput(*guides, tensors.from_masks(where), preview)


def _opacities(paintings: list[Image.Image]) -> Tensor | None:
    """How much the colors of paintings count, [B, 1, H, W]; None where all are opaque."""
    found = [read_opacity(one) for one in paintings]
    if all(one is None for one in found):
        return None
    height, width = paintings[0].height, paintings[0].width
    return torch.cat([torch.ones(1, 1, height, width) if one is None else one for one in found])


def _labels_of(semantic: GuidePictures | None, pictures: Tensor) -> Tensor:
    """Labels [B, H, W] of the same pictures."""
    if semantic is None:
        raise InputError("Parts of a photo need `semantic`: connect Parse Face of the same picture.")
    if semantic.values.shape[1:] != pictures.shape[2:]:
        raise InputError(
            "`semantic` lies on another grid than the picture: parse the same `image` or the same `faces`."
        )
    common_batch({"pictures": len(pictures), "semantic": len(semantic.values)})
    return torch.cat([item(semantic.values, i) for i in range(len(pictures))])
