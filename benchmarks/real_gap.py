"""Compares augmentations of bank faces by how well an encoder then works on real photos.

    python -m benchmarks.real_gap --data FACES --photos PHOTOS [--faces 600] [--rounds 2] [--csv FILE]

For each augmentation, a linear layer on MobileNetV2's maps (ImageNet) learns the codes of the same augmented
bank faces, and then encodes real photos. Independent networks compare the photos with the bank's pictures of
their codes. The results are means over photos and rounds, and gains over unchanged faces with standard
errors.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from facemug_core.checkpoints.weights import SHIPPED  # noqa: E402
from facemug_core.conventions import LABELS  # noqa: E402
from facemug_core.evaluation.photos import FolderFaces  # noqa: E402
from facemug_core.evaluation.trials import Judges  # noqa: E402
from facemug_core.faces.parsing import Parser  # noqa: E402
from facemug_core.latents import broadcast  # noqa: E402
from facemug_core.model import FaceMug  # noqa: E402
from facemug_core.networks.perceptual import PerceptualLoss  # noqa: E402
from facemug_core.pipeline.editor import PhotoEditor  # noqa: E402
from facemug_core.training import photographic  # noqa: E402
from facemug_core.training.data import FaceShards  # noqa: E402
from facemug_core.training.draws import Draw  # noqa: E402
from facemug_core.training.masks import stroke_mask  # noqa: E402
from facemug_core.training.samples import misaligned  # noqa: E402

Change = Callable[[Tensor, Tensor, Tensor, Draw], Tensor]
"""A face `[3, 256, 256]`, its labels `[256, 256]`, another face and random choices → the changed face."""

PLACES = 8
"""Cells a side to which maps are averaged."""
RIDGES = (0.03, 0.3, 3.0)
"""Ridge penalties; the best one on augmented held-out bank faces is used."""
HELD_OUT = 0.1


def other_background(image: Tensor, labels: Tensor, other: Tensor, draw: Draw) -> Tensor:
    """A face `[3, H, W]` in front of another picture, upside down and blurred."""
    width = 1 + 2 * draw.integer(12)
    scene = F.avg_pool2d(other.flip(-2)[None], width, stride=1, padding=width // 2, count_include_pad=False)
    behind = (labels == LABELS.index("background")).to(image.dtype)[None, None]
    soft = F.avg_pool2d(behind, 3, stride=1, padding=1, count_include_pad=False)[0]
    return torch.lerp(image, scene[0], soft)


def occluded(image: Tensor, other: Tensor, draw: Draw) -> Tensor:
    """A face `[3, H, W]` partly covered by a piece of another picture."""
    return torch.where(stroke_mask(draw.generator, image.shape[-1]) > 0, other.flip(-1), image)


WAYS: dict[str, Change] = {
    "as they are": lambda image, labels, other, draw: image,
    "tone": lambda image, labels, other, draw: photographic.random_tone(image[None], draw)[0],
    "gray": lambda image, labels, other, draw: photographic.gray(image),
    "low resolution": lambda image, labels, other, draw: photographic.low_resolution(image[None], draw)[0],
    "noise": lambda image, labels, other, draw: photographic.noisy(image[None], draw)[0].clamp(-1, 1),
    "JPEG": lambda image, labels, other, draw: photographic.jpeg(image[None], draw)[0],
    "misalignment": lambda image, labels, other, draw: misaligned(image, labels, draw)[0],
    "other background": lambda image, labels, other, draw: other_background(image, labels, other, draw),
    "occluders": lambda image, labels, other, draw: occluded(image, other, draw),
}


def everything(image: Tensor, labels: Tensor, other: Tensor, draw: Draw) -> Tensor:
    """Each change with probability ½, in the order of a camera's."""
    order = (
        "other background",
        "occluders",
        "misalignment",
        "tone",
        "gray",
        "low resolution",
        "noise",
        "JPEG",
    )
    for name in order:
        if draw.chance(0.5):
            image = WAYS[name](image, labels, other, draw)
    return image


