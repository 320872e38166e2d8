"""The whole evaluation: all faces, then the tables, curves and sheets of the report."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from types import MappingProxyType

import torch

from ...checkpoints.weights import SHIPPED, Weights
from ...errors import WeightsMissingError
from ...model import FaceMug
from ...pipeline.editor import PhotoEditor
from ...posing import Poser
from ..faces import Faces
from ..photos import FolderFaces
from ..report import side_by_side
from ..trials import Judges, Trial
from .faces import FaceRecord, FaceWork
from .masks import paper_mask
from .methods import all_methods
from .networks import MetricNetworks
from .report import Report, write_report

DEFAULT_FACES = 60
DEFAULT_EXTRAS = 2


def evaluate_paper(
    model: FaceMug,
    faces_dir: Path,
    report_dir: Path,
    *,
    limit: int = DEFAULT_FACES,
    extras: int = DEFAULT_EXTRAS,
    networks_dir: Path | None = None,
    results: Mapping[str, Path] = MappingProxyType({}),
    weights: Weights = SHIPPED,
    progress: Callable[[int], None] = lambda done: None,
) -> Report:
    """Edit and measure photos by the paper's protocol, and write the report.

    What an interrupted run has done of the same settings is taken up again.

    Args:
        model: what is judged.
        faces_dir: photos, see `FolderFaces`. A photo's mask is `mask_NAME` beside it, or one of `paper_mask`.
        report_dir: gets `index.html`, `report.json`, tables as CSV, sheets, and every picture.
        limit: of faces.
        extras: faces that have the slow parts as well: W+, the chain of edits, all subsets, frontal views.
        networks_dir: holds files of published networks, see `MetricNetworks`.
        results: folders with other systems' edits of the photos in their masks, by the system's name. The
            edit of `photo_NAME` or `NAME` is called `result_NAME`.
        weights: of the judges.
        progress: called after each face.

    Raises:
        InputError: a photo, a result or a network's file cannot be used.
        WeightsMissingError: a network of the evaluation has no weights.
        DependencyError: a published network lacks its package.
    """
    judges = Judges(weights, model.device)
    editor = PhotoEditor(model, weights)
    networks = MetricNetworks.load(judges, networks_dir)
    methods = all_methods(model, judges, results)
    try:
        poser = Poser(editor)
    except WeightsMissingError:
        poser = None
    work = FaceWork(report_dir, methods, networks, poser, extras)
    photos = FolderFaces(faces_dir, editor, judges.parser, results)
    report = run_paper(model, judges, photos.one_by_one(limit, paper_mask), work, progress)
    write_report(report_dir, report)
    return report


def run_paper(
    model: FaceMug,
    judges: Judges,
    faces: Iterator[tuple[str, Faces]],
    work: FaceWork,
    progress: Callable[[int], None] = lambda done: None,
) -> Report:
    """Do the work on named faces; `evaluate_paper` without finding and writing anything."""
    begun = time.perf_counter()
    numbered = enumerate(faces)

    @torch.no_grad()
    def record(number: int, face: tuple[str, Faces], *, alone: bool = False) -> FaceRecord:
        name, batch = face
        return work.record(number, name, Trial(model, batch.to(model.device), judges), alone=alone)

    # The first face by itself: its memory is measured.
    first = (record(number, face, alone=True) for number, face in [next(numbered)])
    records = []
    for done in chain(first, side_by_side(record, numbered)):
        records.append(done)
        progress(len(records))
    names = [m.name for m in work.methods if any(m.name in record.edits for record in records)]
    return Report(records, work.networks, names, time.perf_counter() - begun)
