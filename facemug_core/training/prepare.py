"""Training faces drawn from the light feature bank, in shards; a run that was stopped goes on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from ..checkpoints.assembling import load_bank, load_parser
from ..checkpoints.reading import replacing
from ..config import LIGHT
from ..faces.parsing import Parser
from ..latents import broadcast
from ..networks.banks import FeatureBank
from ..networks.layers import place
from ..networks.mapping import MappingNetwork
from ..pictures import at_working_size, to_bytes
from .bank_faces import bank_code

SHARD = 50
"""Faces in a shard."""
AT_ONCE = 4
"""Faces drawn together: enough to fill a GPU at 1024 px, little enough for a laptop's memory."""


def prepare_bank_faces(
    folder: Path, count: int, device: str | torch.device, progress: Callable[[int], object]
) -> None:
    """Write at least `count` faces to `folder` as shards for `FaceShards`; shards that are there are skipped.

    Face i comes from seed i: z and then a truncation ψ between 0.5 and 1 (`bank_code`).
    """
    mapping, bank = load_bank(LIGHT)
    network = load_parser()
    for module in (bank, network):
        place(module, torch.device(device))
    parser = Parser(network)
    folder.mkdir(parents=True, exist_ok=True)
    for shard in range(-(-count // SHARD)):
        path = folder / f"{shard:04d}.npz"
        if not path.exists():
            seeds = range(shard * SHARD, (shard + 1) * SHARD)
            with replacing(path) as temporary, temporary.open("wb") as file:
                np.savez(file, **_shard(seeds, device, mapping, bank, parser))  # type: ignore[arg-type]
        progress(SHARD)


@torch.inference_mode()
def _shard(
    seeds: range, device: str | torch.device, mapping: MappingNetwork, bank: FeatureBank, parser: Parser
) -> dict[str, np.ndarray]:
    w = torch.cat([bank_code(seed, mapping) for seed in seeds])
    images, labels = [], []
    for codes in w.split(AT_ONCE):
        image = at_working_size(bank(broadcast(codes.to(device))))
        images.append(to_bytes(image).permute(0, 2, 3, 1).cpu())
        labels.append(parser.parse(image).to(torch.int8).cpu())
    return {
        "images": torch.cat(images).numpy(),
        "labels": torch.cat(labels).numpy(),
        "w": w.numpy(),
        "seed": np.array(seeds),
    }
