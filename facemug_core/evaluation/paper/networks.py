"""Networks of the field's metrics: LPIPS, FID's Inception network, ArcFace.

Their weights are files that people bring, known by their hash. Where one is missing, a network of this
project stands in, and the metric has that network's name: a stand-in's values have a scale of their own.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...checkpoints.building import build_empty
from ...checkpoints.files import sha256_of
from ...checkpoints.reading import open_checkpoint
from ...errors import DependencyError, InputError
from ...networks.style_encoder import ir_se50
from ...pictures import to_bytes
from ..metrics import EfficientNetDistance, pooled
from ..trials import Judges


class PublishedFile(NamedTuple):
    """A file as its authors publish it."""

    name: str
    sha256: str


PUBLISHED: Mapping[str, PublishedFile] = {
    "inception": PublishedFile(
        "pt_inception-2015-12-05-6726825d.pth",
        "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
    ),
    "vgg": PublishedFile(
        "vgg16-397923af.pth", "397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0"
    ),
    "alex": PublishedFile(
        "alexnet-owt-7be5be79.pth", "7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02"
    ),
    "ir_se50": PublishedFile(
        "model_ir_se50.pth", "a035c768259b98ab1ce0e646312f48b9e1e218197a0f80ac6765e88f8b6ddf28"
    ),
}
"""Networks by a short name. The file may have any name."""

LPIPS_NAMES = {"vgg": "LPIPS (VGG)", "alex": "LPIPS (AlexNet)"}
"""The first one that is there is used: the paper's is VGG."""

ARCFACE_SIZE = 112
ARCFACE_CROP = (slice(35, 223), slice(32, 220))
"""Rows and columns of a crop that ArcFace compares, as in pSp and e4e."""

Pictures = Callable[[Tensor], Tensor]
"""Pictures `[B, 3, 256, 256]` in [-1, 1] → vectors `[B, C]`."""


class Distance(NamedTuple):
    """Distance of two pictures."""

    name: str
    between: Callable[[Tensor, Tensor], Tensor]
    """Two batches of pictures `[B, 3, 256, 256]` in [-1, 1] → `[B]`."""


class Crowd(NamedTuple):
    """Features by which sets of pictures are compared, and the names of the three metrics."""

    fid: str
    u_ids: str
    p_ids: str
    features: Pictures


class Identity(NamedTuple):
    """Vectors of unit length by which people are compared."""

    name: str
    embed: Pictures


@dataclass(frozen=True)
class MetricNetworks:
    """The networks of one evaluation."""

    distance: Distance
    crowd: Crowd
    identity: Identity

    @property
    def names(self) -> tuple[str, ...]:
        """Of their metrics."""
        return (self.distance.name, *self.crowd[:3], self.identity.name)

    @classmethod
    def load(cls, judges: Judges, folder: Path | None = None) -> MetricNetworks:
        """Published networks as far as the folder has their files, and stand-ins for the others.

        Raises:
            InputError: the folder holds none of the published files.
            DependencyError: a file is there, but the package that runs it is not.
            WeightsMissingError: a stand-in has no weights.
        """
        files = {} if folder is None else published_files(folder)
        if folder is not None and not files:
            names = ", ".join(file.name for file in PUBLISHED.values())
            raise InputError(
                f"{folder} holds none of the networks of the published metrics ({names}). Files are known by "
                "their content: bring them from where their authors publish them."
            )
        net = next((name for name in LPIPS_NAMES if name in files), None)
        return cls(
            Distance(LPIPS_NAMES[net], lpips_distance(net, files[net], judges.device))
            if net
            else Distance(EfficientNetDistance.name, partial(_whole, judges)),
            Crowd("FID", "U-IDS", "P-IDS", inception_features(files["inception"], judges.device))
            if "inception" in files
            else Crowd(
                "EfficientNet-lite0 Fréchet distance",
                "EfficientNet-lite0 U-IDS",
                "EfficientNet-lite0 P-IDS",
                lambda pictures: pooled(judges.perceptual.features(pictures)),
            ),
            Identity("CSIM", partial(arcface_vectors, load_arcface(files["ir_se50"]).to(judges.device)))
            if "ir_se50" in files
            else Identity(judges.comparer.name, judges.comparer.embed),
        )


