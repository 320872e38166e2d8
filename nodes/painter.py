"""FACEMUG Painter: paint on a photo, and see the edit while painting."""

from __future__ import annotations

import hashlib

from ..facemug_core.conditions import Conditions
from ..facemug_core.conventions import LABELS, PALETTE, REGIONS
from ..facemug_core.errors import InputError
from ..facemug_core.latents import Latent
from . import host, tensors
from .attributes import shipped
from .editing import STYLES
from .host import io
from .loading import loaded, model_inputs
from .painting import EDITING, edited, read_painting
from .recipes import codes_of

WIDGET = "FACEMUG_PAINTER"
"""Kind of field that `web/painter.js` shows in place of the text."""


class Painter(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return host.schema(
            node_id="FACEMUG_Painter",
            category="start here",
            search_aliases=["paint face", "face editor", "live preview", "draw mask", "facemug paint"],
            inputs=[*model_inputs(), painting_input()],
            outputs=[
                io.Image.Output(display_name="edited"),
                io.Mask.Output(display_name="changed"),
                host.Conditions.Output(display_name="conditions"),
                host.Latent.Output(display_name="latent"),
            ],
        )

    @classmethod
    def fingerprint_inputs(cls, size: str, precision: str, painting: str) -> str:
        try:
            files = read_painting(painting).files
        except InputError:  # the node says so when it runs
            files = []
        contents = [painting, *map(host.content_hash, files)]
        return hashlib.sha256("\n".join(contents).encode()).hexdigest()

    @classmethod
    def execute(cls, size: str, precision: str, painting: str) -> io.NodeOutput:
        with EDITING:
            result = edited(loaded(size, precision), read_painting(painting), host.Watch())
        for warning in result.warnings:
            host.warn(warning)
        return io.NodeOutput(
            tensors.from_bytes(result.photos[0].rgb.permute(0, 2, 3, 1)),
            tensors.from_masks(result.mask),
            Conditions.cat(result.conditions),
            codes_of(Latent.cat(result.latents)),
        )


def painting_input() -> io.String.Input:
    """The text of a painting, with what its field needs to know."""
    socket = io.String.Input("painting", default="")
    socket.extra_dict = {
        "widgetType": WIDGET,
        "labels": LABELS,
        "palette": PALETTE,
        "regions": dict(REGIONS),
        "styles": list(STYLES),
        "attributes": {name: direction.safe for name, direction in shipped().items()},
    }
    return host.checked(socket, read_painting)
