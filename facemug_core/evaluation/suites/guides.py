"""Adherence to sketch, semantic map and color map, of edits and of faces without a photo."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np
import torch
from torch import Tensor

from ...conditions import Conditions, labels_to_palette, on_white, one_hot, pencil_sketch
from ...conventions import LABELS, REGIONS
from ...faces.detection import MESH_POINTS
from ...pictures import from_bytes
from ..adherence import (
    FEWEST_CLASS_PIXELS,
    class_means,
    color_errors,
    mean_iou,
    overlaps,
    painted,
    rotated_hue,
    sparse_strokes,
    stroke_agreement,
)
from ..trials import Array, Case, Summary, Trial, cases, guide_panels, mean, stacked

ROTATED = (*REGIONS["hair"], *REGIONS["lips"], *REGIONS["cloth"])
"""Classes whose hue is rotated."""


@dataclass(frozen=True)
class Semantic:
    """The parser's classes of the edit, against the given map.

    Every second face gets another person's map. For comparison, completions are measured, too, and the photo
    after JPEG compression, which gives the parser's ceiling.
    """

    name: str = "semantic"
    max_faces: int = 36
    on_real_faces: bool = True

    def run(self, trial: Trial) -> list[Case]:
        """Edit by map and parse again."""
        faces, parser = trial.faces, trial.judges.parser
        given = _alternating(faces.labels, faces.other_labels)
        conditions = trial.with_guides(semantic=one_hot(given))
        edit = trial.edit(conditions, trial.project(conditions))
        parsed = parser.parse(edit)
        arrays = {
            **_counts("edit", parsed, given, faces.mask),
            **_counts("unguided", parser.parse(trial.completion), given, faces.mask),
            **_counts("ceiling", trial.jpeg_labels, faces.labels, faces.mask),
        }
        wanted = [trial.judges.mesh(face) for face in _alternating(faces.photo, faces.other_photo)]
        numbers = {
            "landmarks": _mesh_distances(trial, edit, wanted),
            "untold_landmarks": _mesh_distances(trial, trial.completion, wanted),
        }
        panels = {
            **guide_panels(conditions),
            "without the map": trial.completion,
            "ours": edit,
            "ours, parsed": _palette(parsed),
            "truth": faces.photo,
        }
        counts = zip(*(arrays[f"edit_{n}"].cpu().numpy() for n in PAIR), strict=True)
        scores = [-mean_iou(shared, either) for shared, either in counts]
        return cases(trial, scores, "mean IoU (negative)", panels, numbers, arrays)

    def summary(self, found: Sequence[Case]) -> Summary:
        """Mean IoU over classes and its ratio to the ceiling; IoU of each class; landmark distances."""
        counts = {
            kind: [stacked(found, f"{kind}_{n}").sum(0) for n in PAIR]
            for kind in ("edit", "unguided", "ceiling")
        }
        ceiling = mean_iou(*counts["ceiling"])
        keys: Summary = {
            "semantic.miou_ratio": mean_iou(*counts["edit"]) / ceiling,
            "semantic.unconditioned_miou_ratio": mean_iou(*counts["unguided"]) / ceiling,
            "semantic.ceiling_miou": ceiling,
            "semantic.landmark_distance": mean(found, "landmarks"),
            "semantic.landmark_distance_unconditioned": mean(found, "untold_landmarks"),
        }
        shared, either = counts["edit"]
        for label, name in enumerate(LABELS):
            if either[label] >= FEWEST_CLASS_PIXELS:
                keys[f"semantic.iou.{name}"] = float(shared[label] / either[label])
            else:
                keys[f"semantic.iou.{name}"] = f"only {int(either[label])} pixels of it lay in masks"
        return keys


@dataclass(frozen=True)
class Sketch:
    """Strokes of the edit against the given strokes, which are another person's on every second face."""

    name: str = "sketch"
    max_faces: int = 72
    on_real_faces: bool = True

    def run(self, trial: Trial) -> list[Case]:
        """Edit by strokes and extract the edit's."""
        faces = trial.faces
        drawn = pencil_sketch(_alternating(faces.photo, faces.other_photo))
        strokes = sparse_strokes(drawn, faces.mask)
        conditions = trial.with_guides(sketch=strokes)
        edit = trial.edit(conditions, trial.project(conditions))
        found = pencil_sketch(edit) * faces.mask
        numbers = {
            "f1": stroke_agreement(found, strokes, faces.mask),
            "f1_unconditioned": stroke_agreement(pencil_sketch(trial.completion), strokes, faces.mask),
        }
        panels = {
            **guide_panels(conditions),
            "without strokes": trial.completion,
            "ours": edit,
            "ours, drawn": on_white(found),
            "truth": faces.photo,
        }
        return cases(trial, -numbers["f1"], "F1 (negative)", panels, numbers)

    def summary(self, found: Sequence[Case]) -> Summary:
        """Mean F1 with and without the strokes."""
        return {f"sketch.{name}": mean(found, name) for name in ("f1", "f1_unconditioned")}


