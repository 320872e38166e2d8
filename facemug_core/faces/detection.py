"""Detection of faces and their 468 landmarks by MediaPipe's BlazeFace and FaceMesh.

The models run in the TFLite runtime of the package `ai-edge-litert`. BlazeFace (Bazarevsky et al. 2019)
predicts per anchor a score, a box and six key points relative to the anchor's center. FaceMesh (Kartynnik et
al. 2019) takes a square crop of 1.5 times the face, rotated so that the eyes are level.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, Literal, NamedTuple, TypeVar

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from PIL import Image
from torch import Tensor

from ..batches import Progress, no_progress
from ..checkpoints.places import own_command
from ..checkpoints.weights import SHIPPED, Weights
from ..choices import NamedFaces
from ..errors import CheckpointError, InputError, WeightsMissingError
from .alignment import MESH_POINTS, Border, Matrix, alignment_matrix, resample

SHORT_RANGE_FILE = "face_detection_short_range.tflite"
FULL_RANGE_FILE = "face_detection_full_range_sparse.tflite"
LANDMARK_FILE = "face_landmark.tflite"

MIN_SCORE = 0.5
"""Least probability of a face, for the detectors and for the mesh."""

SURE_SCORE = 0.85
"""If the best score is lower, the photo may be rotated."""

WIDE_BORDER = 1.8
"""Side of the square for faces that fill the photo, as a multiple of the photo's longer side."""

SMALLEST_PART = 192
"""Smallest searched part of a photo, in pixels: the detector's input size."""

FACE_MARGIN = 1.5
"""Side of FaceMesh's crop, as a multiple of the face's longer side."""

Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""

MESH_PASSES = 4
"""Passes of the mesh, each centered by the one before, because it depends slightly on its crop. For crops off
by a twentieth of the face, alignments differ by 1.7 pixels of 256 after one pass, 0.7 after two, 0.3 after
four."""

MESH_SHIFT = 0.93
"""Correction of the mesh to the right and down, in pixels of its input: landmarks of a picture and of its
mirror image differ by twice this."""

FARTHEST = 2**31
"""Limit of pixel coordinates; no picture is larger."""

BOX_MARGIN = 2.0
"""Side of the square searched around a given box, as a multiple of the box's longer side."""

TURNS = (0, 1, 3, 2)
"""Quarter turns of a photo, the most frequent first."""

BAND_PIXELS = 2**22
"""Pixels in a band when large photos are shrunk, for memory."""

LEFT_EYE_CORNER, RIGHT_EYE_CORNER = 33, 263  # outer corners, left and right as seen in the picture


@dataclass(frozen=True, eq=False)
class Face:
    """One face; all coordinates are photo pixels with pixel centers at .5."""

    box: Box
    """Bounds of the landmarks."""
    score: float
    """Probability that this is a face, 0 to 1."""
    landmarks: NDArray[np.float64]
    """The face mesh `[468, 2]`, (x, y), or given landmarks of another scheme."""

    @property
    def area(self) -> float:
        """Area of the box in square pixels."""
        return _area(self.box)


Which = NamedFaces | Literal["left to right"] | int
"""Faces of a photo: by name, all from left to right, or by an index from the left, from 0."""


def choose(faces: Sequence[Face], which: Which) -> list[Face]:
    """Choose from faces in the order from left to right.

    Raises:
        InputError: the index is out of range.
    """
    by_size = sorted(faces, key=lambda face: -face.area)
    groups = {
        "largest": by_size[:1], "smallest": by_size[-1:], "leftmost": faces[:1], "rightmost": faces[-1:],
        "all": by_size, "left to right": faces,
    }  # fmt: skip
    if which in groups:
        return list(groups[str(which)])
    return [numbered(faces, int(which))]


FaceLike = TypeVar("FaceLike")