WAYS["everything"] = everything


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="made by `prepare`, bank faces with codes")
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--faces", type=int, default=600)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--csv", type=Path)
    options = parser.parse_args()
    model, judges = FaceMug.load("light"), Judges()
    photos = real_photos(options.photos, model)
    network = PerceptualLoss(SHIPPED.mobilenet())
    faces = FaceShards(options.data, coded=True)
    rows = []
    for name, change in WAYS.items():
        found = [
            likeness(model, judges, photos, read_out(network, faces, change, options.faces, turn), network)
            for turn in range(options.rounds)
        ]
        rows.append((name, torch.stack(found).mean(0)))  # [photos, 2]
        report(name, rows[-1][1], rows[0][1])
    if options.csv is not None:
        with options.csv.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["way", "cosine", "distance"])
            writer.writerows([name, *map(float, values.mean(0))] for name, values in rows)


def real_photos(folder: Path, model: FaceMug) -> Tensor:
    """Aligned faces of a folder's photos, `[N, 3, 256, 256]`."""
    source = FolderFaces(folder, PhotoEditor(model), Parser.load())
    batches = list(source.batches(3 * len(source.names), 3))  # a batch is a photo in each kind of mask
    return torch.cat([batch.photo[:1] for batch in batches])


@torch.no_grad()
def seen(network: PerceptualLoss, images: Tensor) -> Tensor:
    """Coarse maps of images `[B, 3, 256, 256]`, flat: `[B, C]`."""
    maps = network.features(images)
    return torch.cat([F.adaptive_avg_pool2d(maps[stride], PLACES).flatten(1) for stride in (16, 32)], 1)


def read_out(
    network: PerceptualLoss, faces: FaceShards, change: Change, count: int, turn: int
) -> Callable[[Tensor], Tensor]:
    """Learn codes from maps of changed faces: maps `[B, C]` → codes w `[B, 512]`."""
    inputs, codes = [], []
    for number in range(count):
        draw = Draw(turn, number)
        image, labels, code = faces.face(draw.integer(len(faces)))
        other = faces.face(draw.integer(len(faces)))[0]
        inputs.append(seen(network, change(image, labels, other, draw)[None]))
        codes.append(code)
    x, y = torch.cat(inputs).double(), torch.stack(codes).double()
    middle, spread, mean = x.mean(0), x.std(0) + 1e-6, y.mean(0)
    x, y = (x - middle) / spread / x.shape[1] ** 0.5, y - mean
    kept = int(count * (1 - HELD_OUT))

    def fitted(ridge: float, to: int) -> Tensor:
        gram = x[:to] @ x[:to].T + ridge * torch.eye(to, dtype=x.dtype)
        return x[:to].T @ torch.linalg.solve(gram, y[:to])

    best = min(RIDGES, key=lambda ridge: float((x[kept:] @ fitted(ridge, kept) - y[kept:]).square().mean()))
    weight = fitted(best, count)
    return lambda maps: ((maps.double() - middle) / spread / maps.shape[1] ** 0.5 @ weight + mean).float()


@torch.no_grad()
def likeness(
    model: FaceMug,
    judges: Judges,
    photos: Tensor,
    code_of: Callable[[Tensor], Tensor],
    network: PerceptualLoss,
) -> Tensor:
    """FaceRes cosine and perceptual distance of photos and the bank's pictures of their codes, `[N, 2]`."""
    assert model.heads is not None
    pictures = [
        model.heads.picture.picture(model.bank, broadcast(code_of(seen(network, photo)))).clamp(-1, 1)
        for photo in photos.split(1)
    ]
    drawn = torch.cat(pictures)
    cosines = (judges.comparer.embed(drawn) * judges.comparer.embed(photos)).sum(1)
    distances = judges.perceptual(drawn, photos, torch.ones_like(photos[:, :1]))
    return torch.stack([cosines, distances], 1)


def report(name: str, values: Tensor, plain: Tensor) -> None:
    """One line: means, and gains over unchanged faces with standard errors."""
    gain = values - plain
    error = gain.std(0) / len(gain) ** 0.5
    words = [
        f"{title} {mean:.4f} ({g:+.4f} ± {e:.4f})"
        for title, mean, g, e in zip(("cosine", "distance"), values.mean(0), gain.mean(0), error, strict=True)
    ]
    print(f"{name:18}", *words, flush=True)


if __name__ == "__main__":
    main()
