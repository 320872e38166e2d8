"""Edits of whole photos: find and align faces, edit their crops, paste them back at the photo's own size."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from PIL import Image
from torch import Tensor

from .batches import Progress, common_batch, no_progress, seeds_from
from .checkpoints.assembling import load_parser
from .checkpoints.manifest import locate
from .choices import Size, Style
from .conditions import Conditions
from .conditions.files import LIES, LOST, PNG_COLORS
from .conventions import WORKING_SIZE
from .editing.directions import Direction
from .editing.text import TextGoal
from .errors import FaceNotFoundError, InputError, NothingToEditError
from .faces.alignment import (
    Matrix,
    align,
    aligned_matrix,
    alignment_matrix,
    covered,
    inverse,
    scale_of,
)
from .faces.detection import (
    LANDMARK_FILE,
    Box,
    Detector,
    Face,
    Which,
    choose,
    face_from_landmarks,
    left_to_right,
)
from .faces.parsing import Parser
from .faces.pasting import mask_to_crop, mask_to_photo, paste
from .faces.regions import region_mask
from .faces.under_mask import beside_faces, beside_heads, faces_under, split_mask
from .guides import Guide, guides_to_crop, silent_guides
from .model import DETAIL_SIZES, FaceMug, default_style, moves
from .pictures import in_own_mode

PROFILE_SPACE = slice(16, 20)
"""Where an ICC profile names the color space that it describes."""

METADATA = ("exif", "xmp", "dpi")
"""What a picture's `info` holds that is metadata and that `save` can write."""

BAND_PIXELS = 2**22
"""Large pictures go from and to Pillow in bands of about this many pixels, for memory."""

LARGEST_CROP = 8
"""Most that the side of a face's crop can be, as a multiple of the photo's longer side."""

BLACK = 8
"""Highest 8-bit value of what counts as painted black: JPEG leaves some above 0."""

BLACKENED = (
    "The photo is black under its mask, as some editors export it. What is there helps to find the face: "
    "give the untouched photo, and the mask apart from it."
)
BLACKENED_FACE = (
    "Much of the face whose style is taken is black. If a mask was painted over it, give the untouched "
    "photo: the style would be that of the black, too."
)