def numbered(faces: Sequence[FaceLike], number: int) -> FaceLike:
    """The face of a number, of faces from left to right.

    Raises:
        InputError: there is no face with this number.
    """
    if not 0 <= number < len(faces):
        raise InputError(
            f"There is no face {number}: {len(faces)} {'was' if len(faces) == 1 else 'were'} found (counted "
            "from 0, left to right)."
        )
    return faces[number]


def left_to_right(faces: Sequence[Face]) -> list[Face]:
    """Faces in the order of their centers."""
    return sorted(faces, key=lambda face: face.box[0] + face.box[2])


def face_from_landmarks(landmarks: ArrayLike) -> Face:
    """A face from given landmarks, in a scheme of `alignment_matrix`.

    Raises:
        InputError: as `alignment_matrix`.
    """
    points = np.asarray(landmarks, dtype=np.float64)
    alignment_matrix(points)
    return Face(_bounds(points), 1.0, points)


class _Look(NamedTuple):
    """A square part of a photo, input of the detectors."""

    center: tuple[float, float]
    side: float
    whole: bool = False
    """Whether it shows the whole photo, for large faces."""

    def reaches(self, box: Box) -> bool:
        """Whether it shows a part of the box."""
        (x, y), half = self.center, self.side / 2
        return box[0] < x + half and x - half < box[2] and box[1] < y + half and y - half < box[3]


class Detector:
    """Finds faces in photos.

    Args:
        folder: of the three .tflite files.

    Raises:
        WeightsMissingError: a file or the runtime is missing.
    """

    def __init__(self, folder: str | Path) -> None:
        folder = Path(folder)
        self._short_range = _BlazeFace(
            folder / SHORT_RANGE_FILE, strides=(8, 16, 16, 16), anchors_per_layer=2
        )
        self._full_range = _BlazeFace(folder / FULL_RANGE_FILE, strides=(4,), anchors_per_layer=1)
        self._mesh = _FaceMesh(folder / LANDMARK_FILE)

    @classmethod
    def load(cls, weights: Weights = SHIPPED) -> Detector:
        """Load the files, which `fetch run` downloads; errors as above."""
        return cls(weights.path(LANDMARK_FILE).parent)

    def detect(
        self,
        image: NDArray[np.uint8],
        small: bool = True,
        within: Box | None = None,
        progress: Progress = no_progress,
    ) -> list[Face]:
        """All faces of an RGB photo `[H, W, 3]` (8 bit), left to right.

        Searches the whole photo, the photo with a wide border (for faces that fill it) and overlapping parts
        of it (for small faces). If no face is sure, it also searches the rotated photo.

        Args:
            image: the photo.
            small: search for small faces even if the whole photo shows a sure face.
            within: search for small faces only in parts of the photo that overlap this box.
            progress: called for every part.
        """
        pyramid = _Pyramid(image)
        wide, parts = list(_wholes(*pyramid.size)), list(_parts(*pyramid.size))
        if within is not None:
            parts = [part for part in parts if part.reaches(within)]
        best = self._faces(pyramid, wide, 0, progress)
        if small or not _sure(best):
            best = _distinct(best + self._faces(pyramid, parts, 0, progress))
        for quarter_turns in TURNS[1:]:
            if _sure(best):
                break
            turned = self._faces(pyramid, wide, quarter_turns, progress)
            best = max(best, turned, key=_best_score)
        turn = _quarter_turns(max(best, key=lambda face: face.score)) if best else 0
        if turn and small:  # the others of a group are rotated, too
            best = _distinct(best + self._faces(pyramid, wide + parts, turn, progress))
        return left_to_right(best)

    def measure(self, image: NDArray[np.uint8], boxes: Sequence[Box]) -> list[Face]:
        """The faces in given boxes of a photo `[H, W, 3]`, upright or rotated, left to right.

        Boxes without a face are left out.

        Raises:
            InputError: a box has no area, or a coordinate is not finite or out of range.
        """
        for x0, y0, x1, y1 in boxes:
            if not (-FARTHEST < x0 < x1 < FARTHEST and -FARTHEST < y0 < y1 < FARTHEST):  # also catches NaN
                raise InputError(
                    "Expected a box with width and height in pixels of the photo, but got one from "
                    f"({x0}, {y0}) to ({x1}, {y1})."
                )
        pyramid = _Pyramid(image)
        measured = [self._measure(pyramid, self._in_box(pyramid, box)) for box in boxes]
        return left_to_right([face for face in measured if face is not None])

    def _in_box(self, pyramid: _Pyramid, box: Box) -> _Candidate:
        """A face in the box, with the best detected eyes, or else those of an upright face."""
        x0, y0, x1, y1 = box
        best = _Candidate(MIN_SCORE, box, _level_eyes(box))
        for quarter_turns in TURNS:
            look = _square(((x0 + x1) / 2, (y0 + y1) / 2), BOX_MARGIN * max(x1 - x0, y1 - y0), quarter_turns)
            seen = [
                candidate
                for candidate in self._short_range(pyramid, look)
                if _overlap(candidate.box, box) > 0.5
            ]
            best = max([best, *seen], key=lambda candidate: candidate.score)
            if best.score > SURE_SCORE:
                break
        return _Candidate(best.score, box, best.eyes)

    def _faces(
        self, pyramid: _Pyramid, looks: Sequence[_Look], quarter_turns: int, progress: Progress
    ) -> list[Face]:
        """Detections in rotated squares, confirmed by the mesh."""
        candidates: list[_Candidate] = []
        for done, (center, side, whole) in enumerate(looks):
            progress(done, len(looks))
            square = _square(center, side, quarter_turns)
            candidates += self._full_range(pyramid, square)
            if whole:
                candidates += self._short_range(pyramid, square)
        measured = [self._measure(pyramid, candidate) for candidate in _distinct(candidates)]
        return _distinct([face for face in measured if face is not None])

    def _measure(self, pyramid: _Pyramid, candidate: _Candidate) -> Face | None:
        """The candidate's landmarks; each pass is centered by the one before."""
        box, eyes = candidate.box, candidate.eyes
        for _ in range(MESH_PASSES):
            landmarks, presence = self._mesh(pyramid, _frame(box, eyes))
            if presence < MIN_SCORE:
                return None
            box, eyes = _bounds(landmarks), landmarks[[LEFT_EYE_CORNER, RIGHT_EYE_CORNER]]
        return Face(box, candidate.score, landmarks)


