"""Edits of whole photos: find and align faces, edit their crops, paste them back at the photo's own size."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property, partial

import torch
from torch import Tensor

from ..batches import UNWATCHED, Watch, one_by_one
from ..checkpoints.weights import SHIPPED, Weights
from ..choices import Size
from ..conditions import Conditions
from ..conventions import WORKING_SIZE
from ..errors import FaceNotFoundError, InputError, NothingToEditError
from ..faces.alignment import Matrix
from ..faces.detection import Detector
from ..faces.parsing import Parser
from ..faces.under_mask import beside_faces
from ..latents import Latent
from ..memory import Memory, Recall
from ..modalities import MODALITIES, Guide
from ..model import FaceMug
from ..photo import Photo
from .blackened import BLACKENED, is_black
from .compose import add_detail, fitting_size
from .crop import edit_crop
from .guides import crop_conditions, silent_guides
from .locate import ANY_FACE, AlignedFace, FaceQuery, Finder, aligned_face, exemplar_warnings, locate_faces
from .masks import FaceMask, mask_in_crop, own_masks, region_masks
from .style import StylePlan


@dataclass(frozen=True)
class EditRequest(FaceQuery, StylePlan):
    """An edit of a photo: which faces, which style codes, where. Give a mask or regions."""

    mask: Tensor | None = None
    """`[1, 1, H, W]`, bool or in [0, 1], on the photo's grid: 1 = edit, in between = blend edit and
    photo by this share. The networks fill all pixels that are not 0."""
    regions: str | None = None
    """Names of face regions joined by "+"."""
    grow: int = 0
    """Crop pixels by which regions are grown."""
    sketch: Guide | None = None
    semantic: Guide | None = None
    color: Guide | None = None
    exemplar: Photo | None = None
    size: Size = "auto"
    """Side of the edited crop in pixels: 256, or larger by the detail stage; by default as the photo's own
    resolution allows."""
    skip_without_face: bool = False
    """Return the photo unchanged where no face is found, instead of an error."""
    feather: int = 0
    opacity: float = 1.0
    people: Mapping[int, Tensor] = field(default_factory=dict)
    """Codes of the people of a video `[variants, 18, 512]`, by person number; `latent` is then ignored."""
    warnings: Sequence[str] = ()
    """Warnings about the inputs, repeated in the result."""

    @property
    def guides(self) -> dict[str, Guide]:
        """The guides given, by name."""
        given = {name: getattr(self, name) for name in MODALITIES}
        return {name: guide for name, guide in given.items() if guide is not None}

    def plans(self, faces: Sequence[AlignedFace]) -> list[StylePlan]:
        """The plan of each face that is edited."""
        if self.people:
            return [replace(self, latent=Latent(self.people[face.person])) for face in faces]
        return self.of_faces(len(faces))


@dataclass
class EditResult:
    """The result of an edit."""

    photos: list[Photo]
    """One for each variant."""
    mask: Tensor
    """Bool `[1, 1, H, W]`: where the photos may differ from the input."""
    untouched: Tensor
    """Bool `[1, 1, H, W]`: the part of the mask outside the crops, which was not edited."""
    faces: list[AlignedFace]
    """The edited faces."""
    latents: list[Latent]
    """Codes of each face `[variants, 18, 512]`, with their recipe."""
    conditions: list[Conditions]
    warnings: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    """Time of each stage."""
    reused: list[str] = field(default_factory=list)
    """What was known from earlier edits and not made again."""

    @classmethod
    def unchanged(cls, photo: Photo, request: EditRequest) -> EditResult:
        """The unchanged photo for every variant."""
        nowhere = torch.zeros(1, 1, *photo.size, dtype=torch.bool)
        warnings = [*photo.lost, *request.warnings]
        if request.mask is not None and not request.aligned and is_black(photo, request.mask):
            warnings.append(BLACKENED)
        return cls([photo] * request.variants, nowhere, nowhere, [], [], [], warnings)


@dataclass
class PhotoEditor:
    """The model with face detection and parsing, for photos of any size."""

    model: FaceMug
    weights: Weights = SHIPPED
    memory: Memory = field(default_factory=Memory)
    """What earlier edits have found: faces, parts, codes, pictures."""

    @cached_property
    def detector(self) -> Detector:
        """Raises `WeightsMissingError` where its files are missing."""
        return Detector.load(self.weights)

    @cached_property
    def parser(self) -> Parser:
        """Raises `WeightsMissingError` where its weights are missing."""
        with torch.inference_mode(False):
            return Parser.load(self.weights)

    def find_faces(
        self,
        photo: Photo,
        query: FaceQuery = ANY_FACE,
        mask: Tensor | None = None,
        watch: Watch = UNWATCHED,
        recall: Recall | None = None,
    ) -> list[AlignedFace]:
        """Faces of a photo, as `locate_faces`; empty if none is found."""
        finder = Finder(lambda: self.detector, recall or self.memory.recall, watch)
        return locate_faces(photo, query, mask, finder)

    def find_exemplar(
        self, photo: Photo, watch: Watch = UNWATCHED, recall: Recall | None = None
    ) -> AlignedFace:
        """The largest face of an exemplar photo; one without a face counts as aligned, and has no box."""
        return (self.find_faces(photo, ANY_FACE, None, watch, recall) or [aligned_face(photo)])[0]

    def edit(self, photo: Photo, request: EditRequest, watch: Watch = UNWATCHED) -> EditResult:
        """Edit the chosen faces of a photo, one variant for each seed.

        `watch` is told of every stage, step and variant. What earlier edits have found is not made again; the
        result has the same bits as without them.

        Raises:
            FaceNotFoundError: there is no face, and the request does not say to skip then.
            NothingToEditError: the mask is empty, or the request names a region that no chosen face has.
        """
        result = EditResult.unchanged(photo, request)
        seconds, recall = result.seconds, self.memory.noting(result.reused)

        # 1. Locate the faces that are meant.
        watch.stage("faces")
        with _timed(seconds, "find faces"):
            faces = self.find_faces(photo, request, request.mask, watch, recall)
        if not faces:
            return _without_face(request, result)

        # 2. Read the exemplar.
        exemplar = (
            None if request.exemplar is None else self._exemplar(request.exemplar, result, recall, watch)
        )

        # 3. Give each face its mask, and its share of the style codes.
        watch.stage("mask")
        masks = [mask for mask in self._masks(photo, faces, request, result, recall) if mask.on_crop.any()]
        if not masks:
            raise NothingToEditError(beside_faces([face.box for face in faces]))
        result.faces = [mask.face for mask in masks]
        plans = request.plans(result.faces)
        result.photos = [photo] * len(plans[0].seeds)

        for mask, plan in zip(masks, plans, strict=True):
            # 4. Bring photo, mask and guides onto the grid of the crop.
            conditions = crop_conditions(mask.face, mask.on_crop, request.guides)

            # 5. Find style codes, and draw the crop with them.
            with _timed(seconds, "edit"):
                crops, latent, notices = edit_crop(self.model, conditions, plan, exemplar, watch, recall)
            matrix = mask.face.matrix

            # 6. Make the crop as large and as sharp as the photo.
            size = fitting_size(matrix) if request.size == "auto" else request.size
            if size != WORKING_SIZE:
                with _timed(seconds, "detail"):
                    crops, matrix = self._detailed(photo, crops, mask, size, watch, recall)

            # 7. Paste it into the photo.
            watch.stage("paste")
            with _timed(seconds, "paste"):
                how = mask.on_photo, matrix, request.feather, request.opacity
                paste = partial(_pasted, how=how)
                result.photos = one_by_one(paste, {"photos": result.photos, "crops": crops}, watch)
            result.mask = result.mask | mask_in_crop(mask.face, mask.on_photo)
            result.latents.append(latent)
            result.conditions.append(conditions)
            result.warnings += notices

        # 8. Collect warnings.
        if request.mask is not None:
            result.untouched = (request.mask > 0) & ~result.mask
        result.warnings = list(dict.fromkeys([*result.warnings, *_notices(photo, request, result)]))
        return result

    def _detailed(
        self, photo: Photo, crops: Tensor, mask: FaceMask, size: int, watch: Watch, recall: Recall
    ) -> tuple[Tensor, Matrix]:
        """Crops as large and as sharp as the photo, as `add_detail`."""

        def enlarge() -> tuple[Tensor, Matrix]:
            watch.stage("detail")
            return add_detail(self.model, photo, crops, mask.on_crop, mask.face.matrix, size, watch)

        return recall("detail", (photo.rgb, crops, mask.on_crop, mask.face.matrix, size), enlarge)

    def _exemplar(self, photo: Photo, result: EditResult, recall: Recall, watch: Watch) -> Tensor:
        """The exemplar's crop."""
        face = self.find_exemplar(photo, watch, recall)
        result.warnings += exemplar_warnings(face)
        return face.crop

    def _masks(
        self,
        photo: Photo,
        faces: Sequence[AlignedFace],
        request: EditRequest,
        result: EditResult,
        recall: Recall,
    ) -> list[FaceMask]:
        """The mask of each face, from the given mask or from regions."""
        if request.mask is not None and request.regions is None:
            return own_masks(request.mask, faces)
        if request.mask is None and request.regions is not None:
            with _timed(result.seconds, "parse"):
                how = request.regions, request.grow, recall
                return region_masks(lambda: self.parser, photo, faces, *how)
        raise InputError("Say what to edit: give either a mask or the names of regions.")


