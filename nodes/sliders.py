"""Portrait Sliders: from a photo to a photo by attribute sliders, with no other node."""

from __future__ import annotations

import torch
from torch import Tensor

from ..facemug_core.pipeline.editor import EditRequest
from ..facemug_core.pipeline.masks import slider_regions
from . import host, tensors
from .attributes import shipped, slider, slider_moves
from .editing import edited_photos
from .host import io
from .loading import HostedEditor, light_model

USUAL = ("smile", "age", "eyes_open", "mouth_open", "yaw", "pitch", "hair_darkness", "lipstick")
"""Sliders that are seen at once; the others are folded away."""

GROW = 4
"""Crop pixels by which the regions of the sliders are grown."""


class PortraitSliders(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return host.schema(
            node_id="FACEMUG_PortraitSliders",
            category="start here",
            search_aliases=[
                "smile", "age", "expression", "portrait", "retouch", "face sliders", "eyes", "make-up",
            ],
            is_output_node=True,
            inputs=[
                io.Image.Input("image"),
                host.Model.Input("model", optional=True),
                io.Mask.Input("mask", optional=True),
                # Optional and last: a release can bring more of them.
                *(
                    one if name in USUAL else host.advanced(one)
                    for name, one in ((name, slider(name, *way.safe)) for name, way in shipped().items())
                ),
            ],
            outputs=[io.Image.Output(display_name="edited"), io.Mask.Output(display_name="changed")],
        )  # fmt: skip

    @classmethod
    def execute(
        cls,
        image: Tensor,
        model: HostedEditor | None = None,
        mask: Tensor | None = None,
        **amounts: float,
    ) -> io.NodeOutput:
        moves = slider_moves(amounts)
        if not moves:
            nowhere = torch.zeros(len(image), 1, image.shape[1], image.shape[2])
            return io.NodeOutput(
                image, tensors.from_masks(nowhere), ui=host.shown(tensors.to_images(image[:1], None))
            )
        masked = mask is not None and bool(mask.any())
        request = EditRequest(
            regions=None if masked else slider_regions(move.step["name"] for move in moves),
            grow=GROW,
            directions=moves,
        )
        hosted = light_model() if model is None else model
        done = edited_photos(hosted, image, mask, {}, {}, None, request)
        return io.NodeOutput(*done.args[:2], ui=done.ui)