class _Pyramid:
    """A photo and its copies shrunk by whole numbers, made when needed: wide squares stay cheap."""

    def __init__(self, image: NDArray[np.uint8]) -> None:
        height, width, _ = image.shape
        self.size = height, width
        self._photo = image
        self._levels: dict[int, Tensor] = {}

    def crop(self, square: Matrix, size: int, border: Border) -> Tensor:
        """The square (a matrix unit square → photo) as a picture `[1, 3, size, size]` in 0…255."""
        shrink = max(1, int(np.hypot(*square[:2, 0]) / size))
        if shrink not in self._levels:
            self._levels[shrink] = torch.from_numpy(self._reduced(shrink)).permute(2, 0, 1)[None]
        matrix = np.diag([1 / shrink, 1 / shrink, 1]) @ square @ np.diag([1 / size, 1 / size, 1])
        return resample(self._levels[shrink], matrix, (size, size), border)

    def _reduced(self, shrink: int) -> NDArray[np.uint8]:
        """The photo shrunk in bands, because Pillow's copy would take more memory than the photo."""
        rows = shrink * max(1, BAND_PIXELS // (self.size[1] * shrink))
        bands = [self._photo[top : top + rows] for top in range(0, self.size[0], rows)]
        return np.concatenate([np.array(Image.fromarray(band).reduce(shrink)) for band in bands])


@dataclass(frozen=True, eq=False)
class _Candidate:
    """A detection by BlazeFace."""

    score: float
    box: Box
    eyes: NDArray[np.float64]
    """Centers `[2, 2]`, left and right as seen in the picture."""


class _Network:
    """A TFLite model with one square picture as its input."""

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise WeightsMissingError(
                f"Finding faces needs the file {path}, which is missing. To download it, run "
                f"{own_command('fetch run')}."
            )
        try:
            from ai_edge_litert.interpreter import Interpreter
        except ImportError as error:
            raise WeightsMissingError(
                "Finding faces needs the package ai-edge-litert, which cannot be imported. "
                f"Install it with `{sys.executable} -m pip install ai-edge-litert`."
            ) from error
        self._one_at_a_time = Lock()
        try:
            with _quiet_runtime():
                # As bytes, because the runtime cannot open every path.
                self._interpreter: Any = Interpreter(model_content=path.read_bytes())
                self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError, OSError) as error:
            raise CheckpointError(
                f"{path} cannot be read as a TFLite model ({error}). Delete it; to download it again, run "
                f"{own_command('fetch run')}."
            ) from error
        self._input = self._interpreter.get_input_details()[0]["index"]
        self._outputs = [output["index"] for output in self._interpreter.get_output_details()]
        self.size: int = int(self._interpreter.get_input_details()[0]["shape"][1])

    def run(self, picture: Tensor) -> list[NDArray[np.float32]]:
        """All outputs for a picture `[1, 3, size, size]` in the model's value range."""
        with self._one_at_a_time:
            self._interpreter.set_tensor(self._input, picture.permute(0, 2, 3, 1).contiguous().numpy())
            self._interpreter.invoke()
            return [self._interpreter.get_tensor(index) for index in self._outputs]


