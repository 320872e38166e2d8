"""Style codes: made, mixed, warped, saved and loaded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from ..facemug_core import latents
from ..facemug_core.batches import common_batch, one_by_one, seeds_from
from ..facemug_core.conditions import Conditions, whole_photo
from ..facemug_core.conventions import NUM_CODES
from ..facemug_core.editing.inversion import INVERSION_STEPS
from ..facemug_core.errors import InputError
from ..facemug_core.model import FaceMug
from ..facemug_core.pipeline.blackened import BLACKENED_FACE, is_black_face
from ..facemug_core.pipeline.locate import exemplar_warnings
from ..facemug_core.pipeline.style import FIT_STEPS, fitted_codes, possible_steps, seen_codes
from . import host, tensors
from .faces import one_of
from .host import io
from .loading import HostedEditor
from .payloads import Faces
from .recipes import begun, codes_of, latent_of, then

AUTO = -1
"""As many steps of descent as suit the edit."""

MOST_STEPS = 200


def steps_input(name: str, default: int = AUTO) -> io.Int.Input:
    """How far codes descend. Optional: workflows from before there was one still run."""
    return io.Int.Input(name, default=default, min=min(0, default), max=MOST_STEPS, optional=True)


def asked(steps: int) -> int | None:
    """The library's word for steps of descent."""
    return None if steps == AUTO else steps


def _seen(model: HostedEditor, conditions: Conditions, steps: int) -> Tensor:
    """Codes of what conditions tell, one by one; begin a recipe."""
    network = model.model()
    inputs = {"conditions": conditions.to(network.device)}
    return begun(network, _descended(model, network, seen_codes, inputs, steps))


def _descended(
    model: HostedEditor, network: FaceMug, stage: Callable[..., Tensor], inputs: Mapping[str, Any], steps: int
) -> Tensor:
    """Codes that a stage of descent makes of its inputs, one by one; known ones are not made anew."""
    reused: list[str] = []
    descend = partial(
        stage,
        network,
        steps=_possible(network, steps),
        watch=host.Watch(),
        recall=model.memory.noting(reused),
    )
    codes = torch.cat(one_by_one(descend, inputs))
    host.say_reused(reused)
    return codes


def _possible(network: FaceMug, steps: int) -> int:
    """Steps of descent that the model can make; a person is told if they are none."""
    notices: list[str] = []
    count = possible_steps(network, asked(steps), INVERSION_STEPS, notices)
    for notice in notices:
        host.warn(notice)
    return count