@dataclass(frozen=True)
class Color:
    """Mean colors of the edit's regions against the given colors.

    One edit has another person's colors on the photo's regions, one the photo's colors with the hue of hair,
    lips and cloth rotated.
    """

    name: str = "color"
    max_faces: int = 48
    on_real_faces: bool = True

    def run(self, trial: Trial) -> list[Case]:
        """Edit by either color map."""
        faces = trial.faces
        maps = {"other": _other_colors(trial), "rotated": _rotated_colors(trial)}
        numbers: dict[str, list[float]] = {}
        panels = {"photo": trial.unguided.masked_image}
        for name, colors in maps.items():
            conditions = trial.with_guides(color=colors)
            edit = trial.edit(conditions, trial.project(conditions))
            classes = range(len(LABELS)) if name == "other" else ROTATED
            numbers[name] = _mean_errors(trial, edit, colors, classes)
            numbers[f"{name}_untold"] = _mean_errors(trial, trial.completion, colors, classes)
            panels |= {f"{name} colors": conditions.color, f"ours, {name}": edit}
        panels |= {"without colors": trial.completion, "truth": faces.photo}
        return cases(trial, np.nan_to_num(numbers["other"]).tolist(), "from other colors", panels, numbers)

    def summary(self, found: Sequence[Case]) -> Summary:
        """Mean CIEDE2000 with and without the maps."""
        keys: Summary = {
            "color.delta_e_other": mean(found, "other"),
            "color.unconditioned": mean(found, "other_untold"),
        }
        names = {"color.delta_e_rotated": "rotated", "color.unconditioned_rotated": "rotated_untold"}
        for key, name in names.items():
            value = mean(found, name)
            keys[key] = "no hair, lips or cloth lay in masks" if math.isnan(value) else value
        return keys


@dataclass(frozen=True)
class Generation:
    """Adherence without a photo: guides of a whole face, and a random style."""

    name: str = "generation"
    max_faces: int = 18
    on_real_faces: bool = False

    def run(self, trial: Trial) -> list[Case]:
        """Make faces by each guide and by all together."""
        faces, parser = trial.faces, trial.judges.parser
        whole = torch.ones_like(faces.mask)
        strokes, colors = sparse_strokes(faces.sketch, whole), faces.color
        guides = {"sketch": strokes, "semantic": faces.semantic, "color": colors}
        numbers: dict[str, Tensor | list[float]] = {}
        arrays = _counts("ceiling", trial.jpeg_labels, faces.labels, whole)
        panels = {"truth": faces.photo, **guide_panels(Conditions.build(**guides))}  # type: ignore[arg-type]
        for name, subset in {
            **{name: {name: guide} for name, guide in guides.items()},
            "all": guides,
        }.items():
            conditions = Conditions.build(**subset)  # type: ignore[arg-type]
            face = trial.edit(conditions, trial.random_style(conditions))
            panels[f"by {name}"] = face
            if "sketch" in subset:
                numbers[f"{name}.f1"] = stroke_agreement(pencil_sketch(face), strokes, whole)
            if "semantic" in subset:
                arrays |= _counts(name, parser.parse(face), faces.labels, whole)
            if "color" in subset:
                numbers[f"{name}.delta_e"] = _mean_errors(trial, face, colors, range(len(LABELS)), whole)
        del panels["photo"]
        scores = [-float(value) for value in numbers["all.f1"]]
        return cases(trial, scores, "F1 of all guides (negative)", panels, numbers, arrays)

    def summary(self, found: Sequence[Case]) -> Summary:
        """Means of what `Sketch`, `Semantic` and `Color` measure."""
        ceiling = mean_iou(*(stacked(found, f"ceiling_{n}").sum(0) for n in PAIR))
        keys: Summary = {f"generation.{name}": mean(found, name) for name in found[0].numbers}
        for name in ("semantic", "all"):
            iou = mean_iou(*(stacked(found, f"{name}_{n}").sum(0) for n in PAIR))
            keys[f"generation.{name}.miou_ratio"] = iou / ceiling
        return keys


