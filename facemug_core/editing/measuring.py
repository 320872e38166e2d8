"""Measurements of attributes of aligned faces.

Most attributes have two independent measurements: by the parser (areas and colors of classes) and by the face
    mesh (distances of landmarks, colors around them), or by a network and one of these. One finds the
    attribute's direction, the other judges it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..checkpoints.weights import SHIPPED, Weights
from ..conventions import LABELS, NUM_LABELS, REGIONS, WORKING_SIZE
from ..faces.alignment import resample
from ..faces.detection import Box, Detector
from ..faces.parsing import Parser
from ..networks.face_attributes import EXPRESSIONS, AgeGenderNet, ExpressionNet
from ..pictures import to_pixels

Array = NDArray[np.float64]
Reading = dict[str, float]
"""Values by measurement, "attribute.source"; NaN = not measurable."""

FACE_BOX: Box = (50.0, 60.0, 206.0, 240.0)
"""Approximate bounds of the mesh of an aligned face, in crop pixels."""

PATCH = 4
"""Half the side, in pixels, of the squares in which colors around landmarks are measured."""

EYE_LEVEL = 0.47
"""Height of the eyes in an aligned face, as a share of the picture: 0.471 ± 0.004 in the bank."""

LEAST_PIXELS = 12
"""Fewest pixels of a class whose color is measured."""

NETWORK_MARGIN = 1.15
"""Side of the networks' crop, as a multiple of the mesh's longer side."""

HAIR = 1.4
"""Distance of hair from the eyes, as a multiple of the distance to the forehead's edge."""

NETWORK_SIZE = 112

SOURCES = ("parser", "mesh", "network")
"""Sources of measurements."""


def source_of(measurement: str) -> str:
    """The source of a measurement, "attribute.source"."""
    return measurement.rpartition(".")[2]


@dataclass(frozen=True)
class Attribute:
    """An attribute with a slider."""

    what: str
    """Meaning of +1."""
    finder: str
    """The measurement that finds the direction."""
    judge: str
    """The measurement that judges the direction, if possible of another source."""
    same_person: bool = True
    """Whether the person should stay the same."""

    @property
    def independent(self) -> bool:
        """Whether finder and judge have different sources."""
        return source_of(self.finder) != source_of(self.judge)


ATTRIBUTES: Mapping[str, Attribute] = MappingProxyType(
    {
        "smile": Attribute("smiles", "smile.network", "smile.mesh"),
        "mouth_open": Attribute("opens the mouth", "mouth_open.mesh", "mouth_open.parser"),
        "eyes_open": Attribute("opens the eyes wide", "eyes_open.mesh", "eyes_open.parser"),
        "age": Attribute("is older", "age.network", "age.faceres", same_person=False),
        "masculine": Attribute(
            "looks masculine; −1 looks feminine", "masculine.network", "masculine.faceres", same_person=False
        ),
        "yaw": Attribute("turns to the right of the picture", "yaw.mesh", "yaw.parser"),
        "pitch": Attribute("looks up", "pitch.mesh", "pitch.parser"),
        "glasses": Attribute("wears glasses", "glasses.parser", "glasses.mesh"),
        "hair_length": Attribute("has long hair", "hair_length.parser", "hair_below_eyes.parser"),
        "hair_darkness": Attribute("has dark hair", "hair_darkness.parser", "hair_darkness.mesh"),
        "warmth": Attribute(
            "has warm colors, hair and skin alike; −1 has cold ones", "warmth.parser", "warmth.mesh"
        ),
        "hair_volume": Attribute("has voluminous hair", "hair_volume.parser", "hair_volume.parser"),
        "fringe": Attribute("has hair on the forehead", "fringe.parser", "fringe.parser"),
        "lipstick": Attribute("has red lips", "lipstick.parser", "lipstick.mesh"),
        "lip_fullness": Attribute("has full lips", "lip_fullness.parser", "lip_fullness.mesh"),
        "skin_tone": Attribute(
            "has light skin; −1 has dark skin", "skin_tone.parser", "skin_tone.mesh", same_person=False
        ),
        "face_width": Attribute("has a wide face", "face_width.mesh", "face_width.parser", same_person=False),
        "nose_size": Attribute("has a big nose", "nose_size.mesh", "nose_size.parser"),
        "brow_thickness": Attribute("has thick eyebrows", "brow_thickness.parser", "brow_thickness.parser"),
        "brow_height": Attribute("raises the eyebrows", "brow_height.mesh", "brow_height.parser"),
        "lighting": Attribute("is lit from the left of the picture", "lighting.parser", "lighting.mesh"),
    }
)
"""Measured attributes; those that pass are shipped as directions."""