@dataclass(frozen=True, eq=False)
class Photo:
    """A photo in its own mode, and how networks see it."""

    pixels: Tensor
    """uint8 [1, C, H, W]: the picture's own values."""
    mode: str
    """Pillow mode, one of `OWN_MODES`."""
    profile: bytes | None = None
    """ICC profile of the values."""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """EXIF, XMP and resolution of the file, as Pillow names them."""
    colors: Mapping[bytes, bytes] = field(default_factory=dict)
    """What a PNG file says of its colors beside a profile: its chunks by name."""
    lost: Sequence[str] = ()
    """What the file had and the photo has not, in sentences."""
    lies: int = 1
    """How the pixels of the file lie, as EXIF numbers it. The photo is upright."""

    @classmethod
    def from_image(cls, image: Image.Image) -> Photo:
        """A picture of any mode; its profile is kept where it fits the photo's mode."""
        info = image.info
        image = in_own_mode(image)
        pixels = torch.empty(1, len(image.mode), image.height, image.width, dtype=torch.uint8)
        for top, bottom in _bands(image.height, image.width):
            values = torch.from_numpy(np.array(image.crop((0, top, image.width, bottom))))
            pixels[0, :, top:bottom] = values.view(bottom - top, image.width, -1).permute(2, 0, 1)
        profile = info.get("icc_profile")
        space = b"RGB " if len(image.mode) > 2 else b"GRAY"
        return cls(
            pixels,
            image.mode,
            profile if profile and profile[PROFILE_SPACE] == space else None,
            {name: info[name] for name in METADATA if name in info},
            info.get(PNG_COLORS, {}),
            info.get(LOST, ()),
            info.get(LIES, 1),
        )

    def to_image(self, metadata: bool = False) -> Image.Image:
        """The photo as a picture with its color profile and, if asked for, with the file's metadata."""
        height, width = self.size
        image = Image.new(self.mode, (width, height))
        for top, bottom in _bands(height, width):
            values = self.pixels[0, :, top:bottom].permute(1, 2, 0).contiguous().numpy()
            image.paste(Image.fromarray(values[..., 0] if self.mode == "L" else values), (0, top))
        if self.profile is not None:
            image.info["icc_profile"] = self.profile
        if self.colors:
            image.info[PNG_COLORS] = self.colors
        if metadata:
            image.info.update(self.metadata)
        return image

    @property
    def size(self) -> tuple[int, int]:
        """(height, width)."""
        return self.pixels.shape[2], self.pixels.shape[3]

    @property
    def color_channels(self) -> int:
        """Channels without alpha."""
        return len(self.mode.removesuffix("A"))

    @cached_property
    def rgb(self) -> Tensor:
        """[1, 3, H, W] in [0, 255], uint8."""
        return self.pixels[:, : self.color_channels].expand(-1, 3, -1, -1)

    def with_crop(self, crop: Tensor, mask: Tensor, matrix: Matrix, feather: int, opacity: float) -> Photo:
        """The photo with an edited crop [1, 3, h, w] in [-1, 1] pasted in; alpha is kept."""
        values = (crop + 1) * 127.5
        if self.color_channels == 1:
            weights = torch.tensor([0.299, 0.587, 0.114], device=crop.device)  # ITU-R 601, as Pillow's "L"
            values = (values * weights[:, None, None]).sum(1, keepdim=True)
        colors = paste(self.pixels[:, : self.color_channels], values, mask, matrix, feather, opacity)
        alpha = self.pixels[:, self.color_channels :]
        return replace(self, pixels=torch.cat([colors, alpha], 1) if alpha.numel() else colors)


class FacePlace(NamedTuple):
    """Where a face lies in a photo."""

    matrix: Matrix
    """Alignment matrix, crop pixel → photo pixel."""
    box: Box | None
    """Bounds of the face in photo pixels; None where the photo was declared aligned."""


@dataclass(frozen=True, eq=False)
class AlignedFace:
    """Where a face lies in a photo, as in `FacePlace`, and its crop."""

    matrix: Matrix
    crop: Tensor
    """[1, 3, 256, 256] in [-1, 1]."""
    box: Box | None

    @property
    def place(self) -> FacePlace:
        """All but the crop."""
        return FacePlace(self.matrix, self.box)


@dataclass(frozen=True)
class EditRequest:
    """What to do to a photo. Give a mask or regions."""

    mask: Tensor | None = None
    """[1, 1, H, W], bool or in [0, 1], on the photo's grid: 1 = edit, in between = lay the edit over the
    photo in this share. The networks fill all that is not 0."""
    regions: str | None = None
    """Names of face regions joined by "+"."""
    grow: int = 0
    """Crop pixels by which regions are grown."""
    sketch: Guide | None = None
    semantic: Guide | None = None
    color: Guide | None = None
    exemplar: Photo | None = None
    style: Style | None = None
    style_mix: float = 0.0
    inversion: int | None = None
    """Steps of descent by which codes of the photo or the exemplar come nearer to it; by default
    `FaceMug.likeness_steps`."""
    fit: int | None = None
    """Steps of descent by which codes of another source than the photo fit what is visible of it; by default
    `FaceMug.fit_steps`."""
    seeds: Sequence[int] = (0,)
    """One variant is made for each."""
    codes: Tensor | None = None
    """Use these codes [B, 18, 512]: one for all, one for each variant, or those of all variants of each face
    that is edited, one face after the other. If one variant is asked for, there is one for each code."""
    directions: Sequence[tuple[Direction, float]] = ()
    """What to change in the codes, with amounts."""
    text: TextGoal | None = None
    """What the codes are then optimized for."""
    which: Which = "auto"
    aligned: bool = False
    """The photo is an aligned face already."""
    boxes: Sequence[Box] | None = None
    """Look for faces here only, in photo pixels."""
    landmarks: Sequence[ArrayLike] | None = None
    """Landmarks of faces in photo pixels; nothing is looked for."""
    places: Sequence[FacePlace] | None = None
    """Where the faces lie, found before, as in a video; nothing is looked for."""
    size: Size = "auto"
    """Side of the edited crop in pixels: 256, or larger by the detail stage; by default as the photo's own
    resolution allows."""
    skip_without_face: bool = False
    """Return the photo unchanged where no face is found, instead of an error."""
    feather: int = 0
    opacity: float = 1.0
    warnings: Sequence[str] = ()
    """What the person should know of what was given, in sentences; the result repeats it."""

    @property
    def guides(self) -> dict[str, Guide]:
        """The guides given, by name."""
        given = {"sketch": self.sketch, "semantic": self.semantic, "color": self.color}
        return {name: guide for name, guide in given.items() if guide is not None}


