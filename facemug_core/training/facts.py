"""Facts about aligned faces: measurements turned into levels for captions.

A fact is the level of one attribute, such as "blond" of hair color, or −1 = unknown. Levels of one attribute
exclude each other. Limits follow common usage, or are quantiles over 1,550 bank faces.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..checkpoints.reading import read_safetensors, save_safetensors
from ..conventions import LABELS, REGIONS
from ..editing.measuring import LUMA, Measurer, Reading, find_mesh, load_measurer
from ..pictures import to_pixels
from .bank_faces import Faces
from .draws import Draw
from .photographic import random_tone

log = logging.getLogger(__name__)

Array = NDArray[np.float64]

OBSERVED = "observed.safetensors"
OBSERVED_TONED = "observed_toned.safetensors"
"""Files in a folder of faces: measurements of the faces, and of the faces in other tones."""

TONE_SEED = 0

UNKNOWN = -1

LEAST = 60
"""Fewest pixels of a class with a color."""

BEARD = (199, 175, 136, 365, 150, 379)
CHEEKS = (50, 280, 205, 425)
"""Points of the face mesh on beard and cheeks."""


@dataclass(frozen=True)
class Limits:
    """An attribute whose levels are intervals of one measurement."""

    measured: str
    limits: tuple[tuple[float, float], ...]
    """Lower and upper limit of each level; values between levels are unknown."""

    def levels(self, values: Mapping[str, Array]) -> NDArray[np.int64]:
        """Levels `[N]` of measured values `[N]` by name."""
        column = values[self.measured]
        inside = [(column >= low) & (column < high) for low, high in self.limits]
        return np.select(inside, range(len(inside)), UNKNOWN)


INFINITE = float("inf")


def _ends(measured: str, low: float, high: float) -> Limits:
    """A low and a high level; values in between are unknown."""
    return Limits(measured, ((-INFINITE, low), (high, INFINITE)))


ATTRIBUTES: Mapping[str, Limits] = MappingProxyType(
    {
        "gender": Limits("masculine.network", ((-INFINITE, -1.0), (1.0, INFINITE))),
        "age": Limits("age.network", ((0, 13), (17, 29), (36, 48), (54, 200))),
        "smile": _ends("smile.network", 2.989, 10.51),
        "mouth": _ends("mouth_open.mesh", 0.01978, 0.04148),
        "eyes": _ends("eyes_open.mesh", 0.2716, 0.3251),
        "turn": _ends("yaw.mesh", -0.1128, 0.1351),
        "nod": _ends("pitch.mesh", -0.6491, -0.5318),
        "glasses": Limits("glasses.parser", ((0.0, 0.001), (0.006, 1.0))),
        "hair_length": _ends("hair_length.parser", 0.00052, 0.04403),
        "hair_color": Limits("hair_color", tuple((i - 0.5, i + 0.5) for i in range(6))),
        "hair_volume": _ends("hair_volume.parser", 0.1263, 0.2353),
        "fringe": _ends("fringe.parser", 1e-4, 0.04849),
        "curl": _ends("curl", 0.1792, 0.2914),
        "lips_color": _ends("lipstick.parser", 0.07959, 0.1198),
        "lips": _ends("lip_fullness.mesh", 0.05317, 0.06383),
        "skin": _ends("skin_tone.parser", 0.4811, 0.6009),
        "width": _ends("face_width.mesh", 0.5333, 0.5661),
        "nose": _ends("nose_size.mesh", 0.2621, 0.285),
        "brows": _ends("brow_thickness.parser", 0.02234, 0.03038),
        "light": _ends("lighting.parser", -0.08735, 0.09353),
        "beard": Limits("beard", ((-INFINITE, 0.15), (0.37, INFINITE))),
        "hat": Limits("hat", ((0.0, 0.002), (0.02, 1.0))),
        "earrings": Limits("earrings", ((0.0, 0.0001), (0.0008, 1.0))),
        "background": Limits("background_color", tuple((i - 0.5, i + 0.5) for i in range(6))),
    }
)
"""Attributes of captions; levels are in the order of `captions.WORDINGS`."""


def facts(values: Mapping[str, Array]) -> NDArray[np.int64]:
    """Levels `[N, attributes]` of measured values `[N]` by name, −1 = unknown."""
    levels = {name: attribute.levels(values) for name, attribute in ATTRIBUTES.items()}
    # Shadow on a woman's or a child's chin is no beard.
    grown_man = (levels["gender"] == 1) & (levels["age"] != 0)
    levels["beard"] = np.where((levels["beard"] == 1) & ~grown_man, UNKNOWN, levels["beard"])
    return np.stack(list(levels.values()), 1)


def fact_codes(levels: NDArray[np.int64]) -> Tensor:
    """Codes `[N, all levels + 1]` of facts in the space of texts and faces, from levels `[N, attributes]`.

    An attribute of n levels has n entries: one-hot minus 1 / n, so that opposites have opposite codes. They
        are 0 if the level is unknown. The last entry is always 1, so that no code is zero.
    """
    columns = []
    for stated, attribute in zip(levels.T, ATTRIBUTES.values(), strict=True):
        count = len(attribute.limits)
        column = (stated[:, None] == np.arange(count)) - 1 / count
        columns.append(np.where(stated[:, None] == UNKNOWN, 0.0, column))
    return torch.from_numpy(np.concatenate([*columns, np.ones((len(levels), 1))], 1)).float()


@torch.no_grad()
def observe(measurer: Measurer, picture: Tensor, labels: Tensor) -> Reading | None:
    """All measurements for facts of an aligned face `[1, 3, 256, 256]` with its classes `[1, 256, 256]`.

    None if no face is found.
    """
    reading = measurer.measure(picture, labels)
    if reading is None:
        return None
    pixels = to_pixels(picture[0])
    mesh = find_mesh(measurer.detector, pixels)
    assert mesh is not None
    return reading | appearance(pixels, labels[0].numpy(), mesh)


def appearance(pixels: NDArray[np.uint8], classes: NDArray[np.integer], mesh: Array) -> Reading:
    """Colors, beard, curl and adornments of an aligned face `[256, 256, 3]` with its classes and mesh."""
    hair = classes == LABELS.index("hair")
    behind = np.isin(classes, REGIONS["background"])
    return {
        "hair_color": hair_color(pixels[hair]),
        "background_color": background_color(pixels[behind]),
        "beard": _beard(pixels, mesh),
        "curl": _curl(pixels, hair),
        "hat": float((classes == LABELS.index("hat")).mean()),
        "earrings": float((classes == LABELS.index("ear_r")).mean()),
    }


def hair_color(pixels: NDArray[np.uint8]) -> float:
    """0 black, 1 brown, 2 blond, 3 red, 4 gray, 5 white of hair pixels `[N, 3]`; NaN of too few."""
    if len(pixels) < LEAST:
        return float("nan")
    lightness, chroma, hue = lch(np.median(pixels, 0))
    if lightness < 16:
        return 0.0
    if chroma < 9 and lightness > 35:
        return 5.0 if lightness > 62 else 4.0
    if hue < 58 and chroma > 22:
        return 3.0
    return 2.0 if lightness > 45 else 1.0


def background_color(pixels: NDArray[np.uint8]) -> float:
    """0 black, 1 white, 2 gray, 3 green, 4 blue, 5 brown of background pixels `[N, 3]`; NaN of too few."""
    if len(pixels) < LEAST:
        return float("nan")
    lightness, chroma, hue = lch(pixels.mean(0))
    if lightness < 22:
        return 0.0
    if chroma < 10:
        return 1.0 if lightness > 75 else 2.0
    if 95 <= hue < 180:
        return 3.0
    if 200 <= hue < 310:
        return 4.0
    return 5.0 if hue < 95 else float("nan")


def lch(color: Array) -> tuple[float, float, float]:
    """CIE lightness 0…100, chroma and hue in degrees of an RGB color in [0, 255]."""
    from skimage.color import rgb2lab

    lightness, a, b = rgb2lab(np.asarray(color, float)[None, None] / 255)[0, 0]
    return float(lightness), float(np.hypot(a, b)), float(np.degrees(np.arctan2(b, a)) % 360)


def _beard(pixels: NDArray[np.uint8], mesh: Array) -> float:
    """How much darker chin and jaw are than the cheeks, as a share."""
    light = pixels @ LUMA
    columns, rows = np.clip(mesh.round().astype(int), 4, 251).T

    def around(points: tuple[int, ...]) -> float:
        return float(
            np.mean(
                [light[rows[i] - 4 : rows[i] + 5, columns[i] - 4 : columns[i] + 5].mean() for i in points]
            )
        )

    return 1 - around(BEARD) / max(around(CHEEKS), 1.0)


def _curl(pixels: NDArray[np.uint8], hair: NDArray[np.bool_]) -> float:
    """Curl from 0 (parallel strands) to 1: 1 − coherence of the structure tensor inside the hair."""
    from scipy.ndimage import gaussian_filter

    if hair.sum() < 20 * LEAST:
        return float("nan")
    rows, columns = np.gradient(gaussian_filter(pixels @ LUMA, 1.0))
    xx, yy, xy = (gaussian_filter(np.where(hair, p, 0), 5.0) for p in (columns**2, rows**2, rows * columns))
    energy = (xx + yy)[hair]
    coherent = np.hypot(xx - yy, 2 * xy)[hair]
    return float(1 - coherent.sum() / max(energy.sum(), 1e-6))


# --- the faces of a folder ----------------------------------------------------------------------------------


class Toned:
    """The first `count` faces, each in another random tone."""

    def __init__(self, faces: Faces, count: int) -> None:
        self.faces = faces
        self.count = count
        self.rare: Sequence[int] = [index for index in faces.rare if index < count]

    def __len__(self) -> int:
        return self.count

    def face(self, index: int) -> tuple[Tensor, Tensor, Tensor]:
        image, labels, w = self.faces.face(index)
        return random_tone(image[None], Draw(TONE_SEED, index))[0], labels, w


def load_facts(folder: Path, faces: Faces, name: str = OBSERVED) -> NDArray[np.int64]:
    """Facts `[N, attributes]` about a folder's faces."""
    return facts(load_observed(folder, faces, name))


def load_observed(folder: Path, faces: Faces, name: str = OBSERVED) -> dict[str, Array]:
    """Measurements `[N]` of a folder's faces by name; made once (0.4 s a face) and kept in a file."""
    path = folder / name
    if path.exists():
        tensors, about = read_safetensors(path)
        if len(tensors["values"]) == len(faces):
            columns = tensors["values"].double().numpy().T
            return dict(zip(json.loads(about["names"]), columns, strict=True))
    values = _observed(load_measurer(), faces)
    table = torch.from_numpy(np.stack(list(values.values()), 1)).float()
    save_safetensors(path, {"values": table}, {"names": json.dumps(list(values))})
    return values


def _observed(measurer: Measurer, faces: Faces) -> dict[str, Array]:
    readings = []
    for i in range(len(faces)):
        image, labels, _ = faces.face(i)
        readings.append(observe(measurer, image[None], labels[None]) or {})
        if i % 100 == 0:
            log.info("measured %d of %d faces", i, len(faces))
    names = sorted(set().union(*readings))
    return {name: np.array([reading.get(name, np.nan) for reading in readings]) for name in names}
