"""The paper's Table VI on the light model: variants of the generator, trained alike and compared.

    python -m benchmarks.ablations --data FACES --photos PORTRAITS --out FOLDER

FACES are made by `prepare`. Each variant is trained from nothing on the same images, once for each seed, and
its completions of the portraits are measured by the metrics of `evaluate paper`. The same command resumes
what was interrupted. Eighteen runs take days on a processor: use a GPU.

The paper's variant D, a plain attribute loss, has no counterpart: the light model is trained without it.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import default_collate

from facemug_core.checkpoints.reading import read_safetensors
from facemug_core.config import LIGHT, ModelConfig
from facemug_core.evaluation.paper.faces import FaceWork
from facemug_core.evaluation.paper.masks import paper_mask
from facemug_core.evaluation.paper.methods import Method, name_of, ours
from facemug_core.evaluation.paper.networks import MetricNetworks
from facemug_core.evaluation.paper.run import run_paper
from facemug_core.evaluation.photos import FolderFaces
from facemug_core.evaluation.trials import Judges
from facemug_core.model import FaceMug
from facemug_core.networks.generator import Generator
from facemug_core.pipeline.editor import PhotoEditor
from facemug_core.training.data import FaceShards
from facemug_core.training.loop import train
from facemug_core.training.options import Run, Settings
from facemug_core.training.run import SAMPLE_SEED, SAMPLES
from facemug_core.training.stages.generator import ENTRY

NO_BANK = dict.fromkeys(LIGHT.generator.bank_channels, 0.0)

VARIANTS: Mapping[str, Mapping[str, Any]] = {
    "A": {},
    "B additions": {"fusion": "addition"},
    "C gated convolutions": {"fusion": "gated"},
    "decoder alone": {"bank_picture": False},
    "E decoder alone, no bank": {"bank_picture": False, "bank_scales": NO_BANK},
    "holes not filled": {"fill_holes": False},
}
"""Changes of `GeneratorConfig`. E is to be compared with the decoder alone, the others with A."""

BATCH = 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--images", type=int, default=15_000)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--limit", type=int, default=60)
    options = parser.parse_args()
    rows = {}
    for name, changes in VARIANTS.items():
        config = replace(LIGHT, generator=replace(LIGHT.generator, **changes))
        found = []
        for seed in range(options.seeds):
            folder = options.out / name.replace(" ", "_") / str(seed)
            settings = Settings("generator", steps=options.images // BATCH, batch=BATCH, seed=seed)
            trained(config, settings, Run(folder, options.data))
            found.append(measured(config, folder, options.photos, options.limit))
        rows[name] = found
    print(table(rows))


def trained(config: ModelConfig, settings: Settings, run: Run) -> None:
    """Train a variant, or go on with it; what is finished is left alone."""
    torch.manual_seed(settings.seed)
    faces = FaceShards(run.data, coded=ENTRY.needs_codes)
    stage = ENTRY.build(config, faces, settings, run)
    assert ENTRY.grid is not None
    grid = ENTRY.grid(faces, SAMPLE_SEED)
    train(stage, settings, run, default_collate([grid[i] for i in range(SAMPLES)]))


def measured(config: ModelConfig, folder: Path, photos: Path, limit: int) -> dict[str, float]:
    """Metrics of a variant's completions."""
    model = FaceMug.load("light")
    network = Generator(config.generator)
    network.load_state_dict(read_safetensors(folder / "averaged.safetensors")[0])
    model = replace(model, config=config, generator=network.eval().requires_grad_(False))
    judges = Judges()
    faces = FolderFaces(photos, PhotoEditor(model), judges.parser).one_by_one(limit, paper_mask)
    method = Method(name_of(("photo",)), ours(("photo",)))
    report = run_paper(model, judges, faces, FaceWork(folder, [method], MetricNetworks.load(judges), None, 0))
    row = report.methods_table()[0]
    return {name: row[name] for name in report.networks.names if name in row}


def table(rows: Mapping[str, list[dict[str, float]]]) -> str:
    """A table in Markdown: mean and standard deviation over the seeds."""
    columns = list(next(iter(rows.values()))[0])
    lines = [f"| variant | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    for name, found in rows.items():
        cells = []
        for column in columns:
            values = [one[column] for one in found]
            spread = f" ± {statistics.stdev(values):.3g}" if len(values) > 1 else ""
            cells.append(f"{statistics.fmean(values):.4g}{spread}")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