@dataclass
class EditResult:
    """What was done."""

    photos: list[Photo]
    """One per seed."""
    mask: Tensor
    """Bool [1, 1, H, W]: where the photos may differ from the input."""
    untouched: Tensor
    """Bool [1, 1, H, W]: the part of the mask beyond the crops, which was left alone."""
    faces: list[AlignedFace]
    codes: list[Tensor]
    """Codes of each face [seeds, 18, 512]."""
    conditions: list[Conditions]
    warnings: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    """Time of each stage."""
    styles: list[Tensor] = field(default_factory=list)
    """Codes of each face before sliders and text, [seeds, 18, 512]."""


@dataclass
class PhotoEditor:
    """The model with face detection and parsing, for photos of any size."""

    model: FaceMug
    folders: Sequence[str | Path] = ()

    @cached_property
    def detector(self) -> Detector:
        """Raises `WeightsMissingError` where its files are missing."""
        return Detector(locate(LANDMARK_FILE, *self.folders).parent)

    @cached_property
    def parser(self) -> Parser:
        """Raises `WeightsMissingError` where its weights are missing."""
        with torch.inference_mode(False):
            return Parser(load_parser(self.folders))

    def find_faces(
        self,
        photo: Photo,
        which: Which = "auto",
        aligned: bool = False,
        boxes: Sequence[Box] | None = None,
        landmarks: Sequence[ArrayLike] | None = None,
        mask: Tensor | None = None,
    ) -> list[AlignedFace]:
        """Faces of a photo; none where none is found.

        Args:
            photo: the photo.
            which: of the faces found; "auto" takes those that the mask covers, the one under most of it
                first, or without a mask the largest.
            aligned: the photo is one aligned face already; nothing is looked for.
            boxes: look for faces here only, in photo pixels.
            landmarks: those of each face, in photo pixels, that somebody else has found, in a scheme that
                `alignment_matrix` knows; nothing is looked for.
            mask: of an edit, `[1, 1, H, W]`, 0 where the photo is kept.

        Raises:
            NothingToEditError: the mask is to choose among faces, and is beside all of them.
        """
        if aligned:
            return [aligned_face(photo)]
        pixels = photo.rgb[0].permute(1, 2, 0).numpy()
        by_mask = mask if which == "auto" and mask is not None and mask.any() else None
        if landmarks is not None:
            found = left_to_right([face_from_landmarks(points) for points in landmarks])
        elif boxes is not None:
            found = self.detector.measure(pixels, boxes)
        elif by_mask is not None:
            found = self._near(pixels, by_mask)
        else:
            found = self.detector.detect(pixels, small=which not in ("auto", "largest"))
        if by_mask is not None and found:
            found = _under(by_mask, found)
        elif found:
            found = choose(found, "largest" if which == "auto" else which)
        return [face_at(photo, FacePlace(alignment_matrix(face.landmarks), face.box)) for face in found]

    def _near(self, pixels: NDArray[np.uint8], mask: Tensor) -> list[Face]:
        """Faces of a photo; small ones only where the mask covers no other face's head."""
        found = self.detector.detect(pixels, small=False)
        beside = beside_heads(mask, [alignment_matrix(face.landmarks) for face in found])
        return found if beside is None else self.detector.detect(pixels, within=beside)

    def find_exemplar(self, photo: Photo) -> AlignedFace:
        """The largest face of an exemplar photo; one without a face counts as aligned, and has no box."""
        return (self.find_faces(photo) or [aligned_face(photo)])[0]

    def edit(self, photo: Photo, request: EditRequest, progress: Progress = no_progress) -> EditResult:
        """Edit the chosen faces of a photo, one variant for each seed.

        `progress` is told about the variants of every face.

        Raises:
            FaceNotFoundError: there is no face, and the request does not say to skip then.
            NothingToEditError: the mask is empty, or the request names a region that no chosen face has.
        """
        seconds: dict[str, float] = {}
        black = request.mask is not None and not request.aligned and is_black(photo, request.mask)
        with _timed(seconds, "find faces"):
            faces = self._faces(photo, request)
        if not faces and not request.skip_without_face:
            raise FaceNotFoundError(
                "No face was found in the photo. If it is an aligned face crop already, switch on `aligned`; "
                "to leave photos without a face as they are, set `no_face` to skip; if there is a face, tell "
                "where by a box or landmarks." + (f" {BLACKENED}" if black else "")
            )
        empty = torch.zeros(1, 1, *photo.size, dtype=torch.bool)
        warnings = [*photo.lost, *request.warnings]
        seeds = request.seeds
        result = EditResult([photo] * len(seeds), empty, empty, faces, [], [], warnings, seconds)
        if black:
            result.warnings.append(BLACKENED)
        if not faces:
            result.warnings.append("No face was found; the photo is unchanged.")
            return result
        exemplar = self._exemplar(request, result)
        moved = moves(request.directions, request.text)
        masks = self._masks(faces, photo, request, result)
        edits = [(face, *both) for face, both in zip(faces, masks, strict=True) if both[0].any()]
        seeds, own_codes = shared_codes(request.codes, request.seeds, len(edits))
        result.photos = [photo] * len(seeds)
        changed = empty
        for (face, crop_mask, photo_mask), own in zip(edits, own_codes, strict=True):
            changed = changed | reached(face, photo_mask)
            conditions = crop_conditions(face, crop_mask, request.guides)
            style = request.style or default_style(conditions, exemplar, moved=moved)
            if request.style is None and style == "photo" and is_black_face(face.crop):
                style = "projected"  # a person under black paint cannot be kept
            with _timed(seconds, "edit"):
                styles = self.model.style_codes(
                    conditions, exemplar=exemplar, style=style, style_mix=request.style_mix,
                    seeds=seeds, codes=own, inversion=request.inversion, fit=request.fit,
                    progress=progress,
                )  # fmt: skip
                crops, codes = self.model.edit(
                    conditions, seeds=seeds, codes=styles, directions=request.directions,
                    text=request.text, progress=progress,
                )  # fmt: skip
            crops, matrix = crops.cpu(), face.matrix
            size = fitting_size(matrix) if request.size == "auto" else request.size
            if size != WORKING_SIZE:
                with _timed(seconds, "detail"):
                    crops, matrix = self.add_detail(photo, crops, crop_mask, matrix, size)
            with _timed(seconds, "paste"):
                result.photos = [
                    variant.with_crop(crop[None], photo_mask, matrix, request.feather, request.opacity)
                    for variant, crop in zip(result.photos, crops, strict=True)
                ]
            result.styles.append(styles.expand_as(codes).cpu())
            result.codes.append(codes.cpu())
            result.conditions.append(conditions)
        if not result.codes:
            raise NothingToEditError(beside_faces([face.box for face in faces]))
        if photo.color_channels < len(photo.mode) and not photo.pixels[:, -1:][changed].all():
            result.warnings.append(
                "A part of the mask is where the photo is wholly transparent: what is edited there stays "
                "invisible. Fill the photo's transparency first to see it."
            )
        result.warnings += silent_guides(request.guides, result.conditions)
        result.mask = changed
        if request.mask is not None:
            result.untouched = (request.mask > 0) & ~changed
            left = int(result.untouched.sum())
            if left:
                result.warnings.append(
                    f"{left} masked pixels lie beyond the face crop and were left alone (see the sheet)."
                )
        return result

    def _faces(self, photo: Photo, request: EditRequest) -> list[AlignedFace]:
        if request.places is not None:
            return [face_at(photo, place) for place in request.places]
        return self.find_faces(
            photo, request.which, request.aligned, request.boxes, request.landmarks, request.mask
        )

    def add_detail(
        self, photo: Photo, crops: Tensor, mask: Tensor, matrix: Matrix, size: int
    ) -> tuple[Tensor, Matrix]:
        """Edited crops at a larger size, as sharp as the photo, and the alignment matrix of their pixels.

        Args:
            photo: that the crops come from.
            crops: [N, 3, 256, 256] in [-1, 1].
            mask: of the edit, [1, 1, 256, 256].
            matrix: alignment matrix of the crops.
            size: 512 or 1024.
        """
        finer = sized(matrix, size)
        around = align(photo.rgb, finer, size) / 127.5 - 1
        # One by one: a batch of large crops takes more memory and is no faster on a CPU.
        larger = [self.model.add_detail(crop, around, mask).cpu() for crop in crops.split(1)]
        return torch.cat(larger), finer

    def _exemplar(self, request: EditRequest, result: EditResult) -> Tensor | None:
        if request.exemplar is None:
            return None
        exemplar = self.find_exemplar(request.exemplar)
        result.warnings += exemplar_warnings(exemplar)
        if self.model.warping is None and request.style in (None, "exemplar"):
            result.warnings.append(
                "The exemplar is not warped to the photo's pose: there are no warping weights."
            )
        return exemplar.crop

    def _masks(
        self, faces: list[AlignedFace], photo: Photo, request: EditRequest, result: EditResult
    ) -> list[tuple[Tensor, Tensor]]:
        """For each face the mask on its crop and on the photo."""
        if (request.mask is None) == (request.regions is None):
            raise InputError("Say what to edit: give either a mask or the names of regions.")
        if request.mask is not None:
            if not request.mask.any():
                raise NothingToEditError("The mask is empty, so there is nothing to edit. White means edit.")
            parts = split_mask(request.mask, [face.matrix for face in faces])
            return [(mask_to_crop(part, f.matrix), part) for part, f in zip(parts, faces, strict=True)]
        masks = []
        with _timed(result.seconds, "parse"):
            for face in faces:
                labels = self.parser.parse(face.crop)
                crop_mask = region_mask(labels, request.regions or "", request.grow, specks=False)
                masks.append((crop_mask, mask_to_photo(crop_mask, face.matrix, photo.size).bool()))
        if not any(crop_mask.any() for crop_mask, _ in masks):
            raise NothingToEditError(f"The face has no {request.regions}, so there is nothing to edit.")
        return masks