def load_measurer(weights: Weights = SHIPPED) -> Measurer:
    """A measurer with all sources of finders.

    Raises:
        WeightsMissingError: a file is missing; `fetch run train` downloads all.
    """
    return Measurer(Detector.load(weights), Parser.load(weights), load_networks(weights))


Network = Callable[[Tensor], dict[str, Tensor]]
"""Faces `[B, 3, 112, 112]`, RGB in [0, 255] → values `[B]` by measurement."""


def load_networks(weights: Weights = SHIPPED) -> list[Network]:
    """The networks for expression, age and gender; errors as `load_measurer`."""
    return [
        _Smile(weights.network(ExpressionNet, "face_expression")),
        _AgeAndGender(weights.network(AgeGenderNet, "age_gender")),
    ]


class Measurer:
    """Measures aligned faces.

    Args:
        detector: finds the face mesh.
        parser: finds the classes.
        networks: measure further attributes.
    """

    def __init__(self, detector: Detector, parser: Parser, networks: Sequence[Network]) -> None:
        self.detector = detector
        self.parser = parser
        self.networks = networks

    @torch.no_grad()
    def measure(
        self, picture: Tensor, labels: Tensor | None = None, sources: Collection[str] = SOURCES
    ) -> Reading | None:
        """Measurements of an aligned face `[1, 3, 256, 256]` in [-1, 1] by `sources`; None without a face.

        `labels` `[1, 256, 256]` are known classes, which replace the parser's.
        """
        pixels = to_pixels(picture[0])
        mesh = find_mesh(self.detector, pixels)
        if mesh is None:
            return None
        reading: Reading = {}
        if "parser" in sources:
            labels = self.parser.parse(picture) if labels is None else labels
            reading |= by_parser(pixels, labels[0].numpy())
        if "mesh" in sources:
            reading |= by_mesh(pixels, mesh)
        if "network" in sources:
            seen = _face_square(torch.from_numpy(pixels).permute(2, 0, 1)[None], mesh)
            for network in self.networks:
                reading |= {name: float(value) for name, value in network(seen).items()}
        return reading


def find_mesh(detector: Detector, pixels: NDArray[np.uint8]) -> Array | None:
    """Mesh `[468, 2]` of an aligned face `[256, 256, 3]`, (x, y) in pixels; None if no face is found."""
    found = detector.measure(pixels, [FACE_BOX])
    return found[0].landmarks if found else None


@dataclass(frozen=True)
class _Smile:
    network: ExpressionNet

    def __call__(self, faces: Tensor) -> dict[str, Tensor]:
        """Logit of happiness against all other expressions."""
        happy = EXPRESSIONS.index("happy")
        logits = self.network(faces)
        others = torch.cat([logits[:, :happy], logits[:, happy + 1 :]], 1)
        return {"smile.network": logits[:, happy] - others.logsumexp(1)}


@dataclass(frozen=True)
class _AgeAndGender:
    network: AgeGenderNet

    def __call__(self, faces: Tensor) -> dict[str, Tensor]:
        """Age in years, and logit of male against female."""
        age, gender = self.network(faces)
        return {"age.network": age, "masculine.network": gender[:, 0] - gender[:, 1]}


