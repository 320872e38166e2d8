"""Finding faces, parsing them, and pasting them back."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain, islice
from typing import Any

import torch
from torch import Tensor

from ..facemug_core.batches import common_batch, item, one_by_one
from ..facemug_core.conditions import labels_to_palette
from ..facemug_core.conventions import WORKING_SIZE
from ..facemug_core.errors import FaceNotFoundError, InputError
from ..facemug_core.faces.alignment import covered, inverse
from ..facemug_core.faces.detection import Which, numbered
from ..facemug_core.faces.pasting import mask_to_photo
from ..facemug_core.faces.regions import region_mask, region_names, smooth_mask, without_holes
from ..facemug_core.faces.smoothing import smooth_alignment
from ..facemug_core.ops.filters import gaussian_blur
from ..facemug_core.photo import Photo
from ..facemug_core.pipeline.compose import sized
from ..facemug_core.pipeline.editor import PhotoEditor
from ..facemug_core.pipeline.locate import AlignedFace, FacePlace, FaceQuery, aligned_face, face_at
from ..facemug_core.pipeline.masks import mask_in_crop
from ..facemug_core.sheets import faces_overlay
from . import host, tensors
from .host import io
from .loading import HostedEditor
from .payloads import Faces, GuidePictures, Place

WHICH = ("largest", "all", "left to right", "index")

OVERLAY_PIXELS = 2**24
"""Most pixels of all overlays of a batch: hosts keep them, whether anybody looks or not."""

PARTS = (
    "skin", "left_brow", "right_brow", "left_eye", "right_eye", "glasses", "left_ear", "right_ear",
    "earrings", "nose", "mouth", "neck", "necklace", "cloth", "hair", "hat", "background",
)  # fmt: skip
"""Parts with a switch in Region Mask: names of `conventions.REGIONS`."""


def which_inputs() -> list[Any]:
    """Inputs that say which faces of a photo are meant."""
    return [
        io.Combo.Input(
            "which",
            options=list(WHICH),
            default="largest",
        ),
        io.Int.Input("index", default=0, min=0, max=99),
        io.Boolean.Input(
            "aligned",
            default=False,
        ),
        io.Combo.Input(
            "no_face",
            options=["error", "skip"],
            default="error",
        ),
    ]


def regions_input() -> Any:
    """Names of regions to edit; none if a mask says where."""
    names = io.String.Input("regions", default="", placeholder="hair+brows")
    return host.checked(names, lambda text: text.strip() and region_names(text))


def chosen(which: str, index: int) -> Which:
    """The library's word for the two inputs; where a mask covers faces, they come before the largest."""
    words: dict[str, Which] = {"index": index, "largest": "auto"}
    return words.get(which, which)  # type: ignore[arg-type]


