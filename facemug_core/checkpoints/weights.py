"""Loads networks: built without initialization, loaded strictly, in eval mode and float32."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from torch import Tensor, nn

from ..config import ModelConfig
from ..errors import CheckpointError, WeightsMissingError
from ..networks.banks import FeatureBank
from ..networks.face_recognition import FaceRecognition
from ..networks.generator import Generator, PriorHeads
from ..networks.inverter import Inverter
from ..networks.latent_warping import LatentWarping
from ..networks.mapping import MappingNetwork
from ..networks.mobile_stylegan import MobileStyleGAN
from ..networks.mobilenet_v2 import MobileNetV2Features
from ..networks.part_reader import PartHead, PartReader, PhotoParts
from ..networks.perceptual import PerceptualLoss
from ..networks.picture_head import PictureHead
from ..networks.style_encoder import StyleEncoder, recentered
from ..networks.stylegan2 import StyleGAN2
from .building import Network, build_empty, misfit
from .face_api import recognition_state
from .formats.base import Part
from .places import ADVICE, Places
from .reading import open_checkpoint, read_safetensors
from .recognizing import find_part, recognize

BANKS: dict[str, tuple[Callable[[], FeatureBank], str, str]] = {
    "mobile_stylegan": (MobileStyleGAN, "mobile_stylegan", "mobile_mapping"),
    "stylegan2": (StyleGAN2, "stylegan2", "stylegan2_mapping"),
}
"""Feature banks by their name in `ModelConfig.bank`: class, file of the bank, file of its mapping network."""


class Weights(Places):
    """Networks with weights from these folders.

    The weights are `NAME.safetensors`, or else any file whose content is this network (see `recognizing`).
    Methods that load a network raise `WeightsMissingError` without such a file, and `CheckpointError` if it
    is damaged or belongs to another network.
    """

    def network(self, build: Callable[[], Network], name: str, drop: tuple[str, ...] = ()) -> Network:
        """The network that `build` makes, from `name.safetensors`.

        Tensors whose names begin with one of `drop` are not loaded.
        """
        path, part = self._source(name)
        tensors = {key: value for key, value in _read(path, part).items() if not key.startswith(drop)}
        return _filled(build_empty(build), tensors, path)

    def mapping(self, config: ModelConfig) -> MappingNetwork:
        """Mapping network of a size."""
        _, _, name = BANKS[config.bank]
        return self.network(MappingNetwork, name)

    def bank(self, config: ModelConfig) -> FeatureBank:
        """Feature bank of a size."""
        build, name, _ = BANKS[config.bank]
        return self.network(build, name)

    def encoder(self, config: ModelConfig, mean_code: Tensor) -> StyleEncoder:
        """Style encoder of a size, whose codes are offsets from this mean code `[512]`.

        A published encoder keeps its widths, and whether its codes are relative; its mean code is converted.
        """
        path, part = self._source(f"{config.name}_encoder")
        tensors = _read(path, part)
        if part is None or part.build is None or part.mean_code is None:
            return _filled(build_empty(lambda: StyleEncoder(config.encoder)), tensors, path)
        encoder = build_empty(part.build)
        assert isinstance(encoder, StyleEncoder)
        change = part.mean_code.load().float() - mean_code
        return _filled(encoder, recentered(tensors, change, encoder.relative), path)

    def generator(self, config: ModelConfig) -> Generator:
        """Aggregation and refinement of a size."""
        return self.network(lambda: Generator(config.generator), f"{config.name}_generator")

    def warping(self, config: ModelConfig) -> LatentWarping:
        """Latent warping network of a size."""
        return self.network(lambda: LatentWarping(config.warp_rank), f"{config.name}_warping")

    def picture_head(self, config: ModelConfig) -> PictureHead:
        """Head that reads a picture off the bank's features."""
        return self.network(lambda: PictureHead(config.picture_head), f"{config.name}_picture_head")

    def prior_heads(self, config: ModelConfig) -> PriorHeads:
        """Heads that read a picture and its parts off the bank's features."""
        part_head = self.network(lambda: PartHead(config.part_head), f"{config.name}_part_head")
        return PriorHeads(self.picture_head(config), part_head)

    def search_head(self, config: ModelConfig) -> PictureHead:
        """Head that reads a picture off coarser features of the bank, for inversion."""
        return self.network(lambda: PictureHead(config.search_head), f"{config.name}_search_head")

    def photo_parts(self) -> PhotoParts:
        """Network that reads the parts of a photo."""
        return PhotoParts(PerceptualLoss(self.mobilenet()), self.network(PartReader, "part_reader"))

    def inverter(self, config: ModelConfig, photo_parts: PhotoParts) -> Inverter:
        """Frozen parts of inversion."""
        tensors, _ = read_safetensors(self.path(f"{config.name}_inverter.safetensors"))
        steps = tensors["steps"].float()
        return Inverter(self.search_head(config), photo_parts.perceptual, photo_parts.reader, steps)

    def mobilenet(self) -> MobileNetV2Features:
        """MobileNetV2 with its ImageNet weights."""
        return self.network(MobileNetV2Features, "mobilenet_v2", drop=("features.18.", "classifier."))

    def recognition(self) -> FaceRecognition:
        """Face recognition network for training."""
        path = self.path("face_recognition.safetensors")
        return _filled(build_empty(FaceRecognition), recognition_state(read_safetensors(path)[0]), path)

    def require(self, config: ModelConfig) -> None:
        """Check that all files of a size exist.

        Raises:
            WeightsMissingError: some are missing; the message names them all.
        """
        _, bank, mapping = BANKS[config.bank]
        names = [bank, mapping, f"{config.name}_encoder", f"{config.name}_generator"]
        if config.generator.bank_picture:
            names += [f"{config.name}_{head}" for head in ("picture_head", "part_head")]
            names += ["part_reader", "mobilenet_v2"]
        lost = [name for name in names if self._found(name) is None]
        if lost:
            raise self._without(lost)

    def _source(self, name: str) -> tuple[Path, Part | None]:
        """`name.safetensors`, or else another file and its part with this network."""
        found = self._found(name)
        if found is None:
            raise self._without([name])
        return found

    def _found(self, name: str) -> tuple[Path, Part | None] | None:
        path = self.find(f"{name}.safetensors")
        return find_part(name, self.folders) if path is None else (path, None)

    def _without(self, names: Sequence[str]) -> WeightsMissingError:
        """The error for networks without a file; names files in subfolders."""
        inner = [entry for folder in self.folders if folder.is_dir() for entry in sorted(folder.rglob("*/"))]
        deeper = {
            f"{name}.safetensors": f"move {found[0]} into one of these folders."
            for name in names
            if (found := find_part(name, inner)) is not None
        }
        return self.missing([f"{name}.safetensors" for name in names], {**ADVICE, **deeper})