def _under(mask: Tensor, faces: Sequence[Face]) -> list[Face]:
    """The faces that a mask covers, the one under most of it first.

    Raises:
        NothingToEditError: it is beside all of them.
    """
    under = faces_under(mask, [alignment_matrix(face.landmarks) for face in faces])
    if not under:
        raise NothingToEditError(beside_faces([face.box for face in faces]))
    return [faces[number] for number in under]


def shared_codes(
    codes: Tensor | None, seeds: Sequence[int], faces: int
) -> tuple[Sequence[int], list[Tensor | None]]:
    """A seed for each variant of an edit with given codes [B, 18, 512], and the codes of each face.

    Raises:
        ShapeError: there are neither as many codes as variants, nor as many as variants of all faces.
    """
    if codes is None:
        return seeds, [None] * faces
    if faces > 1 and len(codes) == faces * len(seeds):
        return seeds, list(codes.split(len(seeds)))
    if len(seeds) == 1:
        seeds = seeds_from(seeds[0], len(codes))
    common_batch({"variants": len(seeds), "style codes": len(codes)})
    return seeds, [codes] * faces


def fitting_size(matrix: Matrix) -> int:
    """Side of the crop whose pixels are about as large as the photo's: 256, 512 or at most 1024."""
    side = WORKING_SIZE * scale_of(matrix)
    # Up to a factor of √2 the smaller size is the nearer one.
    return next((s for s in (WORKING_SIZE, *DETAIL_SIZES) if side < s * math.sqrt(2)), DETAIL_SIZES[-1])


