"""From conditions and style codes to edited crops, and to larger ones."""

from __future__ import annotations

import torch
from torch import Tensor

from ..facemug_core.batches import common_batch, item, one_by_one
from ..facemug_core.conditions import Conditions
from ..facemug_core.conventions import WORKING_SIZE
from ..facemug_core.errors import InputError
from ..facemug_core.faces.pasting import mask_to_crop
from ..facemug_core.latents import check_codes
from ..facemug_core.model import DETAIL_SIZES
from ..facemug_core.networks.generator import Features
from ..facemug_core.pipeline.compose import add_detail, fitting_size
from . import host, tensors
from .host import io
from .loading import HostedEditor
from .payloads import Faces


class Aggregate(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return host.schema(
            node_id="FACEMUG_Aggregate",
            category="advanced",
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
            category="advanced",
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
        inputs = {"features": features, "latent": check_codes(latent)}

        def generate(feature: Features, codes: Tensor) -> Tensor:
            return ready.generate(feature.to(ready.device), codes.to(ready.device)).detach().cpu()

        return io.NodeOutput(tensors.from_pictures(torch.cat(one_by_one(generate, inputs, host.Watch()))))


class AddDetail(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return host.schema(
            node_id="FACEMUG_AddDetail",
            category="advanced",
            search_aliases=["face detail", "sharpen face", "upscale face", "film grain", "facemug detail"],
            inputs=[
                host.Model.Input("model"),
                host.Faces.Input("faces"),
                io.Image.Input("crops"),
                io.Mask.Input("mask"),
                io.Combo.Input("size", options=["auto", *map(str, DETAIL_SIZES)], default="auto"),
            ],
            outputs=[io.Image.Output(display_name="crops")],
        )

    @classmethod
    def execute(
        cls, model: HostedEditor, faces: Faces, crops: Tensor, mask: Tensor, size: str
    ) -> io.NodeOutput:
        if tuple(crops.shape[1:3]) != (WORKING_SIZE, WORKING_SIZE):
            raise InputError(
                f"Expected crops of {WORKING_SIZE} × {WORKING_SIZE} from Generate Face, but got "
                f"{crops.shape[2]} × {crops.shape[1]}."
            )
        count = common_batch({"faces": len(faces.places), "crops": len(crops)})
        masks = tensors.to_masks(mask, faces.photos.size)
        common_batch({"photos": len(faces.photos), "masks": len(masks)})
        # The crops of one batch have one size: that of the largest face.
        fitting = max(fitting_size(place.face.matrix) for place in faces.places)
        side = fitting if size == "auto" else int(size)
        if side == WORKING_SIZE:
            return io.NodeOutput(crops)
        ready, larger = model.model(), []
        shared = [one for i in range(len(faces.photos)) for one in faces.shared_out(i, item(masks, i))]
        for i in host.watched(range(count)):
            _, place, mask_part = item(shared, i)[0]
            matrix = place.face.matrix
            crop_mask = mask_to_crop(mask_part, matrix)
            crop = tensors.to_crop(item(crops, i))
            larger.append(add_detail(ready, faces.photos[place.photo], crop, crop_mask, matrix, side)[0])
        return io.NodeOutput(tensors.from_pictures(torch.cat(larger)))