class DetectFaces(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return host.schema(
            node_id="FACEMUG_DetectFaces",
            category="advanced",
            search_aliases=["face detection", "align face", "crop face", "facemug faces", "ffhq align"],
            inputs=[
                host.Model.Input("model"),
                io.Image.Input("image"),
                *which_inputs(),
                host.linked(host.Boxes.Input("boxes", optional=True)),
                host.linked(host.Landmarks.Input("landmarks", optional=True)),
                # A value that is optional, so that what was saved before there was this still runs.
                io.Int.Input("smooth", default=0, min=0, max=100, optional=True),
                io.Mask.Input("mask", optional=True),
            ],
            outputs=[
                host.Faces.Output(display_name="faces"),
                io.Image.Output(display_name="crops"),
                io.Mask.Output(display_name="crop_mask"),
                io.Image.Output(display_name="overlay"),
                host.Boxes.Output(display_name="boxes_found"),
            ],
        )

    @classmethod
    def execute(
        cls,
        model: HostedEditor,
        image: Tensor,
        which: str,
        index: int,
        aligned: bool,
        no_face: str,
        boxes: Any = None,
        landmarks: Any = None,
        smooth: int = 0,
        mask: Tensor | None = None,
    ) -> io.NodeOutput:
        size = image.shape[1], image.shape[2]
        known = {
            "mask": None if mask is None else tensors.to_masks(mask, size).split(1),
            # Exports of workflows that were saved with fields for boxes have a 0.
            "boxes": None if boxes in (None, 0) else host.bounding_boxes(boxes),
            "landmarks": None if landmarks is None else host.face_landmarks(landmarks),
        }
        masks, *places = (_each(name, frames, len(image)) for name, frames in known.items())
        queries = [FaceQuery(chosen(which, index), aligned, *one) for one in zip(*places, strict=True)]
        faces, beside = find_faces(model.finder(), image, queries, masks, no_face == "skip")
        if smooth > 0:
            faces = smoothed(faces, smooth)
        count = len(faces.photos)
        found = [faces.of_photo(i) for i in range(count)]
        scale = min(1, math.sqrt(OVERLAY_PIXELS / (count * math.prod(faces.photos.size))))
        frames = tensors.filled(
            count,
            (
                tensors.from_masks(_covered(faces.photos.size, [p for p in faces.places if p.photo == i]))
                for i in range(count)
            ),
        )
        drawn = (
            faces_overlay(photo, *shown, scale, numbers=which != "largest")
            for photo, *shown in zip(host.watched(faces.photos), found, beside, strict=True)
        )
        first = list(islice(drawn, host.SHOWN))
        overlays = tensors.filled(count, (tensors.from_image(picture) for picture in chain(first, drawn)))
        boxes_found = [[face.box for face in of_photo if face.box is not None] for of_photo in found]
        return io.NodeOutput(
            faces,
            tensors.from_pictures(faces.crops),
            frames,
            overlays,
            host.to_bounding_boxes(boxes_found),
            ui=host.shown(first),
        )


def find_faces(
    editor: PhotoEditor,
    image: Tensor,
    queries: Sequence[FaceQuery],
    masks: Sequence[Tensor | None],
    skip: bool,
) -> tuple[Faces, list[list[AlignedFace]]]:
    """Faces of all photos of an IMAGE, and for each photo those that an index leaves out.

    With `skip`, a photo without a face keeps a place that is never pasted into.
    """
    photos = tensors.Photos(image)
    places, beside = [], []
    without = []
    for i, photo in enumerate(host.watched(photos)):
        found, others = _told_apart(editor, photo, queries[i], masks[i])
        beside.append(others)
        if not found and not skip:
            raise FaceNotFoundError(
                f"No face was found in photo {i + 1} of {len(photos)}. If it is an aligned face crop "
                "already, switch on `aligned`; to leave photos without a face as they are, set `no_face` to "
                "skip; or connect `boxes` or `landmarks` that say where the face is."
            )
        without += [] if found else [str(i + 1)]
        places += [Place(i, face) for face in found] or [Place(i, aligned_face(photo), found=False)]
    if without:
        host.warn(f"No face was found in photo {', '.join(without)} of {len(photos)}; it stays as it is.")
    return Faces(image, photos, places), beside


def _told_apart(
    editor: PhotoEditor, photo: Photo, query: FaceQuery, mask: Tensor | None
) -> tuple[list[AlignedFace], list[AlignedFace]]:
    """The faces that are meant, and those that an index leaves out."""
    if query.aligned or not isinstance(query.which, int):
        return editor.find_faces(photo, query, mask), []
    everyone = editor.find_faces(photo, replace(query, which="left to right"), mask)
    if not everyone:
        return [], []
    meant = numbered(everyone, query.which)
    return [meant], [face for face in everyone if face is not meant]


def smoothed(faces: Faces, reach: int) -> Faces:
    """The faces of a video's frames, their places smoothed over so many frames before and after each."""
    frames = [[face.matrix for face in faces.of_photo(i)] for i in range(len(faces.photos))]
    moved = [iter(matrices) for matrices in smooth_alignment(frames, reach)]
    places = []
    for place in faces.places:
        if place.found:
            where = FacePlace(next(moved[place.photo]), place.face.box)
            place = replace(place, face=face_at(faces.photos[place.photo], where))
        places.append(place)
    return replace(faces, places=places)


def _each(name: str, frames: Sequence[Any] | None, photos: int) -> list[Any]:
    """What the host knows of each photo: nothing, one for all, or one for each."""
    if frames is None:
        return [None] * photos
    common_batch({"photos": photos, name: len(frames)} if len(frames) != 1 else {})
    return [frames[min(i, len(frames) - 1)] for i in range(photos)]


def _covered(size: tuple[int, int], places: list[Place]) -> Tensor:
    """[1, 1, H, W]: what the crops cover of their photo of a (height, width)."""
    mask = torch.zeros(1, 1, *size)
    for place in places:
        mask[covered(inverse(place.face.matrix), size, (WORKING_SIZE, WORKING_SIZE))] = 1
    return mask


def one_of(image: Tensor | None, faces: Faces | None) -> None:
    """Raise unless exactly one of both is connected."""
    if (image is None) == (faces is None):
        state = "neither is" if image is None else "both are"
        raise InputError(
            f"Connect either `faces` (from Detect & Align Faces) or `image`, but not both: {state} connected."
        )


def pictures_of(image: Tensor | None, faces: Faces | None) -> Tensor:
    """[B, 3, H, W] in [-1, 1]: the crops of faces, or whole pictures, whichever is connected."""
    return faces.crops if faces is not None else tensors.to_pictures(image)


class ParseFace(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return host.schema(
            node_id="FACEMUG_ParseFace",
            category="guides",
            search_aliases=["face parsing", "face segmentation", "bisenet", "semantic map"],
            inputs=[
                host.Model.Input("model"),
                host.Faces.Input("faces", optional=True),
                io.Image.Input("image", optional=True),
            ],
            outputs=[
                host.Semantic.Output(display_name="semantic"),
                io.Image.Output(display_name="palette"),
            ],
        )

    @classmethod
    def execute(
        cls, model: HostedEditor, faces: Faces | None = None, image: Tensor | None = None
    ) -> io.NodeOutput:
        one_of(image, faces)
        pictures = pictures_of(image, faces)
        labels = torch.cat(one_by_one(model.parser().parse, {"pictures": pictures}, host.Watch()))
        return io.NodeOutput(GuidePictures(labels, faces), tensors.from_bytes(labels_to_palette(labels)))


class RegionMask(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return host.schema(
            node_id="FACEMUG_RegionMask",
            category="guides",
            search_aliases=[
                "face part mask",
                "hair mask",
                "mouth mask",
                "eyes mask",
                "glasses",
                "segment face",
            ],
            inputs=[
                host.Semantic.Input("semantic"),
                *(io.Boolean.Input(part, default=part == "hair") for part in PARTS),
                io.Int.Input("grow", default=0, min=-64, max=64),
                io.Int.Input("smooth", default=0, min=0, max=32),
            ],
            outputs=[io.Mask.Output(display_name="mask")],
        )

    @classmethod
    def execute(cls, semantic: GuidePictures, grow: int, smooth: int, **parts: bool) -> io.NodeOutput:
        names = [part for part in PARTS if parts[part]]
        if not names:
            raise InputError("No part is switched on; switch on at least one, such as hair or mouth.")
        masks = smooth_mask(region_mask(semantic.values, "+".join(names), grow, specks=False), smooth)
        if not masks.any():
            host.warn(f"The face has no {' or '.join(names)}; the mask is empty.")
        if semantic.faces is None:
            return io.NodeOutput(tensors.from_masks(masks))
        size = semantic.faces.photos.size
        on_photos = torch.zeros(len(semantic.faces.photos), 1, *size)
        for i, place in enumerate(host.watched(semantic.faces.places)):
            if place.found:
                on_photo = mask_to_photo(item(masks, i), place.face.matrix, size)[0]
                on_photos[place.photo] = torch.maximum(on_photos[place.photo], on_photo)
        return io.NodeOutput(tensors.from_masks(on_photos))


class RefineMask(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return host.schema(
            node_id="FACEMUG_RefineMask",
            category="guides",
            search_aliases=["fill holes", "blur mask", "soft mask", "feather mask", "close mask"],
            inputs=[
                io.Mask.Input("mask"),
                io.Boolean.Input("fill_holes", default=True),
                io.Int.Input("blur", default=0, min=0, max=256),
            ],
            outputs=[io.Mask.Output(display_name="mask")],
        )

    @classmethod
    def execute(cls, mask: Tensor, fill_holes: bool, blur: int) -> io.NodeOutput:
        masks = tensors.to_masks(mask, (mask.shape[-2], mask.shape[-1]))
        if fill_holes:
            masks = without_holes(masks)
        if blur > 0:
            masks = gaussian_blur(masks, blur / 2).clamp(0, 1)
        return io.NodeOutput(tensors.from_masks(masks))


class PasteFaces(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return host.schema(
            node_id="FACEMUG_PasteFaces",
            category="advanced",
            search_aliases=["paste face", "uncrop face", "face composite", "stitch face"],
            inputs=[
                host.Faces.Input("faces"),
                io.Image.Input("crops"),
                io.Mask.Input("mask"),
                io.Int.Input("feather", default=0, min=0, max=256),
                io.Float.Input("opacity", default=1.0, min=0.0, max=1.0, step=0.01),
                io.Image.Input("image", optional=True),
            ],
            outputs=[
                io.Image.Output(display_name="image"),
                io.Mask.Output(display_name="changed"),
            ],
        )

    @classmethod
    def execute(
        cls,
        faces: Faces,
        crops: Tensor,
        mask: Tensor,
        feather: int,
        opacity: float,
        image: Tensor | None = None,
    ) -> io.NodeOutput:
        image = faces.image if image is None else image
        size = faces.photos.size
        if tuple(image.shape[1:3]) != size:
            raise InputError(
                f"`image` is {image.shape[2]} × {image.shape[1]}, but the faces come from photos of "
                f"{size[1]} × {size[0]}; connect a picture of the same size."
            )
        if crops.shape[1] != crops.shape[2]:
            raise InputError(
                f"`crops` is {crops.shape[2]} × {crops.shape[1]}, but crops are square: connect those of "
                "Generate Face, or an enlargement of them."
            )
        masks = tensors.to_masks(mask, size)
        if not masks.any():
            host.warn("The mask is empty, so nothing is pasted. White means edit.")
        variants = len(crops) if len(faces.places) == 1 else 1
        common_batch({"faces": len(faces.places), "crops": len(crops)})
        photos = faces.photos if image is faces.image else tensors.Photos(image)
        counts = {"image": len(photos), "photos": len(faces.photos), "variants": variants}
        total = common_batch({**counts, "masks": len(masks)})
        results, changes = None, torch.zeros(total, *size)
        for i in host.watched(range(total)):
            photo, changed = item(photos, i)[0], torch.zeros(1, 1, *size)
            for number, place, photo_mask in faces.shared_out(i, item(masks, i)):
                if not place.found:
                    continue
                crop = tensors.to_crop(item(crops, i if variants > 1 else number))
                matrix = sized(place.face.matrix, crop.shape[2])
                photo = photo.with_crop(crop, photo_mask, matrix, feather, opacity)
                if opacity > 0:
                    changed = torch.maximum(changed, mask_in_crop(place.face, photo_mask))
            edited = tensors.from_photo(photo, item(image, i))
            results = edited.new_empty(total, *edited.shape[1:]) if results is None else results
            results[i : i + 1], changes[i : i + 1] = edited, changed[0]
        return io.NodeOutput(results, host.hand_over(changes))