def published_files(folder: Path) -> dict[str, Path]:
    """The published files in a folder by their short names, known by their hash."""
    known = {file.sha256: name for name, file in PUBLISHED.items()}
    found = {}
    for path in sorted(folder.glob("*.pt*")):
        if (digest := sha256_of(path)) in known:
            found[known[digest]] = path
    return found


def lpips_distance(net: str, path: Path, device: torch.device | str) -> Callable[[Tensor, Tensor], Tensor]:
    """LPIPS v0.1 `[B]` of pictures in [-1, 1], by the package lpips and torchvision's file of a network."""
    package = _package("lpips", "lpips")
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it calls torchvision the old way
        network = package.LPIPS(net=net, pnet_rand=True, verbose=False).requires_grad_(False)
    weights = open_checkpoint(path).tensors
    layers = network.net.state_dict()
    # Layers of "slice1.0.weight" have the numbers of torchvision's "features.0.weight".
    network.net.load_state_dict(
        {name: weights[f"features.{name.split('.', 1)[1]}"].load() for name in layers}
    )
    network.to(device)
    return lambda first, second: network(first, second).flatten()


def inception_features(path: Path, device: torch.device | str) -> Pictures:
    """Features `[B, 2048]` of FID's Inception network, by the package torch-fidelity."""
    package = _package("torch_fidelity.feature_extractor_inceptionv3", "torch-fidelity")
    with torch.random.fork_rng(devices=[]):
        network = package.FeatureExtractorInceptionV3("inception", ["2048"], str(path)).to(device)
    return lambda pictures: network(to_bytes(pictures).to(device))[0]


class ArcFace(nn.Module):
    """IR-SE50 with its output layer: faces `[B, 3, 112, 112]` in [-1, 1] → vectors `[B, 512]`.

    Names and shapes are those of `model_ir_se50.pth`.
    """

    def __init__(self) -> None:
        super().__init__()
        for name, part in ir_se50(3).parts.items():
            self.add_module(name, part)
        self.output_layer = nn.Sequential(
            nn.BatchNorm2d(512), nn.Dropout(), nn.Flatten(), nn.Linear(512 * 7 * 7, 512), nn.BatchNorm1d(512)
        )

    def forward(self, faces: Tensor) -> Tensor:
        return self.output_layer(self.body(self.input_layer(faces)))  # type: ignore[operator]


def load_arcface(path: Path) -> ArcFace:
    """The network with the weights of a file, in eval mode."""
    network = build_empty(ArcFace)
    network.load_state_dict({name: tensor.load() for name, tensor in open_checkpoint(path).tensors.items()})
    return network.eval().requires_grad_(False)


def arcface_vectors(network: nn.Module, crops: Tensor) -> Tensor:
    """Vectors `[B, 512]` of unit length of aligned crops `[B, 3, 256, 256]` in [-1, 1]."""
    rows, columns = ARCFACE_CROP
    return F.normalize(network(F.adaptive_avg_pool2d(crops[..., rows, columns], ARCFACE_SIZE)), dim=1)


def _whole(judges: Judges, first: Tensor, second: Tensor) -> Tensor:
    return judges.perceptual(first, second, torch.ones_like(first[:, :1]))


def _package(module: str, package: str) -> ModuleType:
    """A module of an optional package."""
    try:
        return import_module(module)
    except Exception as error:  # a torchvision that was built for another torch fails with a RuntimeError
        raise DependencyError(
            f"{package}, which runs the network of this metric, cannot be imported: {error}. Install it with "
            f"`python -m pip install {package}`; its torchvision must be the build for your torch "
            f"({torch.__version__}). Without --networks the stand-ins measure."
        ) from error
