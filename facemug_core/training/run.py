"""Training runs as the command line starts them: stages with their data, weights and losses."""

from __future__ import annotations

import logging
from argparse import Namespace
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset, default_collate

from ..checkpoints.assembling import (
    load_bank,
    load_encoder,
    load_mapping,
    load_mobilenet,
    load_photo_parts,
    load_picture_head,
    load_prior_heads,
    load_recognition,
    load_search_head,
    start_from,
)
from ..checkpoints.reading import read_safetensors, save_safetensors
from ..config import SIZES, ModelConfig, PictureHeadConfig
from ..editing.clip import FACE_FILE, load_clip
from ..networks.perceptual import PerceptualLoss
from ..networks.style_encoder import widen_stem
from .bank_faces import Faces, Together
from .clip import JUDGED, ClipStage, check_enough, describe, retrieval_at_1
from .data import EncoderInputs, FaceCodes, FaceShards, GeneratorEdits, PosePairs
from .encoder import EncoderStage
from .facts import OBSERVED_TONED, Toned, load_facts
from .generator import GeneratorStage
from .loop import RunConfig, Stage, load_weights, train
from .losses import IdentityLoss
from .part_reader import PartHeadStage, PartReaderStage
from .picture_head import PictureHeadStage
from .visibility import MEASURED_FACES, descent_steps, measure_visibility, measured_codes
from .warp import WarpStage

log = logging.getLogger(__name__)

SAMPLE_SEED = 999
"""Seed of the samples in the grid, unlike any training run's."""
SAMPLES = 6
DESCENT_RANK = 128
"""Coordinates in which codes descend to a photo; beyond them little is seen."""


def run_stage(options: Namespace) -> None:
    """Train a stage as the command line's options say, then export its averaged weights if asked."""
    torch.manual_seed(options.seed)
    config = SIZES[options.model]
    faces = FaceShards(options.data, coded=options.stage in LEARN_FROM_CODES)
    stage = STAGES[options.stage](config, faces, options)
    sampler = SAMPLERS.get(options.stage)
    samples = stage.dataset if sampler is None else sampler(faces, SAMPLE_SEED)
    name = NAMES.get(options.stage, f"{options.model}_{options.stage}.safetensors")
    if options.init is not None and options.init.is_file():
        mean_code = load_mapping(config).mean_code
        start_from(stage.model, name.removesuffix(".safetensors"), options.init, mean_code)
    elif options.init is not None:
        load_weights(stage.model, options.init / name)
    run = RunConfig(
        folder=str(options.folder), steps=options.steps, minutes=options.minutes, batch=options.batch,
        seed=options.seed, learning_rate=options.learning_rate, precision=options.precision,
        save_minutes=options.save_minutes, workers=options.workers,
    )  # fmt: skip
    train(stage, run, default_collate([samples[i] for i in range(SAMPLES)]))
    if options.export is not None:
        export(Path(run.folder), options.export / name, ABOUT.get(options.stage, dict)())
        if options.stage == "search_head":
            export_inverter(config, options.export)
        if isinstance(stage, ClipStage):
            right = retrieval_at_1(load_clip(folders=[options.export]), stage.faces, stage.dataset.levels)
            log.info("Of %d unseen faces, %.0f %% are found by their captions.", JUDGED, 100 * right)


def _encoder(config: ModelConfig, faces: Faces, options: Namespace) -> Stage:
    mapping, bank = load_bank(config)
    folders = [] if options.init is None else [options.init]
    stage = EncoderStage(
        config, faces, bank, mapping, load_picture_head(config, folders), load_photo_parts(folders),
        IdentityLoss(load_recognition()), seed=options.seed, drawn=options.drawn,
    )  # fmt: skip
    if config.encoder.backbone == "mobilenet_v2":
        _start_from_imagenet(stage.model)
    return stage


def _generator(config: ModelConfig, faces: FaceShards, options: Namespace) -> Stage:
    mapping, bank = load_bank(config)
    folders = [] if options.init is None else [options.init]
    encoder = load_encoder(config, mapping.mean_code, folders)
    heads = load_prior_heads(config, folders) if config.generator.bank_picture else None
    return GeneratorStage(
        config, faces, bank, mapping, encoder, heads, load_photo_parts(folders), seed=options.seed,
        adversarial_from=options.adversarial_from,
    )  # fmt: skip


