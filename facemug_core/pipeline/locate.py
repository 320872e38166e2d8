"""Faces of a photo: found, or told where they are, and aligned."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from ..batches import Progress
from ..conventions import WORKING_SIZE
from ..errors import InputError, NothingToEditError
from ..faces.alignment import Matrix, align, aligned_matrix, alignment_matrix
from ..faces.detection import Box, Detector, Face, Which, choose, face_from_landmarks, left_to_right
from ..faces.under_mask import beside_faces, beside_heads, faces_under
from ..memory import Recall
from ..photo import Photo
from .blackened import BLACKENED_FACE, is_black_face

LARGEST_CROP = 8
"""Most that the side of a face's crop can be, as a multiple of the photo's longer side."""


class FacePlace(NamedTuple):
    """Where a face lies in a photo."""

    matrix: Matrix
    """Alignment matrix, crop pixel → photo pixel."""
    box: Box | None
    """Bounds of the face in photo pixels; None where the photo was declared aligned."""
    person: int = 0
    """Whose face it is, of the people of a video."""


@dataclass(frozen=True, eq=False)
class AlignedFace:
    """Where a face lies in a photo, as in `FacePlace`, and its crop."""

    matrix: Matrix
    crop: Tensor
    """`[1, 3, 256, 256]` in [-1, 1]."""
    box: Box | None
    person: int = 0

    @property
    def place(self) -> FacePlace:
        """All but the crop."""
        return FacePlace(self.matrix, self.box, self.person)


@dataclass(frozen=True)
class FaceQuery:
    """Which faces of a photo are meant."""

    which: Which = "auto"
    """Of the faces found; "auto" takes those that the mask covers, the one under most of it first, or without
    a mask the largest."""
    aligned: bool = False
    """The photo is one aligned face already; no detection."""
    boxes: Sequence[Box] | None = None
    """Detect faces in these boxes only, in photo pixels."""
    landmarks: Sequence[ArrayLike] | None = None
    """Given landmarks of each face, in photo pixels, in a scheme of `alignment_matrix`; no detection."""
    places: Sequence[FacePlace] | None = None
    """Faces found earlier, as in a video; no detection."""


ANY_FACE = FaceQuery()


@dataclass(frozen=True)
class Finder:
    """Finds and cuts out the faces of photos, and remembers them."""

    detector: Callable[[], Detector]
    """Called only if faces must be detected."""
    recall: Recall
    progress: Progress

    def detect(self, pixels: NDArray[np.uint8], small: bool = True, within: Box | None = None) -> list[Face]:
        """As `Detector.detect`."""
        inputs = ("detect", pixels, small, within)
        return self.recall(
            "faces", inputs, lambda: self.detector().detect(pixels, small, within, self.progress)
        )

    def measure(self, pixels: NDArray[np.uint8], boxes: Sequence[Box]) -> list[Face]:
        """As `Detector.measure`."""
        return self.recall(
            "faces", ("measure", pixels, boxes), lambda: self.detector().measure(pixels, boxes)
        )

    def face_at(self, photo: Photo, place: FacePlace) -> AlignedFace:
        """As `face_at`."""
        return self.recall("faces", ("cut", photo.pixels, place), lambda: face_at(photo, place))


def locate_faces(photo: Photo, query: FaceQuery, mask: Tensor | None, finder: Finder) -> list[AlignedFace]:
    """Faces of a photo; empty if none is found.

    Args:
        photo: the photo.
        query: which of its faces.
        mask: of an edit, `[1, 1, H, W]`, 0 where the photo is kept.
        finder: asked only if faces must be detected.

    Raises:
        NothingToEditError: the mask selects the faces, and covers none.
    """
    if query.places is not None:
        return [finder.face_at(photo, place) for place in query.places]
    if query.aligned:
        return [aligned_face(photo)]
    by_mask = mask if query.which == "auto" and mask is not None and mask.any() else None
    found = _found(photo, query, by_mask, finder)
    if by_mask is not None and found:
        found = _under(by_mask, found)
    elif found:
        found = choose(found, "largest" if query.which == "auto" else query.which)
    return [finder.face_at(photo, FacePlace(alignment_matrix(face.landmarks), face.box)) for face in found]


def _found(photo: Photo, query: FaceQuery, by_mask: Tensor | None, finder: Finder) -> list[Face]:
    """All faces that the query can choose from."""
    if query.landmarks is not None:
        return left_to_right([face_from_landmarks(points) for points in query.landmarks])
    pixels = photo.rgb[0].permute(1, 2, 0).numpy()
    if query.boxes is not None:
        return finder.measure(pixels, query.boxes)
    if by_mask is not None:
        return _near(finder, pixels, by_mask)
    return finder.detect(pixels, small=query.which not in ("auto", "largest"))


def _near(finder: Finder, pixels: NDArray[np.uint8], mask: Tensor) -> list[Face]:
    """Faces of a photo; small ones only where the mask covers no other face's head."""
    found = finder.detect(pixels, small=False)
    beside = beside_heads(mask, [alignment_matrix(face.landmarks) for face in found])
    return found if beside is None else finder.detect(pixels, within=beside)


def _under(mask: Tensor, faces: Sequence[Face]) -> list[Face]:
    """The faces that a mask covers, the one under most of it first.

    Raises:
        NothingToEditError: the mask covers none of them.
    """
    under = faces_under(mask, [alignment_matrix(face.landmarks) for face in faces])
    if not under:
        raise NothingToEditError(beside_faces([face.box for face in faces]))
    return [faces[number] for number in under]


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
    return AlignedFace(place.matrix, align(photo.rgb, place.matrix) / 127.5 - 1, place.box, place.person)


def exemplar_warnings(face: AlignedFace) -> list[str]:
    """What the person should know of an exemplar as `find_exemplar` gives it, in sentences."""
    warnings = []
    if face.box is None:
        warnings.append("No face was found in the exemplar; it is used whole, as an aligned crop.")
    if is_black_face(face.crop):
        warnings.append(BLACKENED_FACE)
    return warnings