def _pasted(photos: Sequence[Photo], crop: Tensor, how: tuple[Tensor, Matrix, int, float]) -> Photo:
    (photo,) = photos
    return photo.with_crop(crop, *how)


def _without_face(request: EditRequest, result: EditResult) -> EditResult:
    """The unchanged photo if the request allows it; raises otherwise."""
    if not request.skip_without_face:
        black = f" {BLACKENED}" if BLACKENED in result.warnings else ""
        raise FaceNotFoundError(
            "No face was found in the photo. If it is an aligned face crop already, switch on `aligned`; "
            "to leave photos without a face as they are, set `no_face` to skip; if there is a face, tell "
            f"where by a box or landmarks.{black}"
        )
    result.warnings.append("No face was found; the photo is unchanged.")
    return result


def _notices(photo: Photo, request: EditRequest, result: EditResult) -> Iterator[str]:
    """Warnings about parts of mask and guides without effect."""
    if photo.color_channels < len(photo.mode) and not photo.pixels[:, -1:][result.mask].all():
        yield (
            "A part of the mask is where the photo is fully transparent: edits there stay invisible. "
            "Fill the photo's transparency first to see it."
        )
    yield from silent_guides(request.guides, result.conditions)
    left = int(result.untouched.sum())
    if left:
        yield f"{left} masked pixels are outside the face crop and were not edited (see the sheet)."


@contextmanager
def _timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    seconds[stage] = seconds.get(stage, 0.0) + time.perf_counter() - start