@contextmanager
def _quiet_runtime() -> Iterator[None]:
    """Suppress the runtime's console output."""
    sys.stderr.flush()
    try:
        kept = os.dup(2)
    except OSError:  # a program without a console
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


class _BlazeFace(_Network):
    def __init__(self, path: Path, strides: Sequence[int], anchors_per_layer: int) -> None:
        super().__init__(path)
        self._anchors = _anchors(self.size, strides, anchors_per_layer)

    def __call__(self, pyramid: _Pyramid, square: Matrix) -> list[_Candidate]:
        """Faces within a square (a matrix unit square → photo), in photo pixels."""
        regressors, logits = self.run(pyramid.crop(square, self.size, "zeros") / 127.5 - 1)
        to_photo = square @ np.diag([1 / self.size, 1 / self.size, 1])
        scores = 1 / (1 + np.exp(-logits[0, :, 0].clip(-80, 80)))
        seen = scores > MIN_SCORE
        # Per anchor: center and key points relative to the anchor, and size; all in pixels.
        values = regressors[0, seen].reshape(-1, 8, 2).astype(np.float64)
        anchors = self._anchors[seen] * self.size
        found = []
        for score, anchor, (offset, extent, *points) in zip(scores[seen], anchors, values, strict=True):
            corners = anchor + offset + np.array([-0.5, 0.5])[:, None] * extent
            eyes = anchor + np.stack(points[:2])
            found.append(
                _Candidate(float(score), _bounds(_transform(to_photo, corners)), _transform(to_photo, eyes))
            )
        return found


class _FaceMesh(_Network):
    def __call__(self, pyramid: _Pyramid, square: Matrix) -> tuple[NDArray[np.float64], float]:
        """Landmarks `[468, 2]` in photo pixels and the probability of a face, for a square as above."""
        points, logit = self.run(pyramid.crop(square, self.size, "reflect") / 255)
        landmarks = points.reshape(MESH_POINTS, 3)[:, :2].astype(np.float64) + MESH_SHIFT
        to_photo = square @ np.diag([1 / self.size, 1 / self.size, 1])
        return _transform(to_photo, landmarks), float(1 / (1 + np.exp(-logit.item())))


