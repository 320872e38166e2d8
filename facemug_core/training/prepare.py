"""Makes shards of training faces from the light feature bank or from photos; stopped runs can be resumed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..checkpoints.files import replacing
from ..checkpoints.weights import SHIPPED
from ..conditions.reading import picture_files
from ..config import LIGHT
from ..errors import FaceNotFoundError, InputError
from ..faces.alignment import align, aligned_matrix, alignment_matrix
from ..faces.detection import Detector, choose
from ..faces.parsing import Parser
from ..latents import broadcast
from ..networks.banks import FeatureBank
from ..networks.layers import place
from ..networks.mapping import MappingNetwork
from ..photo import Photo
from ..pictures import at_working_size, to_bytes
from .bank_faces import bank_code

SHARD = 50
"""Faces in a shard."""
AT_ONCE = 4
"""Faces in a batch: enough for a GPU at 1024 px, few enough for a laptop's memory."""


def prepare_bank_faces(
    folder: Path, count: int, device: str | torch.device, progress: Callable[[int], object]
) -> None:
    """Write at least `count` faces to `folder` as shards for `FaceShards`; existing shards are skipped.

    Face i has seed i (`bank_code`).
    """
    mapping, bank = SHIPPED.mapping(LIGHT), SHIPPED.bank(LIGHT)
    parser = Parser.load()
    for module in (bank, parser.network):
        place(module, torch.device(device))
    folder.mkdir(parents=True, exist_ok=True)
    for shard in range(-(-count // SHARD)):
        path = folder / f"{shard:04d}.npz"
        if not path.exists():
            seeds = range(shard * SHARD, (shard + 1) * SHARD)
            _write(path, _shard(seeds, device, mapping, bank, parser))
        progress(SHARD)


def prepare_photos(
    folder: Path,
    photos: Path,
    parser: Parser,
    detector: Detector | None,
    progress: Callable[[int], object],
    refuse: Callable[[str], object],
) -> None:
    """Write the largest face of each photo of a folder, and of its subfolders, to `folder` as shards.

    The codes of these faces are unknown. Photos in existing shards are skipped; refused ones are tried again.

    Args:
        folder: gets the shards; may have shards of bank faces.
        photos: folder of picture files.
        parser: of the crops.
        detector: finds the faces; None if the photos are aligned crops like FFHQ and CelebA-HQ.
        progress: called with 1 after each photo.
        refuse: called with a message for each unusable photo.

    Raises:
        InputError: there are no photos.
    """
    files = picture_files(photos, nested=True)
    folder.mkdir(parents=True, exist_ok=True)
    written = sorted(folder.glob("photos_*.npz"))
    known = {name for path in written for name in np.load(path)["names"].tolist()}
    number = 1 + int(written[-1].stem.removeprefix("photos_")) if written else 0
    faces: dict[str, tuple[Tensor, Tensor]] = {}
    for path in files:
        name = path.relative_to(photos).as_posix()
        if name not in known:
            try:
                image = _face(path, detector)
                faces[name] = to_bytes(image[0]).permute(1, 2, 0), parser.parse(image)[0].to(torch.int8)
            except InputError as error:
                refuse(str(error))
        if faces and (len(faces) == SHARD or path == files[-1]):
            _write(folder / f"photos_{number:05d}.npz", _photo_shard(faces))
            number += 1
            faces.clear()
        progress(1)


def _face(path: Path, detector: Detector | None) -> Tensor:
    """The crop `[1, 3, 256, 256]` in [-1, 1] of a photo's largest face, or of the whole photo."""
    photo = Photo.from_file(path)
    if detector is None:
        matrix = aligned_matrix(photo.size)
    else:
        found = detector.detect(photo.rgb[0].permute(1, 2, 0).numpy())
        if not found:
            raise FaceNotFoundError(f"{path} shows no face.")
        matrix = alignment_matrix(choose(found, "largest")[0].landmarks)
    return align(photo.rgb, matrix) / 127.5 - 1


def _photo_shard(faces: Mapping[str, tuple[Tensor, Tensor]]) -> dict[str, np.ndarray]:
    images, labels = zip(*faces.values(), strict=True)
    return {
        "images": torch.stack(images).numpy(),
        "labels": torch.stack(labels).numpy(),
        "names": np.array(list(faces)),
    }


def _write(path: Path, shard: Mapping[str, np.ndarray]) -> None:
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **shard)  # type: ignore[arg-type]


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
