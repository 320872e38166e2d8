"""Compare Faces."""

from __future__ import annotations

import torch
from torch import Tensor

from ..facemug_core.batches import common_batch, item, one_by_one
from ..facemug_core.sheets import contact_sheet, crop_image
from . import host, tensors
from .host import io
from .latents import exemplar_crops
from .loading import HostedEditor


class CompareFaces(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return host.schema(
            node_id="FACEMUG_CompareFaces",
            category="advanced",
            search_aliases=["face similarity", "identity", "same person", "face distance"],
            inputs=[host.Model.Input("model"), io.Image.Input("first"), io.Image.Input("second")],
            outputs=[
                io.Float.Output(display_name="similarity", is_output_list=True),
                io.Image.Output(display_name="side_by_side"),
                io.String.Output(display_name="report"),
            ],
        )

    @classmethod
    def execute(cls, model: HostedEditor, first: Tensor, second: Tensor) -> io.NodeOutput:
        pairs = common_batch({"first": len(first), "second": len(second)})
        comparer, device = model.comparer()
        crops = exemplar_crops(model, first), exemplar_crops(model, second)

        def embed(crop: Tensor) -> Tensor:
            return comparer.embed(crop.to(device))

        vectors = [torch.cat(one_by_one(embed, {"faces": side}, host.Watch())) for side in crops]
        similarities = (vectors[0] * vectors[1]).sum(1).tolist()
        sheets = [
            contact_sheet(
                [
                    ("first", crop_image(item(crops[0], i)[0])),
                    (f"second: {comparer.name} {similarity:.2f}", crop_image(item(crops[1], i)[0])),
                ]
            )
            for i, similarity in zip(range(pairs), similarities, strict=True)
        ]
        report = "\n".join(f"{comparer.name} {similarity:.3f}" for similarity in similarities)
        return io.NodeOutput(
            similarities, tensors.stacked([tensors.from_image(one) for one in sheets]), report
        )