def by_parser(pixels: NDArray[np.uint8], labels: NDArray[np.integer]) -> Reading:
    """Measurements from classes `[256, 256]` of an aligned face `[256, 256, 3]`."""
    face = _Parsed(pixels / 255.0, labels)
    eyes, nose, mouth = face.center("eyes"), face.center("nose"), face.center("mouth")
    skin = face.region("face")
    brows = face.center("brows")
    left_half = face.columns < nose[0]
    hair = face.region("hair")
    forehead = (np.abs(face.columns - 0.5) < 0.12) & (np.abs(face.rows - 0.34) < 0.06)
    values = {
        "mouth_open": float(face.of("mouth").mean()),
        "eyes_open": face.area("eyes"),
        "yaw": nose[0] - _center(skin)[0],
        "pitch": -_ratio(nose[1] - eyes[1], mouth[1] - eyes[1]),
        "glasses": face.area("glasses"),
        "hair_length": float((hair & (face.rows > 0.6)).mean()),
        # Distinguishes short hair, for which the value above is mostly 0.
        "hair_below_eyes": float((hair & (face.rows > EYE_LEVEL)).mean()),
        "hair_darkness": -face.light(hair),
        "warmth": _warmth(face.color(hair)),
        "hair_volume": float((hair & (face.rows < 0.5)).mean()),
        "fringe": float(hair[forehead].mean()),
        "lipstick": _redness(face.color(face.region("lips"))) - _redness(face.color(face.region("skin"))),
        "lip_fullness": _thickness(face.region("lips")),
        "skin_tone": face.light(face.region("skin")),
        "face_width": _width(skin, eyes[1], mouth[1]),
        "nose_size": face.area("nose"),
        "brow_thickness": _thickness(face.region("brows")),
        "brow_height": eyes[1] - brows[1],
        "lighting": _balance(
            face.light(face.region("skin") & left_half), face.light(face.region("skin") & ~left_half)
        ),
    }
    return {f"{name}.parser": value for name, value in values.items()}


def by_mesh(pixels: NDArray[np.uint8], mesh: Array) -> Reading:
    """Measurements from the face mesh `[468, 2]` of an aligned face `[256, 256, 3]`.

    Left and right in the names of variables are as seen in the picture.
    """
    face = _Meshed(pixels / 255.0, mesh)
    p = mesh / WORKING_SIZE
    left_eye, right_eye = _openness(p, 159, 145, 33, 133), _openness(p, 386, 374, 362, 263)
    aside, height = head_turn(p)
    corners = (p[61] + p[291]) / 2
    lips = (p[13] + p[14]) / 2
    cheeks = (face.color(p[50]) + face.color(p[280])) / 2
    middle = p[168]
    # Beyond the forehead, along rays from between the eyes; most of these points are in the hair.
    hair = np.median([face.color(middle + HAIR * (p[i] - middle)) for i in (10, 109, 338, 54, 284)], 0)
    values = {
        "smile": float(np.hypot(*(p[61] - p[291])) + 2 * (lips[1] - corners[1])),
        "mouth_open": float(np.hypot(*(p[13] - p[14]))),
        "eyes_open": (left_eye + right_eye) / 2,
        "yaw": aside,
        "pitch": -height,
        "glasses": float(np.mean([face.vertical_contrast(p[i]) for i in (168, 6)])),
        "hair_darkness": -_light(hair),
        "warmth": _warmth(hair),
        "lipstick": _redness((face.color((p[0] + p[13]) / 2) + face.color((p[14] + p[17]) / 2)) / 2)
        - _redness(cheeks),
        "lip_fullness": float(np.hypot(*(p[0] - p[13])) + np.hypot(*(p[14] - p[17]))),
        "skin_tone": _light(cheeks),
        "face_width": float(p[454][0] - p[234][0]),
        "nose_size": float(np.hypot(*(p[129] - p[358])) + 0.5 * (p[2][1] - p[168][1])),
        "brow_height": float((p[159][1] + p[386][1] - p[105][1] - p[334][1]) / 2),
        "lighting": _balance(_light(face.color(p[50])), _light(face.color(p[280]))),
    }
    return {f"{name}.mesh": value for name, value in values.items()}


class _Parsed:
    """A picture with its classes; positions are shares of the picture, (x, y)."""

    def __init__(self, pixels: Array, labels: NDArray[np.integer]) -> None:
        self.pixels = pixels
        self.labels = labels
        side = (np.arange(WORKING_SIZE) + 0.5) / WORKING_SIZE
        self.rows, self.columns = np.meshgrid(side, side, indexing="ij")

    def of(self, label: str) -> NDArray[np.bool_]:
        return self.labels == LABELS.index(label)

    def region(self, name: str) -> NDArray[np.bool_]:
        return _IN_REGION[name][self.labels]

    def area(self, name: str) -> float:
        return float(self.region(name).mean())

    def center(self, name: str) -> Array:
        return _center(self.region(name))

    def color(self, mask: NDArray[np.bool_]) -> Array:
        return self.pixels[mask].mean(0) if mask.sum() >= LEAST_PIXELS else np.full(3, np.nan)

    def light(self, mask: NDArray[np.bool_]) -> float:
        return _light(self.color(mask))


