"""From conditions and style codes to edited crops."""

from __future__ import annotations

import torch
from torch import Tensor

from ..facemug_core.batches import one_by_one
from ..facemug_core.conditions import Conditions
from ..facemug_core.networks.generator import Features
from . import host, tensors
from .host import io
from .loading import HostedEditor


class Aggregate(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return host.schema(
            node_id="FACEMUG_Aggregate",
            search_aliases=["aggregate", "facemug features", "combine modalities"],
            inputs=[host.Model.Input("model"), host.Conditions.Input("conditions")],
            outputs=[host.Features.Output(display_name="features")],
        )

    @classmethod
    def execute(cls, model: HostedEditor, conditions: Conditions) -> io.NodeOutput:
        parts = one_by_one(model.model().aggregate, {"conditions": conditions}, host.Watch())
        return io.NodeOutput(Features.cat([part.to("cpu") for part in parts]))


class Generate(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return host.schema(
            node_id="FACEMUG_Generate",
            search_aliases=["facemug generate", "render face", "edit face"],
            inputs=[
                host.Model.Input("model"),
                host.Features.Input("features"),
                host.Latent.Input("latent"),
            ],
            outputs=[io.Image.Output(display_name="crops")],
        )

    @classmethod
    def execute(cls, model: HostedEditor, features: Features, latent: Tensor) -> io.NodeOutput:
        ready = model.model()
        inputs = {"features": features, "latent": latent}

        def generate(feature: Features, codes: Tensor) -> Tensor:
            return ready.generate(feature.to(ready.device), codes.to(ready.device)).detach().cpu()

        return io.NodeOutput(tensors.from_pictures(torch.cat(one_by_one(generate, inputs, host.Watch()))))