PAIR = ("shared", "either")


def _counts(name: str, labels: Tensor, given: Tensor, mask: Tensor) -> dict[str, Tensor]:
    return {f"{name}_{kind}": count for kind, count in zip(PAIR, overlaps(labels, given, mask), strict=True)}


def _alternating(own: Tensor, other: Tensor) -> Tensor:
    """The batch's own items at even places, the others' at odd ones."""
    odd = torch.arange(len(own), device=own.device) % 2 == 1
    return torch.where(odd.view(-1, *[1] * (own.ndim - 1)), other, own)


def _mesh_distances(trial: Trial, pictures: Tensor, wanted: Sequence[Array | None]) -> list[float]:
    """Mean distance in pixels of landmarks inside the mask; NaN if there are hardly any."""
    distances = []
    for picture, target, mask in zip(pictures, wanted, trial.faces.mask, strict=True):
        mesh = trial.judges.mesh(picture)
        if mesh is None or target is None:
            distances.append(math.nan)
            continue
        x, y = target.astype(int).clip(0, mask.shape[-1] - 1).T
        inside = mask[0].cpu().numpy()[y, x] > 0
        apart = np.hypot(*(mesh - target).T)[inside]
        distances.append(float(apart.mean()) if len(apart) >= MESH_POINTS // 20 else math.nan)
    return distances


def _mean_errors(
    trial: Trial, pictures: Tensor, colors: Tensor, classes: Sequence[int], mask: Tensor | None = None
) -> list[float]:
    """Mean over a face's regions of these classes; NaN if none is large enough."""
    faces = trial.faces
    masks = faces.mask if mask is None else mask
    means = []
    for picture, wanted, labels, hole in zip(pictures, colors, faces.labels, masks, strict=True):
        errors = color_errors(picture, wanted, labels, hole)
        chosen = [error for label, error in errors.items() if label in classes]
        means.append(fmean(chosen) if chosen else math.nan)
    return means


def _other_colors(trial: Trial) -> Tensor:
    """The photo's regions in the other person's colors `[B, 3, H, W]`, or in their own if there is none."""
    faces = trial.faces
    maps = []
    for photo, labels, other, other_labels in zip(
        faces.photo, faces.labels, faces.other_photo, faces.other_labels, strict=True
    ):
        maps.append(painted(labels, class_means(photo, labels) | class_means(other, other_labels)))
    return torch.stack(maps)


def _rotated_colors(trial: Trial) -> Tensor:
    """The photo's region means with the hue of hair, lips and cloth rotated by 60 to 180° either way."""
    faces, maps = trial.faces, []
    for seed, photo, labels in zip(faces.seeds, faces.photo, faces.labels, strict=True):
        turn = torch.rand(1, generator=torch.Generator().manual_seed(seed))
        degrees = 60 + 240 * float(turn)
        means = class_means(photo, labels)
        rotated = {label: rotated_hue(means[label], degrees) for label in ROTATED if label in means}
        maps.append(painted(labels, means | rotated))
    return torch.stack(maps)


def _palette(labels: Tensor) -> Tensor:
    return from_bytes(labels_to_palette(labels).permute(0, 3, 1, 2))
