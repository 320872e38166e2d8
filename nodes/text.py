"""Text: a text-image model, codes that follow it by optimization, and directions made of words."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from ..facemug_core.batches import one_by_one
from ..facemug_core.checkpoints.weights import Weights
from ..facemug_core.editing.clip import FACE, Clip, load_clip
from ..facemug_core.editing.text import (
    DEFAULTS,
    TextEdit,
    TextOptions,
    text_direction,
)
from ..facemug_core.errors import UnknownWordsWarning
from ..facemug_core.networks.generator import Features
from ..facemug_core.sheets import curve_image
from . import host, tensors
from .attributes import layer_inputs, layers
from .host import io
from .loading import HostedEditor
from .recipes import then


class HostedClip:
    """What a FACEMUG_CLIP is: a text-image model, brought to the device by the host when a node needs it."""

    def __init__(self, clip: Clip) -> None:
        self._clip = clip
        self.network = host.managed(clip.network)

    def clip(self) -> Clip:
        """The model, ready to run."""
        host.bring(self.network)
        return self._clip


@contextmanager
def telling_unknown_words() -> Iterator[None]:
    """Tells the person of words that a text model leaves out."""
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always", UnknownWordsWarning)
        yield
    for warning in heard:
        host.warn(str(warning.message))


class LoadClip(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return host.schema(
            node_id="FACEMUG_LoadClip",
            category="text",
            search_aliases=["open_clip", "text image model", "clip loader", "styleclip"],
            inputs=[io.String.Input("name", default=FACE, placeholder="face, or ViT-B-32")],
            outputs=[host.Clip.Output(display_name="clip")],
        )

    @classmethod
    def execute(cls, name: str) -> io.NodeOutput:
        return io.NodeOutput(HostedClip(load_clip(name.strip(), weights=Weights(*host.clip_folders()))))


class OptimizeText(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return host.schema(
            node_id="FACEMUG_OptimizeText",
            category="text",
            search_aliases=["clip text optimize", "styleclip", "text edit", "prompt", "text guided face"],
            inputs=[
                host.Model.Input("model"),
                host.Clip.Input("clip"),
                host.Features.Input("features"),
                host.Latent.Input("latent"),
                io.String.Input("text", default="blond hair", multiline=True),
                io.Float.Input("strength", default=DEFAULTS.weight, min=0.0, max=10.0, step=0.05),
                io.Int.Input("steps", default=DEFAULTS.steps, min=1, max=1000),
                io.Boolean.Input("keep_geometry", default=DEFAULTS.keep_geometry),
                host.advanced(
                    io.Float.Input(
                        "closeness",
                        default=DEFAULTS.latent_weight,
                        min=0.0,
                        max=1.0,
                        step=0.001,
                        round=0.0001,
                    )
                ),
                host.advanced(io.String.Input("source", default=DEFAULTS.source)),
                *layer_inputs(),
            ],
            outputs=[
                host.Latent.Output(display_name="latent_out"),
                io.Image.Output(display_name="loss_curve"),
            ],
        )

    @classmethod
    def execute(
        cls,
        model: HostedEditor,
        clip: HostedClip,
        features: Features,
        latent: Tensor,
        text: str,
        strength: float,
        steps: int,
        keep_geometry: bool,
        closeness: float,
        source: str,
        first_layer: int,
        last_layer: int,
    ) -> io.NodeOutput:
        options = TextOptions(
            weight=strength,
            latent_weight=closeness,
            steps=steps,
            source=source,
            layers=layers(first_layer, last_layer),
            keep_geometry=keep_geometry,
        )
        ready, judge, watch = model.model(clip.network), clip.clip(), host.Watch()

        def follow(feature: Features, codes: Tensor) -> TextEdit:
            return ready.optimize_text(
                feature.to(ready.device),
                codes,
                text,
                judge,
                options,
                watch,
                watch.show,
            )

        edits = one_by_one(follow, {"features": features, "latent": latent})
        curves = [tensors.from_image(curve_image(edit.curve, edit.best)) for edit in edits]
        return io.NodeOutput(
            then(latent, torch.cat([edit.codes for edit in edits]), "text", text=text, strength=strength),
            tensors.stacked(curves),
        )


class TextDirection(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return host.schema(
            node_id="FACEMUG_TextDirection",
            category="text",
            search_aliases=[
                "text direction",
                "styleclip global direction",
                "text slider",
                "beard",
                "glasses",
            ],
            inputs=[
                host.Clip.Input("clip"),
                io.String.Input("text", default="blond hair", multiline=True),
                host.advanced(io.String.Input("source", default=DEFAULTS.source)),
            ],
            outputs=[host.Direction.Output(display_name="direction")],
        )

    @classmethod
    def execute(cls, clip: HostedClip, text: str, source: str) -> io.NodeOutput:
        with torch.inference_mode(False), telling_unknown_words():
            return io.NodeOutput(text_direction(clip.clip(), text, TextOptions(source=source)))