class EncodeExemplar(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return host.schema(
            node_id="FACEMUG_EncodeExemplar",
            category="styles",
            search_aliases=["face swap", "reference face", "encode face", "e4e", "inversion"],
            inputs=[
                host.Model.Input("model"),
                io.Image.Input("image", optional=True),
                host.Faces.Input("faces", optional=True),
                steps_input("inversion_steps", INVERSION_STEPS),
            ],
            outputs=[
                host.Latent.Output(display_name="latent"),
                io.Image.Output(display_name="crops"),
            ],
        )

    @classmethod
    def execute(
        cls,
        model: HostedEditor,
        image: Tensor | None = None,
        faces: Faces | None = None,
        inversion_steps: int = INVERSION_STEPS,
    ) -> io.NodeOutput:
        one_of(image, faces)
        crops = exemplar_crops(model, image) if faces is None else faces.crops
        if faces is not None and any(map(is_black_face, crops.split(1))):
            host.warn(BLACKENED_FACE)
        codes = _seen(model, whole_photo(crops), inversion_steps)
        return io.NodeOutput(codes, tensors.from_pictures(crops))


def exemplar_crops(model: HostedEditor, image: Tensor) -> Tensor:
    """The largest face of each photo, [B, 3, 256, 256] in [-1, 1]."""
    photos = {"photos": tensors.Photos(image)}
    watch, finder = host.Watch(), model.finder()
    found = one_by_one(lambda photo: finder.find_exemplar(*photo, watch), photos, watch)
    for warning in dict.fromkeys(sentence for face in found for sentence in exemplar_warnings(face)):
        host.warn(warning)
    return torch.cat([face.crop for face in found])


class ProjectConditions(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return host.schema(
            node_id="FACEMUG_ProjectConditions",
            category="styles",
            search_aliases=["project face", "encode conditions", "photo style"],
            inputs=[
                host.Model.Input("model"),
                host.Conditions.Input("conditions"),
                steps_input("inversion_steps"),
            ],
            outputs=[host.Latent.Output(display_name="latent")],
        )

    @classmethod
    def execute(
        cls, model: HostedEditor, conditions: Conditions, inversion_steps: int = AUTO
    ) -> io.NodeOutput:
        return io.NodeOutput(_seen(model, conditions, inversion_steps))


class RandomStyle(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return host.schema(
            node_id="FACEMUG_RandomStyle",
            category="styles",
            search_aliases=["random face", "random latent", "variants", "stylegan seed"],
            inputs=[
                host.Model.Input("model"),
                host.seed_input(),
                io.Float.Input("psi", default=0.7, min=0.0, max=1.5, step=0.05),
                io.Int.Input("variants", default=1, min=1, max=64),
            ],
            outputs=[host.Latent.Output(display_name="latent")],
        )

    @classmethod
    def execute(cls, model: HostedEditor, seed: int, psi: float, variants: int) -> io.NodeOutput:
        network = model.model()
        return io.NodeOutput(begun(network, network.random_codes(seeds(seed, variants), psi).contiguous()))


def seeds(first: int, count: int) -> list[int]:
    """A seed and the following ones.

    Raises:
        InputError: there are none, as linked inputs can ask for.
    """
    if count < 1:
        raise InputError(f"`variants` is {count}, but at least 1 is made.")
    return seeds_from(first, count)


class InterpolateLatents(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return host.schema(
            node_id="FACEMUG_InterpolateLatents",
            category="styles",
            search_aliases=["blend latents", "lerp", "mix faces", "morph"],
            inputs=[
                host.Latent.Input("latent"),
                host.Latent.Input("other"),
                io.Float.Input("amount", default=0.5, min=0.0, max=1.0, step=0.01),
            ],
            outputs=[host.Latent.Output(display_name="latent_out")],
        )

    @classmethod
    def execute(cls, latent: Tensor, other: Tensor, amount: float) -> io.NodeOutput:
        common_batch({"latent": len(latent), "other": len(other)})
        codes = latents.interpolate(latent, other, amount)
        return io.NodeOutput(then(latent, codes, "interpolate", amount=amount))


BLENDED = range(1, 5)
"""Numbers of the people that can be blended."""


class BlendLatents(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return host.schema(
            node_id="FACEMUG_BlendLatents",
            category="styles",
            search_aliases=["average faces", "weighted mean", "blend people", "mix several faces"],
            inputs=[socket for number in BLENDED for socket in _person(number)],
            outputs=[host.Latent.Output(display_name="latent")],
        )

    @classmethod
    def execute(cls, **inputs: Any) -> io.NodeOutput:
        people = {name: codes for i in BLENDED if (codes := inputs.get(name := f"latent_{i}")) is not None}
        common_batch({name: len(codes) for name, codes in people.items()})
        weights = [inputs.get(name.replace("latent", "weight"), 1.0) for name in people]
        codes = latents.blend(list(people.values()), weights)
        recipe = dict(zip(people, weights, strict=True))
        return io.NodeOutput(then(next(iter(people.values())), codes, "blend", people=recipe))


def _person(number: int) -> tuple[Any, Any]:
    """The inputs for one of the people to be blended."""
    return (
        host.Latent.Input(f"latent_{number}", optional=number > 1),
        io.Float.Input(f"weight_{number}", default=1.0, min=0.0, max=10.0, step=0.05, optional=number > 1),
    )


class AddLatents(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return host.schema(
            node_id="FACEMUG_AddLatents",
            category="styles",
            search_aliases=["subtract latents", "latent arithmetic", "add difference", "add person"],
            inputs=[
                host.Model.Input("model"),
                host.Latent.Input("latent"),
                host.Latent.Input("other"),
                io.Float.Input("amount", default=0.5, min=-2.0, max=2.0, step=0.05),
            ],
            outputs=[host.Latent.Output(display_name="latent_out")],
        )

    @classmethod
    def execute(cls, model: HostedEditor, latent: Tensor, other: Tensor, amount: float) -> io.NodeOutput:
        common_batch({"latent": len(latent), "other": len(other)})
        codes = latents.add(latent, other, amount, model.model().mapping.mean_code)
        return io.NodeOutput(then(latent, codes, "add", amount=amount))


class MixLatents(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return host.schema(
            node_id="FACEMUG_MixLatents",
            category="styles",
            search_aliases=["style mixing", "layer mixing", "crossover"],
            inputs=[
                host.Latent.Input("coarse"),
                host.Latent.Input("fine"),
                io.Int.Input("crossover", default=8, min=0, max=NUM_CODES),
            ],
            outputs=[host.Latent.Output(display_name="latent")],
        )

    @classmethod
    def execute(cls, coarse: Tensor, fine: Tensor, crossover: int) -> io.NodeOutput:
        common_batch({"coarse": len(coarse), "fine": len(fine)})
        codes = latents.mix_layers(coarse, fine, crossover)
        return io.NodeOutput(then(coarse, codes, "mix", crossover=crossover))


class WarpLatent(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return host.schema(
            node_id="FACEMUG_WarpLatent",
            category="styles",
            search_aliases=["pose transfer", "latent warping", "align pose"],
            inputs=[
                host.Model.Input("model"),
                host.Latent.Input("latent"),
                host.Latent.Input("target"),
            ],
            outputs=[host.Latent.Output(display_name="latent_out")],
        )

    @classmethod
    def execute(cls, model: HostedEditor, latent: Tensor, target: Tensor) -> io.NodeOutput:
        ready = model.model()
        codes = {"latent": latent, "target": target}
        inputs = {name: latents.check_codes(one).to(ready.device) for name, one in codes.items()}
        warped = torch.cat(one_by_one(ready.warp, inputs, host.Watch()))
        return io.NodeOutput(then(latent, warped, "warp"))


class FitLatent(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return host.schema(
            node_id="FACEMUG_FitLatent",
            category="styles",
            search_aliases=["fit style to photo", "match pose and light", "fit codes", "adapt face"],
            inputs=[
                host.Model.Input("model"),
                host.Conditions.Input("conditions"),
                host.Latent.Input("latent"),
                io.Int.Input("steps", default=FIT_STEPS, min=0, max=MOST_STEPS),
            ],
            outputs=[host.Latent.Output(display_name="latent_out")],
        )

    @classmethod
    def execute(
        cls, model: HostedEditor, conditions: Conditions, latent: Tensor, steps: int
    ) -> io.NodeOutput:
        inputs = {"latent": latents.check_codes(latent), "conditions": conditions}
        codes = _descended(model, model.model(), fitted_codes, inputs, steps)
        return io.NodeOutput(then(latent, codes, "fit", steps=steps))


class SaveLatent(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return host.schema(
            node_id="FACEMUG_SaveLatent",
            category="styles",
            search_aliases=["save face", "save style codes", "store latent"],
            is_output_node=True,
            inputs=[
                host.Latent.Input("latent"),
                io.String.Input("filename_prefix", default=f"{host.LATENT_FOLDER}/face"),
                # Optional: workflows from before there was one still run.
                host.Model.Input("model", optional=True),
            ],
            outputs=[io.String.Output(display_name="path")],
        )

    @classmethod
    def execute(
        cls, latent: Tensor, filename_prefix: str, model: HostedEditor | None = None
    ) -> io.NodeOutput:
        path = host.new_output_path(filename_prefix, ".safetensors")
        kept = latent_of(latent)
        if model is not None:
            made = model.model().as_latent(latent)
            kept = replace(kept, size=made.size, mean_code=made.mean_code)
        latents.save_latent(path, kept)
        return io.NodeOutput(str(path))


class LoadLatent(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return host.schema(
            node_id="FACEMUG_LoadLatent",
            category="styles",
            search_aliases=["load face", "load style codes", "saved latent"],
            inputs=[
                io.Combo.Input("file", options=host.latent_files()),
                io.Int.Input("undo", default=0, min=0, max=100, optional=True),
            ],
            outputs=[host.Latent.Output(display_name="latent")],
        )

    @classmethod
    def validate_inputs(cls, file: str) -> bool | str:
        if file and host.latent_path(file).is_file():
            return True
        return f"There is no latent file {file}: put it into the input folder, or save one first."

    @classmethod
    def fingerprint_inputs(cls, file: str, undo: int = 0) -> str:
        return host.content_hash(host.latent_path(file))

    @classmethod
    def execute(cls, file: str, undo: int = 0) -> io.NodeOutput:
        return io.NodeOutput(codes_of(latents.load_latent(host.latent_path(file)).undone(undo)))
