"""Networks with their weights: built without initialisation, loaded strictly, in eval mode and float32."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from torch import Tensor, nn

from ..config import ModelConfig
from ..errors import CheckpointError, WeightsMissingError
from ..networks.banks import FeatureBank
from ..networks.face_recognition import FaceRecognition
from ..networks.generator import PriorHeads
from ..networks.inverter import Inverter
from ..networks.mapping import MappingNetwork
from ..networks.mobile_stylegan import MobileStyleGAN
from ..networks.mobilenet_v2 import MobileNetV2Features
from ..networks.part_reader import PartHead, PartReader, PhotoParts
from ..networks.perceptual import PerceptualLoss
from ..networks.picture_head import PictureHead
from ..networks.style_encoder import StyleEncoder
from ..networks.stylegan2 import StyleGAN2
from .building import Network, build_empty, misfit
from .face_api import recognition_state
from .formats.base import Part
from .formats.style_encoder import recentered
from .manifest import locate, located, missing, places
from .reading import open_checkpoint, read_safetensors
from .recognising import find_part, misplaced, recognise

Folders = Sequence[str | Path]

BANKS: dict[str, tuple[Callable[[], FeatureBank], str, str]] = {
    "mobile_stylegan": (MobileStyleGAN, "mobile_stylegan", "mobile_mapping"),
    "stylegan2": (StyleGAN2, "stylegan2", "stylegan2_mapping"),
}
"""Feature banks by their name in `ModelConfig.bank`: class, file of the bank, file of its mapping network."""


ADVICE: Mapping[str, str] = MappingProxyType(
    {
        "stylegan2.safetensors": "any file of the StyleGAN2 network of faces serves, such as "
        "stylegan2-ffhq-config-f.pt or the e4e file; put it into one of these folders.",
        "stylegan2_mapping.safetensors": "it is part of the same files.",
        "full_encoder.safetensors": "an e4e, pSp or 26-channel encoder serves, such as e4e_ffhq_encode.pt; "
        "put it into one of these folders.",
        "full_generator.safetensors": "its authors have not published it. Train it: `python -m facemug_core "
        "train generator --model full`.",
    }
)
"""How to come by files that `fetch` does not bring."""


def load_trained(
    build: Callable[[], Network],
    name: str,
    folders: Folders = (),
    *,
    drop: tuple[str, ...] = (),
) -> Network:
    """A network from `name.safetensors`, or from any file whose content serves as it (see `recognising`).

    Args:
        build: makes the network.
        name: of the file.
        folders: looked into first.
        drop: beginnings of the names of tensors that the network has no use for.

    Raises:
        WeightsMissingError: no such file.
        CheckpointError: the file is damaged or belongs to another network.
    """
    path, part = _find(name, folders)
    return _filled(build_empty(build), _read(path, part), path, drop)


def load_encoder(config: ModelConfig, mean_code: Tensor, folders: Folders = ()) -> StyleEncoder:
    """Style encoder of a size, whose codes are offsets from this mean code [512].

    A published encoder keeps its own widths, and whether its codes are relative; its own mean code is
    accounted for.

    Raises:
        WeightsMissingError, CheckpointError: as `load_trained`.
    """
    path, part = _find(f"{config.name}_encoder", folders)
    tensors = _read(path, part)
    if part is None or part.mean_code is None:
        return _filled(build_empty(lambda: StyleEncoder(config.encoder)), tensors, path)
    encoder = build_empty(part.build)
    assert isinstance(encoder, StyleEncoder)
    change = part.mean_code.load().float() - mean_code
    return _filled(encoder, recentered(tensors, change, encoder.relative), path)


def start_from(network: nn.Module, name: str, path: str | Path, mean_code: Tensor) -> int:
    """Fill what of a network a published file has weights for; returns how many tensors that is.

    Encoders of e4e start the full style encoder, with or without its guides' channels; IR-SE50 starts its
    backbone but for the first convolution; EXE-GAN starts the refinement encoder but for its entry.

    Args:
        network: to be trained.
        name: of the weights file that it will be, such as `full_encoder`.
        path: the published file.
        mean_code: [512], from which the network's codes are offsets, if it is an encoder.

    Raises:
        CheckpointError: the file cannot be read, or has nothing for this network.
    """
    for found in recognise(open_checkpoint(path)):
        part = found.parts.get(name)
        stored = found.starts.get(name, {}) if part is None else part.tensors
        tensors = {key: tensor.load().float() for key, tensor in stored.items()}
        if part is not None and part.mean_code is not None:
            relative = bool(network.relative)
            if relative != build_empty(part.build).relative:
                raise CheckpointError(f"{path} gives whole codes, but the {name} is trained on offsets.")
            tensors = recentered(tensors, part.mean_code.load().float() - mean_code, relative)
        if tensors:
            difference = misfit(network, network.state_dict() | tensors)
            if difference is not None:
                raise CheckpointError(f"{path} does not fit the {name}: {difference}.")
            network.load_state_dict(tensors, strict=False)
            return len(tensors)
    raise CheckpointError(f"{path} has nothing that the training of {name} could start from.")


def require(config: ModelConfig, folders: Folders = ()) -> None:
    """Check that all files of a size are there.

    Raises:
        WeightsMissingError: some are missing; the message names them all.
    """
    _, bank, mapping = BANKS[config.bank]
    names = [bank, mapping, f"{config.name}_encoder", f"{config.name}_generator"]
    if config.generator.bank_picture:
        names += [f"{config.name}_picture_head", f"{config.name}_part_head", "part_reader", "mobilenet_v2"]
    lost = [name for name in names if _found(name, folders) is None]
    if lost:
        raise _missing(lost, folders)


def _find(name: str, folders: Folders) -> tuple[Path, Part | None]:
    """`name.safetensors`, or else any file whose content serves as it."""
    found = _found(name, folders)
    if found is None:
        raise _missing([name], folders)
    return found


def _found(name: str, folders: Folders) -> tuple[Path, Part | None] | None:
    path = located(f"{name}.safetensors", *folders)
    return find_part(name, places(*folders)) if path is None else (path, None)


def _missing(names: Sequence[str], folders: Folders) -> WeightsMissingError:
    advice = dict(ADVICE)
    for name in names:
        deeper = misplaced(name, [Path(folder) for folder in folders])
        if deeper is not None:
            advice[f"{name}.safetensors"] = f"{deeper} would serve, if it lay in one of these folders."
    return missing([f"{name}.safetensors" for name in names], *folders, advice=advice)


def _read(path: Path, part: Part | None) -> dict[str, Tensor]:
    if part is None:
        return read_safetensors(path)[0]
    return {name: tensor.load() for name, tensor in part.tensors.items()}


def _filled(network: Network, tensors: dict[str, Tensor], path: Path, drop: tuple[str, ...] = ()) -> Network:
    wanted = {key: value.float() for key, value in tensors.items() if not key.startswith(drop)}
    difference = misfit(network, wanted)
    if difference is not None:
        raise CheckpointError(f"{path} does not fit the network that it is to fill: {difference}.")
    network.load_state_dict(wanted, assign=True)
    return network.eval().requires_grad_(False)


def load_mapping(config: ModelConfig, folders: Folders = ()) -> MappingNetwork:
    """Mapping network of a size."""
    _, _, mapping = BANKS[config.bank]
    return load_trained(MappingNetwork, mapping, folders)


def load_bank(config: ModelConfig, folders: Folders = ()) -> tuple[MappingNetwork, FeatureBank]:
    """Mapping network and feature bank of a size."""
    build, bank, _ = BANKS[config.bank]
    return load_mapping(config, folders), load_trained(build, bank, folders)


def load_picture_head(config: ModelConfig, folders: Folders = ()) -> PictureHead:
    """Head that reads a picture off the bank's features."""
    return load_trained(lambda: PictureHead(config.picture_head), f"{config.name}_picture_head", folders)