SHIPPED = Weights()
"""Weights in the pack's folders alone."""


def start_from(network: nn.Module, name: str, path: str | Path, mean_code: Tensor) -> int:
    """Load the weights that a published file has for a network; returns their number of tensors.

    Encoders of e4e start the full style encoder, with or without its guide channels. IR-SE50 starts its
    backbone without the first convolution. EXE-GAN starts the refinement encoder without its entry.

    Args:
        network: to be trained.
        name: of its weights file, such as `full_encoder`.
        path: the published file.
        mean_code: `[512]`, from which the network's codes are offsets, if it is an encoder.

    Raises:
        CheckpointError: the file cannot be read, or has nothing for this network.
    """
    for found in recognize(open_checkpoint(path)):
        part = found.parts.get(name)
        stored = found.starts.get(name, {}) if part is None else part.tensors
        tensors = {key: tensor.load().float() for key, tensor in stored.items()}
        if part is not None and part.build is not None and part.mean_code is not None:
            relative = bool(network.relative)
            if relative != build_empty(part.build).relative:
                raise CheckpointError(f"{path} has absolute codes, but the {name} is trained on offsets.")
            tensors = recentered(tensors, part.mean_code.load().float() - mean_code, relative)
        if tensors:
            difference = misfit(network, network.state_dict() | tensors)
            if difference is not None:
                raise CheckpointError(f"{path} does not fit the {name}: {difference}.")
            network.load_state_dict(tensors, strict=False)
            return len(tensors)
    raise CheckpointError(f"{path} has no weights from which the training of {name} could start.")


def _read(path: Path, part: Part | None) -> dict[str, Tensor]:
    if part is None:
        return read_safetensors(path)[0]
    return {name: tensor.load() for name, tensor in part.tensors.items()}


def _filled(network: Network, tensors: dict[str, Tensor], path: Path) -> Network:
    wanted = {key: value.float() for key, value in tensors.items()}
    difference = misfit(network, wanted)
    if difference is not None:
        raise CheckpointError(f"{path} does not fit its network: {difference}.")
    network.load_state_dict(wanted, assign=True)
    return network.eval().requires_grad_(False)
