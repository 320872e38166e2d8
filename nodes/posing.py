"""Pose: people turned by their style codes."""

from __future__ import annotations

import torch
from torch import Tensor

from ..facemug_core.batches import one_by_one
from ..facemug_core.editing.pose import Pose as HeadPose
from ..facemug_core.errors import FaceNotFoundError
from ..facemug_core.latents import check_codes
from ..facemug_core.posing import Posed, Poser
from . import host, tensors
from .host import io
from .loading import HostedEditor
from .recipes import then


class Pose(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return host.schema(
            node_id="FACEMUG_Pose",
            category="styles",
            search_aliases=["head pose", "turn head", "frontalize", "frontal face", "yaw pitch"],
            inputs=[
                host.Model.Input("model"),
                host.Latent.Input("latent"),
                io.Float.Input("yaw", default=0.0, min=-45.0, max=45.0, step=1.0),
                io.Float.Input("pitch", default=0.0, min=-30.0, max=30.0, step=1.0),
                host.Latent.Input("target", optional=True),
            ],
            outputs=[
                host.Latent.Output(display_name="latent_out"),
                io.Image.Output(display_name="pictures"),
                io.String.Output(display_name="report"),
            ],
        )

    @classmethod
    def execute(
        cls, model: HostedEditor, latent: Tensor, yaw: float, pitch: float, target: Tensor | None = None
    ) -> io.NodeOutput:
        ready, poser, watch = model.model(), Poser(model.finder()), host.Watch()

        def turn(codes: Tensor, aim: Tensor | None = None) -> Posed:
            wanted = HeadPose(yaw, pitch) if aim is None else poser.read(ready.render(aim.to(ready.device)))
            if wanted is None:
                raise FaceNotFoundError("The `target` style shows no face whose pose could be taken.")
            return poser.turn(codes, wanted, watch)

        inputs = {"latent": check_codes(latent)} | ({} if target is None else {"target": check_codes(target)})
        posed = one_by_one(turn, inputs)
        return io.NodeOutput(
            then(latent, torch.cat([one.codes for one in posed]), "pose", yaw=yaw, pitch=pitch),
            tensors.from_pictures(torch.cat([one.picture for one in posed])),
            "\n".join(str(one.pose) for one in posed),
        )