def load_prior_heads(config: ModelConfig, folders: Folders = ()) -> PriorHeads:
    """What reads a picture and its parts off the bank's features."""
    part_head = load_trained(lambda: PartHead(config.part_head), f"{config.name}_part_head", folders)
    return PriorHeads(load_picture_head(config, folders), part_head)


def load_photo_parts(folders: Folders = ()) -> PhotoParts:
    """What reads the parts of a photo."""
    perceptual = PerceptualLoss(load_mobilenet(folders))
    return PhotoParts(perceptual, load_trained(PartReader, "part_reader", folders))


def load_search_head(config: ModelConfig, folders: Folders = ()) -> PictureHead:
    """Head that reads a picture off coarser features of the bank, for inversion."""
    return load_trained(lambda: PictureHead(config.search_head), f"{config.name}_search_head", folders)


def load_inverter(config: ModelConfig, photo_parts: PhotoParts, folders: Folders = ()) -> Inverter:
    """What brings the codes of a photo nearer to it.

    Raises:
        WeightsMissingError: files are missing.
        CheckpointError: a file is damaged.
    """
    name = f"{config.name}_inverter.safetensors"
    path = located(name, *folders)
    if path is None:
        raise missing([name], *folders)
    steps = read_safetensors(path)[0]["steps"].float()
    return Inverter(
        load_search_head(config, folders),
        photo_parts.perceptual,
        photo_parts.reader,
        steps,
    )


def load_mobilenet(folders: Folders = ()) -> MobileNetV2Features:
    """MobileNetV2 with its ImageNet weights."""
    return load_trained(MobileNetV2Features, "mobilenet_v2", folders, drop=("features.18.", "classifier."))


def load_recognition(folders: Folders = ()) -> FaceRecognition:
    """The network that tells people apart in training."""
    tensors, _ = read_safetensors(locate("face_recognition.safetensors", *folders))
    network = build_empty(FaceRecognition)
    network.load_state_dict(recognition_state(tensors))
    return network.eval().requires_grad_(False)