class _Meshed:
    """A picture whose colors are measured around points, given as shares of the picture, (x, y)."""

    def __init__(self, pixels: Array, mesh: Array) -> None:
        self.pixels = pixels

    def patch(self, point: Array | tuple[float, float], up: int = PATCH) -> Array:
        """Pixels around a point: `up` rows above and below it."""
        x, y = (int(np.clip(round(value * WORKING_SIZE), up, WORKING_SIZE - up - 1)) for value in point)
        return self.pixels[y - up : y + up + 1, max(0, x - PATCH) : x + PATCH + 1]

    def color(self, point: Array | tuple[float, float]) -> Array:
        return self.patch(point).mean((0, 1))

    def vertical_contrast(self, point: Array) -> float:
        """Contrast of light between rows around a point."""
        light = (self.patch(point, up=2 * PATCH) @ LUMA).mean(1)
        return float(np.abs(np.diff(light)).mean())


_IN_REGION = {name: np.isin(np.arange(NUM_LABELS), classes) for name, classes in REGIONS.items()}

LUMA = np.array([0.299, 0.587, 0.114])
"""Luma weights of ITU-R 601."""


def _light(color: Array) -> float:
    return float(color @ LUMA)


def _redness(color: Array) -> float:
    return _ratio(color[0] - (color[1] + color[2]) / 2, color.sum())


def _warmth(color: Array) -> float:
    return _ratio(color[0] - color[2], color.sum())


def _balance(first: float, second: float) -> float:
    return _ratio(first - second, first + second)


def head_turn(mesh: Array) -> tuple[float, float]:
    """Offset of the nose of a mesh `[468, 2]`: beside the middle, as a share of the face's width, and below
    the eyes, as a share of the distance to the lips.
    """
    eyes = (mesh[33] + mesh[133] + mesh[362] + mesh[263]) / 4
    lips = (mesh[13] + mesh[14]) / 2
    left, right, nose = mesh[234], mesh[454], mesh[1]
    aside = _ratio(nose[0] - (left[0] + right[0]) / 2, right[0] - left[0])
    return aside, _ratio(nose[1] - eyes[1], lips[1] - eyes[1])


def _ratio(part: float, whole: float) -> float:
    return float(part / whole) if whole else float("nan")


def _center(mask: NDArray[np.bool_]) -> Array:
    rows, columns = np.nonzero(mask)
    if len(rows) < LEAST_PIXELS:
        return np.full(2, np.nan)
    return (np.array([columns.mean(), rows.mean()]) + 0.5) / WORKING_SIZE


def _width(mask: NDArray[np.bool_], top: float, bottom: float) -> float:
    """Mean width of a mask between two heights."""
    if np.isnan(top + bottom):
        return float("nan")
    rows = mask[int(top * WORKING_SIZE) : int(bottom * WORKING_SIZE) + 1]
    return float(rows.sum(1).mean() / WORKING_SIZE)


def _thickness(mask: NDArray[np.bool_]) -> float:
    """Mean height of a mask over the columns that it covers."""
    columns = mask.any(0).sum()
    return float(mask.sum() / columns / WORKING_SIZE) if columns >= LEAST_PIXELS else float("nan")


def _openness(p: Array, top: int, bottom: int, outer: int, inner: int) -> float:
    return float(np.hypot(*(p[top] - p[bottom])) / np.hypot(*(p[outer] - p[inner])))


def _face_square(picture: Tensor, mesh: Array) -> Tensor:
    """The face in a square `[1, 3, 112, 112]`, from a picture `[1, 3, H, W]` in [0, 255]."""
    low, high = mesh.min(0), mesh.max(0)
    side = NETWORK_MARGIN * float((high - low).max())
    matrix = np.eye(3)
    matrix[:2, :2] *= side / NETWORK_SIZE
    matrix[:2, 2] = (low + high) / 2 - side / 2
    return resample(picture.float(), matrix, (NETWORK_SIZE, NETWORK_SIZE), "reflect")
