"""What is edited and measured on one face, and the file that keeps it: an interrupted evaluation goes on."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ...checkpoints.files import replacing
from ...conditions import Conditions, one_hot, pencil_sketch, region_means, whole_photo
from ...editing.pose import Pose
from ...errors import FaceNotFoundError
from ...faces.regions import region_mask
from ...pictures import from_bytes, to_bytes, to_pixels
from ...pipeline.style import in_pose
from ...posing import Poser
from ..frechet import Array
from ..memory import peak_megabytes, restart_peak
from ..metrics import absolute_error, peak_signal_to_noise
from ..photos import GIVEN
from ..suites.subsets import SUBSETS, drawn_by
from ..trials import Trial
from .methods import Method, name_of
from .networks import MetricNetworks

ROUNDS = 20
"""Edits in a chain."""

ROUND_REGIONS = ("hair", "mouth", "eyes", "brows", "nose", "skin")
"""What they change in turn."""

ROUND_GROWN = 4
"""Pixels by which these regions are grown."""

CHANGED, SECONDS, MEMORY = "kept pixels changed", "seconds", "peak memory (MB)"
"""Names of numbers: a share of the pixels outside the mask, and what one edit costs."""

Numbers = dict[str, float]


@dataclass
class FaceRecord:
    """All numbers of one face."""

    settings: str
    """What was asked for; a record of other settings is made anew."""
    name: str
    kind: str
    """Of its mask."""
    edits: dict[str, Numbers] = field(default_factory=dict)
    """Of each method: what is measured, and its `seconds`."""
    rounds: list[Numbers] = field(default_factory=list)
    """Of the chain of edits."""
    frontal: Numbers = field(default_factory=dict)
    """Of the face turned to the front."""
    seconds: Numbers = field(default_factory=dict)
    """Spent on each part of the work."""
    features: dict[str, Array] = field(default_factory=dict)
    """Of the photo and of each method's picture, `[C]`."""

    def save(self, path: Path) -> None:
        """Write the record: it is there whole, or not at all."""
        about = {name: value for name, value in asdict(self).items() if name != "features"}
        with replacing(path) as temporary, temporary.open("wb") as file:
            np.savez(file, about=np.array(json.dumps(about)), **self.features)  # type: ignore[arg-type]

    @classmethod
    def load(cls, path: Path) -> FaceRecord:
        """Read a record."""
        with np.load(path) as arrays:
            features = {name: arrays[name] for name in arrays.files if name != "about"}
            return cls(**json.loads(str(arrays["about"])), features=features)


