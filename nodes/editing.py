"""FACEMUG Edit: the whole job in one node."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import torch
from torch import Tensor

from ..facemug_core.batches import common_batch, item
from ..facemug_core.choices import Size, Style
from ..facemug_core.editing.directions import Direction
from ..facemug_core.errors import InputError
from ..facemug_core.latents import Latent
from ..facemug_core.model import FaceMug
from ..facemug_core.pipeline.crop import edit_crop
from ..facemug_core.pipeline.editor import EditRequest, EditResult
from ..facemug_core.pipeline.style import Move, text_move
from ..facemug_core.sheets import crop_image
from . import host, tensors
from .conditions import guide_inputs, of_guides, warn_of_stretched
from .faces import chosen, regions_input, which_inputs
from .host import io
from .latents import AUTO, asked, exemplar_crops, seeds, steps_input
from .loading import HostedEditor
from .payloads import GuidePictures, given
from .recipes import begun, codes_of, latent_of
from .text import telling_unknown_words

EDIT_SIZES: dict[str, Size] = {"auto": "auto", "256": 256, "512": 512, "1024": 1024}

STYLES: dict[str, Style | None] = {"auto": None, **{style: style for style in get_args(Style)}}


class Edit(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return host.schema(
            node_id="FACEMUG_Edit",
            category="start here",
            search_aliases=[
                "face edit",
                "face inpaint",
                "portrait",
                "retouch",
                "make-up",
                "hair",
                "beard",
                "glasses",
                "quick edit",
            ],
            inputs=[
                host.Model.Input("model"),
                io.Image.Input("image", optional=True),
                io.Mask.Input("mask", optional=True),
                regions_input(),
                io.Int.Input("grow", default=0, min=-64, max=64),
                *guide_inputs(),
                io.Image.Input("exemplar", optional=True),
                host.Latent.Input("latent", optional=True),
                io.Combo.Input("style", options=list(STYLES), default="auto"),
                host.advanced(io.Float.Input("style_mix", default=0.0, min=0.0, max=1.0, step=0.05)),
                host.seed_input(),
                host.advanced(io.Int.Input("variants", default=1, min=1, max=64)),
                *(host.advanced(one) for one in which_inputs()),
                host.advanced(io.Int.Input("feather", default=0, min=0, max=256)),
                host.advanced(io.Float.Input("opacity", default=1.0, min=0.0, max=1.0, step=0.01)),
                host.Direction.Input("direction", optional=True),
                # Values are optional, so that what was saved before there were these still runs.
                host.advanced(
                    io.Float.Input(
                        "direction_amount", default=1.0, min=-100.0, max=100.0, step=0.05, optional=True
                    )
                ),
                host.advanced(
                    io.Combo.Input("size", options=list(EDIT_SIZES), default="auto", optional=True)
                ),
                host.advanced(steps_input("inversion_steps")),
                host.advanced(steps_input("fit_steps")),
                io.String.Input("text", default="", placeholder="curly blond hair", optional=True),
                host.advanced(
                    io.Float.Input("text_strength", default=1.0, min=-2.0, max=2.0, step=0.05, optional=True)
                ),
            ],
            outputs=[
                io.Image.Output(display_name="edited"),
                io.Mask.Output(display_name="changed"),
                host.Latent.Output(display_name="latent_out"),
            ],
        )

    @classmethod
    def execute(
        cls,
        model: HostedEditor,
        regions: str,
        grow: int,
        sketch_strength: float,
        semantic_strength: float,
        color_strength: float,
        style: str,
        style_mix: float,
        seed: int,
        variants: int,
        which: str,
        index: int,
        aligned: bool,
        no_face: str,
        feather: int,
        opacity: float,
        image: Tensor | None = None,
        mask: Tensor | None = None,
        sketch: GuidePictures | None = None,
        semantic: GuidePictures | None = None,
        color: GuidePictures | None = None,
        exemplar: Tensor | None = None,
        latent: Tensor | None = None,
        direction: Direction | None = None,
        direction_amount: float = 1.0,
        size: str = "auto",
        inversion_steps: int = AUTO,
        fit_steps: int = AUTO,
        text: str = "",
        text_strength: float = 1.0,
    ) -> io.NodeOutput:
        if exemplar is not None and latent is not None:
            raise InputError("Say where the style comes from in one way: disconnect `exemplar` or `latent`.")
        guides = given(sketch=sketch, semantic=semantic, color=color)
        strengths = {"sketch": sketch_strength, "semantic": semantic_strength, "color": color_strength}
        request = EditRequest(
            regions=regions.strip() or None,
            grow=grow,
            style=STYLES[style],
            style_mix=style_mix,
            seeds=seeds(seed, variants),
            latent=None if latent is None else latent_of(latent),
            inversion=asked(inversion_steps),
            fit=asked(fit_steps),
            directions=[*moves(direction, direction_amount), *text_moves(model, text, text_strength)],
            which=chosen(which, index),
            aligned=aligned,
            skip_without_face=no_face == "skip",
            size=EDIT_SIZES[size],
            feather=feather,
            opacity=opacity,
        )
        if image is None:
            return _new_face(model, mask, guides, strengths, exemplar, request)
        return edited_photos(model, image, mask, guides, strengths, exemplar, request)


def edited_photos(
    model: HostedEditor,
    image: Tensor,
    mask: Tensor | None,
    guides: dict[str, GuidePictures],
    strengths: dict[str, float],
    exemplar: Tensor | None,
    request: EditRequest,
) -> io.NodeOutput:
    photos = tensors.Photos(image)
    masks = tensors.to_masks(mask, photos.size)
    if request.regions and masks.any():
        raise InputError("Say what to edit in one way: disconnect `mask`, or clear `regions`.")
    exemplars = [None] if exemplar is None else tensors.Photos(exemplar)
    counts = {"photos": len(photos), "masks": len(masks), "exemplars": len(exemplars)}
    total = common_batch({**counts, **{name: len(guide.values) for name, guide in guides.items()}})
    editor = model.editor(parses=request.regions is not None)
    warn_of_stretched(guides, photos.size)
    pictures, changes, used, reused, shown = [], [], [], [], [photos[0]]
    watch = host.Watch()
    for i in range(total):
        (photo,), own_mask = item(photos, i), None if request.regions else item(masks, i)
        own = {name: guide.of(i, i, strengths[name], photo.size) for name, guide in guides.items()}
        one = replace(request, mask=own_mask, exemplar=item(exemplars, i)[0], **own)
        if own_mask is not None and not own_mask.any():
            host.warn("The mask is empty, so the photo is left as it is. White means edit; or name regions.")
            result = EditResult.unchanged(photo, one)
        else:
            result = editor.edit(photo, one, watch)
        for warning in result.warnings:
            host.warn(warning)
        pictures += [tensors.from_photo(edited, item(image, i)) for edited in result.photos]
        changed = result.mask if request.opacity > 0 else torch.zeros_like(result.mask)
        changes += [changed] * len(result.photos)
        used += result.latents
        reused += result.reused
        if i == 0:
            shown += result.photos
    host.say_reused(reused)
    codes = codes_of(Latent.cat(used)) if used else _mean_face(model.model())
    return io.NodeOutput(
        tensors.stacked(pictures),
        tensors.from_masks(torch.cat(changes)),
        codes,
        ui=host.shown([one.to_image() for one in shown]),
    )


def _mean_face(network: FaceMug) -> Tensor:
    """What stands for the codes of an edit that has not taken place."""
    return begun(network, network.random_codes([0], psi=0.0))


def moves(direction: Direction | None, amount: float) -> list[Move]:
    """The direction that is connected."""
    return (
        [] if direction is None else [Move(direction, amount, {"operation": "direction", "amount": amount})]
    )


def text_moves(model: HostedEditor, text: str, strength: float) -> list[Move]:
    """The direction of the text, if there is one."""
    if not text.strip() or strength == 0:
        return []
    with torch.inference_mode(False), telling_unknown_words():
        return [text_move(model.text_model, text.strip(), strength)]


def _new_face(
    model: HostedEditor,
    mask: Tensor | None,
    guides: dict[str, GuidePictures],
    strengths: dict[str, float],
    exemplar: Tensor | None,
    request: EditRequest,
) -> io.NodeOutput:
    if (mask is not None and mask.any()) or request.regions:
        raise InputError(
            "There is a mask or region, but no photo: connect a photo to `image` to edit it, or remove "
            "both `mask` and `regions` to make a new face."
        )
    conditions = of_guides(guides, strengths)
    if len(conditions) > 1:
        raise InputError(f"One new face is made at a time, but the guides are a batch of {len(conditions)}.")
    crops = None if exemplar is None else exemplar_crops(model, exemplar[:1])
    (plan,) = request.of_faces(1)
    reused: list[str] = []
    recall = model.memory.noting(reused)
    pictures, codes, notices = edit_crop(model.model(), conditions, plan, crops, host.Watch(), recall)
    host.say_reused(reused)
    for notice in notices:
        host.warn(notice)
    everywhere = torch.ones(len(pictures), 1, *pictures.shape[2:])
    return io.NodeOutput(
        tensors.from_pictures(pictures),
        tensors.from_masks(everywhere),
        codes_of(codes),
        ui=host.shown([crop_image(picture) for picture in pictures]),
    )
