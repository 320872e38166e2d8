"""Training faces drawn from the light feature bank, in shards; a run that was stopped goes on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..checkpoints.assembling import load_bank, load_parser
from ..checkpoints.reading import replacing
from ..config import LIGHT
from ..conventions import CODE_DIM
from ..faces.parsing import Parser
from ..latents import broadcast
from ..networks.banks import FeatureBank
from ..networks.mapping import MappingNetwork
from ..pictures import at_working_size, to_bytes

SHARD = 50
"""Faces in a shard."""


def prepare_bank_faces(folder: Path, count: int, progress: Callable[[int], object]) -> None:
    """Write at least `count` faces to `folder` as shards for `FaceShards`; shards that are there are skipped.

    Face i comes from seed i: z and then a truncation ψ between 0.5 and 1 (`bank_code`).
    """
    mapping, bank = load_bank(LIGHT)
    parser = Parser(load_parser())
    folder.mkdir(parents=True, exist_ok=True)
    for shard in range(-(-count // SHARD)):
        path = folder / f"{shard:04d}.npz"
        if not path.exists():
            seeds = range(shard * SHARD, (shard + 1) * SHARD)
            with replacing(path) as temporary, temporary.open("wb") as file:
                np.savez(file, **_shard(seeds, mapping, bank, parser))  # type: ignore[arg-type]
        progress(SHARD)


@torch.inference_mode()
def bank_code(seed: int, mapping: MappingNetwork) -> Tensor:
    """The code w [1, 512] of a training face: drawn from its seed alone, truncated by ψ in [0.5, 1]."""
    generator = torch.Generator().manual_seed(seed)
    z = torch.randn(1, CODE_DIM, generator=generator)
    psi = 0.5 + 0.5 * torch.rand(1, generator=generator)
    return torch.lerp(mapping.mean_code, mapping(z), psi)


@torch.inference_mode()
def _shard(seeds: range, mapping: MappingNetwork, bank: FeatureBank, parser: Parser) -> dict[str, np.ndarray]:
    images, labels, codes = [], [], []
    for seed in seeds:
        w = bank_code(seed, mapping)
        image = at_working_size(bank(broadcast(w)))
        images.append(to_bytes(image).permute(0, 2, 3, 1).numpy())
        labels.append(parser.parse(image).to(torch.int8).numpy())
        codes.append(w.numpy())
    return {
        "images": np.concatenate(images),
        "labels": np.concatenate(labels),
        "w": np.concatenate(codes),
        "seed": np.array(seeds),
    }
