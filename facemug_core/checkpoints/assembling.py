"""Networks with their weights: built without initialisation, loaded strictly, in eval mode and float32."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from ..config import ModelConfig
from ..errors import CheckpointError
from ..networks.banks import FeatureBank
from ..networks.bisenet import BiSeNet
from ..networks.mapping import MappingNetwork
from ..networks.mobile_stylegan import MobileStyleGAN
from ..networks.mobilenet_v2 import MobileNetV2Features
from ..networks.stylegan2 import StyleGAN2
from .manifest import locate
from .reading import read_safetensors

Network = TypeVar("Network", bound=nn.Module)
Folders = Sequence[str | Path]

BANKS: dict[str, tuple[Callable[[], FeatureBank], str, str]] = {
    "mobile_stylegan": (MobileStyleGAN, "mobile_stylegan", "mobile_mapping"),
    "stylegan2": (StyleGAN2, "stylegan2", "stylegan2_mapping"),
}
"""Feature banks by their name in `ModelConfig.bank`: class, file of the bank, file of its mapping network."""


class _Undrawn(TorchFunctionMode):
    """Leaves weights undrawn: loading replaces them all, and the global random state stays untouched.

    The meta device does as much, but the first arithmetic on it imports torch's compiler, for seconds.
    """

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func is torch.randn:
            return torch.empty(*args, **kwargs)
        if func.__name__ in ("normal_", "uniform_", "kaiming_uniform_"):  # of tensors and of nn.init
            return args[0] if args else kwargs["tensor"]
        return func(*args, **kwargs)


def load_trained(
    build: Callable[[], Network], name: str, folders: Folders = (), *, drop: tuple[str, ...] = ()
) -> Network:
    """A network from `name.safetensors`, found by `locate`.

    Args:
        build: makes the network.
        name: of the file.
        folders: looked into first.
        drop: beginnings of the names of tensors that the network has no use for.

    Raises:
        WeightsMissingError: no such file.
        CheckpointError: the file is damaged or belongs to another network.
    """
    path = locate(f"{name}.safetensors", *folders)
    with _Undrawn():
        network = build()
    tensors, _ = read_safetensors(path)
    wanted = {key: value.float() for key, value in tensors.items() if not key.startswith(drop)}
    try:
        network.load_state_dict(wanted, assign=True)
    except RuntimeError as error:
        first = next(line.strip() for line in str(error).splitlines()[1:])
        raise CheckpointError(f"{path} does not fit the network it is named after: {first}") from error
    return network.eval().requires_grad_(False)


def load_bank(config: ModelConfig, folders: Folders = ()) -> tuple[MappingNetwork, FeatureBank]:
    """Mapping network and feature bank of a size."""
    build, bank, mapping = BANKS[config.bank]
    return load_trained(MappingNetwork, mapping, folders), load_trained(build, bank, folders)


def load_mobilenet(folders: Folders = ()) -> MobileNetV2Features:
    """MobileNetV2 with its ImageNet weights."""
    return load_trained(MobileNetV2Features, "mobilenet_v2", folders, drop=("features.18.", "classifier."))


def load_parser(folders: Folders = ()) -> BiSeNet:
    """The face parser's network."""
    return load_trained(BiSeNet, "bisenet", folders)