def sized(matrix: Matrix, size: int) -> Matrix:
    """The alignment matrix of a crop of another size, from that of the crop of 256 pixels."""
    return matrix @ np.diag([WORKING_SIZE / size, WORKING_SIZE / size, 1])


def _bands(height: int, width: int) -> Iterator[tuple[int, int]]:
    """First and last row of the bands of a picture."""
    rows = max(1, BAND_PIXELS // width)
    for top in range(0, height, rows):
        yield top, min(top + rows, height)


def aligned_face(photo: Photo) -> AlignedFace:
    """The face of a photo that is one aligned crop."""
    return face_at(photo, FacePlace(aligned_matrix(photo.size), None))


def face_at(photo: Photo, place: FacePlace) -> AlignedFace:
    """The face at a place of a photo.

    Raises:
        InputError: the place is so large that it must belong to another picture.
    """
    side = WORKING_SIZE * math.hypot(*place.matrix[:2, 0])
    if not side <= LARGEST_CROP * max(photo.size):
        raise InputError(
            f"A face was said to be {side:.3g} pixels wide, but the photo is {photo.size[1]} × "
            f"{photo.size[0]}. Give landmarks in pixels of this photo."
        )
    return AlignedFace(place.matrix, align(photo.rgb, place.matrix) / 127.5 - 1, place.box)


def is_black(photo: Photo, mask: Tensor) -> bool:
    """Whether a photo is black all over its mask [1, 1, H, W]; not if the mask is empty."""
    masked = mask > 0
    count = int(masked.sum())
    black = sum(int(((channel <= BLACK) & masked[0, 0]).sum()) for channel in photo.rgb[0])
    # Some pixels of the mask's edge are half covered.
    return count > 0 and black > 0.95 * 3 * count


def is_black_face(crop: Tensor) -> bool:
    """Whether more of the middle of a crop [1, 3, 256, 256] in [-1, 1] is black than shadows make it."""
    side = crop.shape[-1]
    middle = crop[..., side // 4 : side - side // 4, side // 4 : side - side // 4]
    return float(((middle + 1) * 127.5 <= BLACK).all(1).float().mean()) > 0.25


def exemplar_warnings(face: AlignedFace) -> list[str]:
    """What the person should know of an exemplar as `find_exemplar` gives it, in sentences."""
    warnings = []
    if face.box is None:
        warnings.append("No face was found in the exemplar; it is used whole, as an aligned crop.")
    if is_black_face(face.crop):
        warnings.append(BLACKENED_FACE)
    return warnings


def reached(face: AlignedFace, mask: Tensor) -> Tensor:
    """The part of a photo's mask [1, 1, H, W] that the face's crop reaches, bool."""
    within = covered(inverse(face.matrix), (mask.shape[2], mask.shape[3]), (WORKING_SIZE, WORKING_SIZE))
    return within.logical_and_(mask > 0)


def crop_conditions(face: AlignedFace, mask: Tensor, guides: Mapping[str, Guide]) -> Conditions:
    """Photo, mask [1, 1, 256, 256] and guides by name (sketch, semantic, color) on the crop's grid."""
    return Conditions.build(image=face.crop, mask=mask, **guides_to_crop(guides, face.matrix))


@contextmanager
def _timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    seconds[stage] = seconds.get(stage, 0.0) + time.perf_counter() - start
