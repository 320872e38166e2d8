"""The detail stage: edits at the size of large photos."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from ...conditions import Conditions, one_hot, pencil_sketch, region_means
from ...conventions import REGIONS, WORKING_SIZE
from ...latents import broadcast
from ...pictures import at_working_size, from_bytes, to_pixels
from ...training.draws import Draw
from ..faces import drawn_code
from ..trials import Case, Summary, Trial, cases, mean

SIDE = 1024

NOISE = 0.06
"""Strongest noise of a photo, in [-1, 1]."""

JUDGED = {"skin": REGIONS["face"], "hair": REGIONS["hair"]}
"""Classes of the parts whose sharpness is compared."""

KEYS = ("detail.perceptual_ratio", "detail.sharpness_ratio")


@dataclass(frozen=True)
class DetailStage:
    """Guided edits of photos of 1024 px, enlarged by the detail stage and by Lanczos.

    The photos are bank pictures at full size with a camera's resolution, noise and compression. Guides and
    exemplar are the truth's.
    """

    name: str = "detail"
    max_faces: int = 24
    on_real_faces: bool = False

    def run(self, trial: Trial) -> list[Case]:
        """Edit, enlarge and measure."""
        rows = [self._measured(trial, i) for i in range(len(trial.faces))]
        numbers = {name: [row[0][name] for row in rows] for name in rows[0][0]}
        panels = {name: torch.stack([row[1][name] for row in rows]) for name in rows[0][1]}
        scores = [row[0]["distance"] / row[0]["lanczos_distance"] for row in rows]
        return cases(trial, scores, "of Lanczos's distance", panels, numbers)

    def summary(self, found: Sequence[Case]) -> Summary:
        """Ratio of mean distances; strength of the finest band inside ÷ outside the mask on skin and hair."""
        summary: Summary = {KEYS[0]: mean(found, "distance") / mean(found, "lanczos_distance")}
        for name, suffix in (("ours", ""), ("lanczos", "_lanczos"), ("truth", "_truth")):
            summary[KEYS[1] + suffix] = float(
                np.exp(np.mean([np.log(_sharpness_ratio(found, name, part)) for part in JUDGED]))
            )
        return summary

    def _measured(self, trial: Trial, i: int) -> tuple[dict[str, float], dict[str, Tensor]]:
        """Numbers and panels of one face."""
        faces, model = trial.faces, trial.model
        mask, labels = faces.mask[i : i + 1], faces.labels[i : i + 1]
        photo = _photo(trial, faces.seeds[i])
        crop = at_working_size(photo)
        conditions = Conditions.build(
            image=crop,
            mask=mask,
            sketch=pencil_sketch(crop),
            semantic=one_hot(labels),
            color=region_means(crop, labels),
        )
        edit = trial.edit(conditions, model.encode(crop))
        inside = F.interpolate(mask, (SIDE, SIDE))
        pictures = {
            "lanczos": torch.where(inside > 0, _lanczos(edit).to(photo), photo),
            "ours": model.add_detail(edit, photo, mask),
            "truth": photo,
        }
        trial.kept_pixels_changed += int(((pictures["ours"] != photo) & (inside == 0)).sum())
        features = {name: trial.judges.perceptual.features(picture) for name, picture in pictures.items()}
        between = trial.judges.perceptual.between
        numbers = {
            "distance": float(between(features["ours"], features["truth"], inside)),
            "lanczos_distance": float(between(features["lanczos"], features["truth"], inside)),
        }
        for name, picture in pictures.items():
            energy = F.avg_pool2d(_finest_band(picture).square(), SIDE // WORKING_SIZE)
            for part, classes in JUDGED.items():
                of_part = torch.isin(labels, torch.tensor(classes, device=labels.device))[:, None]
                numbers[f"{part}_inside_{name}"] = float(energy[of_part & (mask > 0)].sum())
                numbers[f"{part}_outside_{name}"] = float(energy[of_part & (mask == 0)].sum())
                numbers[f"{part}_inside"] = float((of_part & (mask > 0)).sum())
                numbers[f"{part}_outside"] = float((of_part & (mask == 0)).sum())
        return numbers, {name: _window(picture, mask) for name, picture in pictures.items()}


def _photo(trial: Trial, seed: int) -> Tensor:
    """A face as a photo `[1, 3, 1024, 1024]` in [-1, 1]."""
    code = drawn_code(trial.model.mapping, torch.Generator().manual_seed(seed))
    picture = Image.fromarray(to_pixels(trial.model.bank(broadcast(code))[0]))
    photo = _as_photo(picture, Draw(seed, 0))
    return from_bytes(torch.from_numpy(np.array(photo)).permute(2, 0, 1))[None].to(trial.faces.mask.device)


def _as_photo(picture: Image.Image, draw: Draw) -> Image.Image:
    """The picture with a camera's resolution, noise and compression, at its own size."""
    size = picture.size
    if draw.chance(0.7):
        side = round(size[0] * draw.uniform(0.35, 1))
        picture = picture.resize((side, side), Image.Resampling.BICUBIC)
    if draw.chance(0.7):
        noise = draw.normal(picture.height, picture.width, 1).numpy() * (127.5 * draw.uniform(0, NOISE))
        picture = Image.fromarray((np.asarray(picture) + noise).round().clip(0, 255).astype(np.uint8))
    if draw.chance(0.7):
        file = BytesIO()
        picture.save(file, format="JPEG", quality=60 + draw.integer(38))
        picture = Image.open(file)
    return picture.resize(size, Image.Resampling.BICUBIC)


def _lanczos(picture: Tensor) -> Tensor:
    """`[1, 3, 256, 256]` in [-1, 1] at 1024 px."""
    planes = [Image.fromarray(plane.numpy()) for plane in picture[0].cpu()]
    large = [np.asarray(plane.resize((SIDE, SIDE), Image.Resampling.LANCZOS)) for plane in planes]
    return torch.from_numpy(np.stack(large))[None].clamp(-1, 1)


def _finest_band(picture: Tensor) -> Tensor:
    gray = picture.mean(1, keepdim=True)
    return gray - F.avg_pool2d(gray, 3, stride=1, padding=1, count_include_pad=False)


def _sharpness_ratio(found: Sequence[Case], name: str, part: str) -> float:
    """Root mean square of the finest band on a part of all faces, inside ÷ outside the masks."""

    def of(where: str) -> float:
        energy = sum(case.numbers[f"{part}_{where}_{name}"] for case in found)
        return energy / max(1.0, sum(case.numbers[f"{part}_{where}"] for case in found))

    return float(np.sqrt(of("inside") / max(1e-12, of("outside"))))


def _window(picture: Tensor, mask: Tensor) -> Tensor:
    """The window `[3, 256, 256]` around the middle of the mask."""
    rows, columns = mask[0, 0].nonzero().float().mean(0).mul(SIDE / WORKING_SIZE).long().tolist()
    top, left = (min(max(0, at - WORKING_SIZE // 2), SIDE - WORKING_SIZE) for at in (rows, columns))
    return picture[0, :, top : top + WORKING_SIZE, left : left + WORKING_SIZE].cpu().clamp(-1, 1)