def _anchors(size: int, strides: Sequence[int], per_layer: int) -> NDArray[np.float64]:
    """Anchor centers `[N, 2]` as shares of the picture: layers of equal stride share one grid of cells."""
    grids = []
    for stride in dict.fromkeys(strides):
        centers = (np.arange(size // stride) + 0.5) * stride / size
        grid = np.stack(np.meshgrid(centers, centers), axis=-1).reshape(-1, 2)
        grids.append(grid.repeat(per_layer * strides.count(stride), axis=0))
    return np.concatenate(grids)


def _wholes(height: int, width: int) -> Iterator[_Look]:
    """Squares around the whole photo."""
    for side in (max(height, width), WIDE_BORDER * max(height, width)):
        yield _Look((width / 2, height / 2), side, whole=True)


def _parts(height: int, width: int) -> Iterator[_Look]:
    """Overlapping squares of three sizes that cover a photo."""
    for share in (2, 4, 6):
        side = max(height, width) / share
        if side >= SMALLEST_PART:
            yield from (_Look((x, y), side) for y in _steps(height, side) for x in _steps(width, side))


def _steps(length: float, part: float) -> NDArray[np.float64]:
    """Centers of parts that cover a length and overlap by a third or more."""
    if length <= part:
        return np.array([length / 2])
    count = int(np.ceil((length - part) / (part * 2 / 3))) + 1
    return np.linspace(part / 2, length - part / 2, count)


def _square(center: Sequence[float], side: float, quarter_turns: float) -> Matrix:
    """Matrix unit square → photo, for a square of this center, side and rotation (clockwise)."""
    angle = quarter_turns * np.pi / 2
    turn = side * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = np.eye(3)
    matrix[:2, :2] = turn
    matrix[:2, 2] = np.asarray(center) - turn @ (0.5, 0.5)
    return matrix


def _frame(box: Box, eyes: NDArray[np.float64]) -> Matrix:
    """FaceMesh's square (a matrix unit square → photo): around the box, with the eyes level."""
    x0, y0, x1, y1 = box
    x, y = eyes[1] - eyes[0]
    quarter_turns = np.arctan2(y, x) / (np.pi / 2)
    return _square(((x0 + x1) / 2, (y0 + y1) / 2), FACE_MARGIN * max(x1 - x0, y1 - y0), quarter_turns)


def _level_eyes(box: Box) -> NDArray[np.float64]:
    """Eyes of an upright face."""
    x0, y0, x1, y1 = box
    return np.array([[x0, (y0 + y1) / 2], [x1, (y0 + y1) / 2]])


def _quarter_turns(face: Face) -> int:
    """Rotation of the face from upright in quarter turns, clockwise, 0 to 3."""
    x, y = face.landmarks[RIGHT_EYE_CORNER] - face.landmarks[LEFT_EYE_CORNER]
    return round(np.arctan2(y, x) / (np.pi / 2)) % 4


def _sure(faces: Sequence[Face]) -> bool:
    return _best_score(faces) > SURE_SCORE


def _best_score(faces: Sequence[Face]) -> float:
    return max((face.score for face in faces), default=0.0)


def _bounds(points: NDArray[np.float64]) -> Box:
    (x0, y0), (x1, y1) = points.min(0).tolist(), points.max(0).tolist()
    return x0, y0, x1, y1


def _area(box: Box) -> float:
    x0, y0, x1, y1 = box
    return max(0.0, x1 - x0) * max(0.0, y1 - y0)


Found = TypeVar("Found", "Face", "_Candidate")


def _distinct(found: list[Found]) -> list[Found]:
    """Keep the one with the highest score of faces that overlap by more than half of the smaller one.

    The smaller one counts, because a part of the photo may show a part of a face.
    """
    kept: list[Found] = []
    for new in sorted(found, key=lambda item: -item.score):
        if all(_overlap(new.box, old.box) <= 0.5 for old in kept):
            kept.append(new)
    return kept


def _overlap(a: Box, b: Box) -> float:
    shared = _area((max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3])))
    return shared / min(_area(a), _area(b))


def _transform(matrix: Matrix, points: NDArray[np.float64]) -> NDArray[np.float64]:
    return points @ matrix[:2, :2].T + matrix[:2, 2]
