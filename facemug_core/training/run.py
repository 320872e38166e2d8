"""Training runs of the command: a stage by its options, or a shipped file by its recipe."""

from __future__ import annotations

import logging
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import torch
from torch import nn
from torch.utils.data import default_collate

from ..checkpoints.reading import read_safetensors, save_safetensors
from ..checkpoints.weights import start_from
from ..config import SIZES
from ..errors import InputError
from .data import FaceShards
from .loop import train
from .options import Run, Settings
from .recipes import OTHER_FILES, RECIPES
from .recipes.recipe import Scale
from .stages import clip, encoder, generator, part_head, part_reader, picture_head, search_head, warping
from .stages.stage import StageEntry

log = logging.getLogger(__name__)

SAMPLE_SEED = 999
"""Seed of the sample grid; training uses other seeds."""
SAMPLES = 6

AFTER_TRAINING = "after training"
"""Metadata key of a weights file: changes of its tensors after training."""

STAGES: Mapping[str, StageEntry] = MappingProxyType(
    {
        "encoder": encoder.ENTRY,
        "generator": generator.ENTRY,
        "part_head": part_head.ENTRY,
        "part_reader": part_reader.ENTRY,
        "picture_head": picture_head.ENTRY,
        "search_head": search_head.ENTRY,
        "warping": warping.ENTRY,
        "clip": clip.ENTRY,
    }
)
"""All stages by name."""


def run_recipe(name: str, run: Run) -> None:
    """Train a shipped file by its recipe, and write it to `run.export`, or else to the run's folder.

    Each phase has its own subfolder, and starts from the weights of the phase before.

    Raises:
        InputError: there is no such recipe.
    """
    if name not in RECIPES:
        raise InputError(
            OTHER_FILES.get(name) or f"There is no recipe called {name}. Choose among: {', '.join(RECIPES)}."
        )
    recipe = RECIPES[name]
    log.info("%s expects in %s the results of: %s.", name, run.data, "; ".join(recipe.data))
    about = {"recipe": name, "revision": revision()}
    init = run.init
    for number, settings in enumerate(recipe.phases, 1):
        folder = run.folder / f"phase_{number}"
        last = number == len(recipe.phases)
        phase = replace(run, folder=folder, init=init, export=(run.export or run.folder) if last else folder)
        if not run_stage(settings, phase, about, recipe.after if last else ()):
            log.info("Phase %d of %d has not ended; the same command resumes it.", number, len(recipe.phases))
            return
        init = folder


def run_stage(
    settings: Settings,
    run: Run,
    about: Mapping[str, str] = MappingProxyType({}),
    after: Sequence[Scale] = (),
) -> bool:
    """Train a stage, then export its averaged weights if asked.

    Args:
        settings: determine the result.
        run: files and limit of time.
        about: added to the metadata of the exported file.
        after: changes of the exported weights; they are undone in initial weights that have them.

    Returns:
        Whether the run has ended; False if its time was up before.
    """
    torch.manual_seed(settings.seed)
    config, entry = SIZES[settings.model], STAGES[settings.stage]
    faces = FaceShards(run.data, coded=entry.needs_codes)
    stage = entry.build(config, faces, settings, run)
    samples = stage.dataset if entry.grid is None else entry.grid(faces, SAMPLE_SEED)
    name = entry.file_name(settings)
    if run.init is not None and run.init.is_file():
        start_from(stage.model, Path(name).stem, run.init, run.weights.mapping(config).mean_code)
    elif run.init is not None:
        load_weights(stage.model, run.init / name, after)
    ended = train(stage, settings, run, default_collate([samples[i] for i in range(SAMPLES)]))
    if run.export is not None:
        export(run.folder, run.export / name, {**about, **entry.metadata()}, after)
        entry.after_export(stage, config, run.export)
    return ended


def load_weights(module: nn.Module, path: Path, after: Sequence[Scale] = ()) -> None:
    """Load shipped or averaged weights, and undo their changes after training."""
    tensors, metadata = read_safetensors(path)
    tensors = {name: value.float() for name, value in tensors.items()}
    if AFTER_TRAINING in metadata:
        for step in reversed(after):
            tensors = step.undone().applied(tensors)
    module.load_state_dict(tensors)


def export(
    run: Path, path: Path, about: Mapping[str, str] = MappingProxyType({}), after: Sequence[Scale] = ()
) -> None:
    """Write a run's averaged weights in fp16, with its settings and `about` as metadata."""
    tensors, metadata = read_safetensors(run / "averaged.safetensors")
    for step in after:
        tensors = step.applied(tensors)
    if after:
        metadata |= {AFTER_TRAINING: "; ".join(map(str, after))}
    halved = {k: v.half() if v.is_floating_point() else v for k, v in tensors.items()}
    # Sorted, so that equal runs write equal files.
    save_safetensors(path, halved, dict(sorted({**metadata, **about}.items())))


def revision() -> str:
    """The commit of this package's checkout, with `+` if files differ."""
    root = Path(__file__).parents[2]
    if not (root / ".git").exists() or shutil.which("git") is None:
        return "unknown"
    command = ["git", "-C", str(root), "describe", "--always", "--dirty=+", "--exclude=*"]
    # Git refuses checkouts of other users.
    return subprocess.run(command, capture_output=True, text=True).stdout.strip() or "unknown"