@dataclass
class FaceWork:
    """What is done to each face.

    Attributes:
        folder: of the report.
        methods: of all faces.
        networks: that measure.
        poser: turns faces; None without directions of pose.
        extras: so many faces have the slow methods, the chain, the frontal view and all subsets, too.
    """

    folder: Path
    methods: Sequence[Method]
    networks: MetricNetworks
    poser: Poser | None
    extras: int

    def record(self, number: int, name: str, trial: Trial, *, alone: bool = False) -> FaceRecord:
        """The face's record: read, if there is one of these settings, or else made and saved.

        `alone`: nothing else runs in this process, so that memory is measured, too.
        """
        extra = number < self.extras
        methods = [method for method in self.methods if extra or not method.slow]
        settings = json.dumps([[method.name for method in methods], extra, self.networks.names])
        path = self.folder / "faces" / f"{name}.npz"
        if path.exists() and (known := FaceRecord.load(path)).settings == settings:
            return known
        record = FaceRecord(settings, name, trial.faces.kinds[0])
        trial.exemplar_codes = in_pose(trial.model, trial.exemplar_codes, trial.unguided)
        self._keep("photo", name, trial.faces.photo)
        self._keep("hole", name, trial.unguided.masked_image)
        self._keep("mask", name, trial.faces.mask * 2 - 1)
        record.features["photo"] = self._features(trial.faces.photo)
        for method in methods:
            self._measure(record, method, trial, alone and restart_peak())
        if extra:
            self._extras(record, name, trial)
        record.save(path)
        return record

    def _measure(self, record: FaceRecord, method: Method, trial: Trial, memory: bool) -> None:
        with _timed(record, "edits"):
            begun = time.perf_counter()
            picture = from_bytes(to_bytes(method.draw(trial))).to(trial.faces.photo)
            cost = {SECONDS: time.perf_counter() - begun}
        if memory:
            cost[MEMORY] = peak_megabytes()
        with _timed(record, "measuring"):
            self._keep(method.name, record.name, picture)
            numbers = measured(self.networks, trial, picture)
            if not method.of_photo:
                del numbers[CHANGED]
            record.edits[method.name] = {**numbers, **(cost if method.timed else {})}
            record.features[method.name] = self._features(picture)

    def _extras(self, record: FaceRecord, name: str, trial: Trial) -> None:
        with _timed(record, "chain"):
            record.rounds = self._chain(name, trial)
        with _timed(record, "all subsets"):
            for chosen in SUBSETS:
                self._keep(f"subsets/{name_of(chosen)}", name, drawn_by(trial, chosen))
        if self.poser is not None:
            with _timed(record, "frontal view"), suppress(FaceNotFoundError):
                record.frontal = self._frontal(self.poser, name, trial)

    def _chain(self, name: str, trial: Trial) -> list[Numbers]:
        """Edit upon edit, each in another region by sketch, map and colors of the photo: what the chain loses
        of the photo shows how edits add up."""
        faces, photo = trial.faces, trial.faces.photo
        rounds, picture = [], photo
        guides = {
            "sketch": pencil_sketch(photo),
            "semantic": one_hot(faces.labels),
            "color": region_means(photo, faces.labels),
        }
        regions = [region for region in ROUND_REGIONS if _is_there(faces.labels, region)]
        for number in range(ROUNDS):
            mask = region_mask(faces.labels, regions[number % len(regions)], ROUND_GROWN)
            conditions = Conditions.build(image=picture, mask=mask, **guides)  # type: ignore[arg-type]
            edit = trial.edit(conditions, trial.project(conditions))
            edit = from_bytes(to_bytes(edit)).to(photo)
            rounds.append(
                {
                    CHANGED: _changed(edit, picture, mask),
                    self.networks.distance.name: float(self.networks.distance.between(edit, photo)),
                    self.networks.identity.name: self._likeness(edit, photo),
                }
            )
            picture = edit
            self._keep(f"chain/{number + 1:02}", name, picture)
        return rounds

    def _frontal(self, poser: Poser, name: str, trial: Trial) -> Numbers:
        """Likeness of the frontal view to the photo, by codes of inversion and by the encoder's alone."""
        photo, numbers = trial.faces.photo, {}
        sources = {"inverted": trial.project(whole_photo(photo)), "encoded": trial.model.encode(photo)}
        for key, codes in sources.items():
            posed = poser.turn(codes, Pose())
            self._keep(f"frontal/{key}", name, posed.picture)
            numbers[key] = self._likeness(posed.picture, photo)
        return numbers

    def _likeness(self, first: Tensor, second: Tensor) -> float:
        embed = self.networks.identity.embed
        return float((embed(first) * embed(second)).sum())

    def _features(self, picture: Tensor) -> Array:
        return self.networks.crowd.features(picture)[0].cpu().numpy()

    def _keep(self, what: str, name: str, picture: Tensor) -> None:
        path = picture_file(self.folder, what, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = to_pixels(picture[0].expand(3, -1, -1))
        with replacing(path) as temporary:
            Image.fromarray(pixels).save(temporary, "PNG")


def picture_file(folder: Path, what: str, name: str) -> Path:
    """Where a picture of a face is kept: in a folder for each method, under the photo's name."""
    return folder / "pictures" / what / f"{name}.png"


def measured(networks: MetricNetworks, trial: Trial, picture: Tensor) -> Numbers:
    """Numbers of one edit `[1, 3, 256, 256]`.

    A mask that came with the photo may hide something else than the face that is wanted. Such edits are only
    compared to the person of the exemplar.
    """
    from skimage.metrics import structural_similarity

    faces, embed = trial.faces, networks.identity.embed
    kept = {CHANGED: _changed(picture, faces.photo, faces.mask)}
    truth = faces.exemplar if faces.kinds[0] == GIVEN else faces.photo
    likeness = {networks.identity.name: float((embed(picture) * embed(truth)).sum())}
    if faces.kinds[0] == GIVEN:
        return {**likeness, **kept}
    whole = torch.ones_like(faces.mask)
    first, second = (to_pixels(x[0]) for x in (picture, faces.photo))
    # Wang et al. 2004: Gaussian windows of σ 1.5.
    similarity = structural_similarity(
        first, second, channel_axis=2, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
    )
    return {
        networks.distance.name: float(networks.distance.between(picture, faces.photo)),
        **likeness,
        "PSNR": float(peak_signal_to_noise(picture, faces.photo, whole)),
        "SSIM": float(similarity),
        "MAE": float(absolute_error(picture, faces.photo, whole)) / 2,
        **kept,
    }


def _changed(picture: Tensor, photo: Tensor, mask: Tensor) -> float:
    """Share of the pixels outside the mask that differ."""
    kept = mask == 0
    changed = (picture != photo).any(1, keepdim=True) & kept
    return float(changed.sum() / kept.sum())


def _is_there(labels: Tensor, region: str) -> bool:
    return bool(region_mask(labels, region).any())


@contextmanager
def _timed(record: FaceRecord, part: str) -> Iterator[None]:
    """Add the seconds of a block to a part of the record's."""
    begun = time.perf_counter()
    yield
    record.seconds[part] = record.seconds.get(part, 0.0) + time.perf_counter() - begun