def _picture_head(config: ModelConfig, faces: FaceShards, options: Namespace) -> Stage:
    return _head(config, config.picture_head, faces, options)


def _search_head(config: ModelConfig, faces: FaceShards, options: Namespace) -> Stage:
    return _head(config, config.search_head, faces, options)


def _head(config: ModelConfig, head: PictureHeadConfig, faces: FaceShards, options: Namespace) -> Stage:
    _, bank = load_bank(config)
    return PictureHeadStage(head, faces, bank, PerceptualLoss(load_mobilenet()), seed=options.seed)


def _part_reader(config: ModelConfig, faces: FaceShards, options: Namespace) -> Stage:
    return PartReaderStage(faces, PerceptualLoss(load_mobilenet()), seed=options.seed)


def _part_head(config: ModelConfig, faces: FaceShards, options: Namespace) -> Stage:
    _, bank = load_bank(config)
    return PartHeadStage(config.part_head, faces, bank, seed=options.seed)


def _warping(config: ModelConfig, faces: FaceShards, options: Namespace) -> Stage:
    mapping, bank = load_bank(config)
    folders = [] if options.init is None else [options.init]
    encoder = load_encoder(config, mapping.mean_code, folders)
    return WarpStage(
        config, faces, bank, mapping, encoder, load_picture_head(config, folders), seed=options.seed
    )


def _clip(config: ModelConfig, faces: FaceShards, options: Namespace) -> Stage:
    check_enough(faces)
    # In another tone hair has another color: what colors say must hold for photos as cameras take them.
    toned = Toned(faces, len(faces) - JUDGED)
    levels = load_facts(options.data, toned, OBSERVED_TONED), load_facts(options.data, faces)
    return ClipStage(Together(toned, faces), np.concatenate(levels), load_mobilenet(), seed=options.seed)


STAGES: dict[str, Callable[[ModelConfig, FaceShards, Namespace], Stage]] = {
    "encoder": _encoder,
    "generator": _generator,
    "part_head": _part_head,
    "part_reader": _part_reader,
    "picture_head": _picture_head,
    "search_head": _search_head,
    "warping": _warping,
    "clip": _clip,
}
"""What can be trained, by name; the weights file is called by the size and this name."""

LEARN_FROM_CODES = ("encoder", "part_head", "picture_head", "search_head", "warping")
"""Stages for which faces without codes are no use."""

SAMPLERS: dict[str, Callable[[FaceShards, int], Dataset[dict[str, Tensor]]]] = {
    "encoder": EncoderInputs,
    "generator": GeneratorEdits,
    "picture_head": FaceCodes,
    "search_head": FaceCodes,
    "warping": PosePairs,
}
"""Samples for the grids of each stage; without one, the stage's own first samples."""


ABOUT: dict[str, Callable[[], dict[str, str]]] = {"clip": describe}
"""Metadata that a stage's weights file needs beside the run's settings."""

NAMES = {"clip": FACE_FILE, "part_reader": "part_reader.safetensors"}
"""Weights files that both sizes of the model share."""


def export(run: Path, path: Path, about: Mapping[str, str] = MappingProxyType({})) -> None:
    """Write a run's averaged weights in fp16, with the run's settings and `about` as metadata."""
    tensors, metadata = read_safetensors(run / "averaged.safetensors")
    halved = {k: v.half() if v.is_floating_point() else v for k, v in tensors.items()}
    save_safetensors(path, halved, {**metadata, **about})


def export_inverter(config: ModelConfig, folder: Path) -> None:
    """Measure by an exported search head in which coordinates codes descend to a photo, and write them."""
    mapping, bank = load_bank(config)
    head = load_search_head(config, [folder])
    codes = measured_codes(mapping)
    visibility = measure_visibility(
        partial(head.picture, bank), PerceptualLoss(load_mobilenet()), codes[:MEASURED_FACES]
    )
    steps = descent_steps(visibility, torch.cov(codes.T), DESCENT_RANK)
    about = {"faces": str(MEASURED_FACES)}
    save_safetensors(folder / f"{config.name}_inverter.safetensors", {"steps": steps.half()}, about)


def _start_from_imagenet(encoder: torch.nn.Module) -> None:
    """Fill the backbone of a light encoder with MobileNetV2's published weights."""
    tensors = load_mobilenet().state_dict()
    tensors["features.0.0.weight"] = widen_stem(tensors["features.0.0.weight"])
    encoder.load_state_dict(tensors, strict=False)
