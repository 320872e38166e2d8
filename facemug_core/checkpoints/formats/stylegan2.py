"""StyleGAN2 generators in the names of the rosinality port, where modulated weights have a leading axis of
length 1: `g_ema`, a decoder in e4e, pSp and StyleCLIP files, or a bare state dict."""

from __future__ import annotations

import math
from functools import partial
from operator import mul
from typing import TYPE_CHECKING

from ..stored import Checkpoint, StoredTensor
from .base import Found, Part, prefixes_of

if TYPE_CHECKING:
    from torch import Tensor

    from ...networks.mapping import MappingNetwork

KEYS = (
    "conv1.conv.modulation.weight",
    "input.input",
    "conv1.conv.weight",
    "conv1.noise.weight",
    "conv1.activate.bias",
    "to_rgb1.conv.weight",
    "convs.0.conv.weight",
    "to_rgbs.0.conv.weight",
    "noises.noise_0",
)
MAPPING_KEYS = ("style.1.weight", "style.1.bias")
MEAN_CODE = "latent_avg"

_TOP_NAMES = ("input", "conv1", "convs", "to_rgb1", "to_rgbs", "noises")
_LEARNING_RATE = 0.01
"""Factor from stored to effective weights of the mapping network."""


def find(checkpoint: Checkpoint) -> Found | None:
    """The generator of a file, its feature maps and its mapping network."""
    for prefix in prefixes_of(checkpoint, KEYS):
        from ...networks.stylegan2 import StyleGAN2

        tensors = checkpoint.under(prefix)
        state = {name: _bare(t) for name, t in tensors.items() if name.split(".")[0] in _TOP_NAMES}
        levels = sum(name.endswith(".conv.modulation.bias") and name.startswith("to_rgbs.") for name in state)
        code_dim = state["conv1.conv.modulation.weight"].shape[1]
        channels = {4: state["input.input"].shape[1]}
        channels |= {8 << k: state[f"convs.{2 * k}.conv.weight"].shape[0] for k in range(levels)}
        parts = {"stylegan2": Part(state, partial(StyleGAN2, channels, code_dim))}
        facts: dict[str, object] = {
            "picture": f"{4 << levels} px",
            "codes": f"{2 * levels + 2} of {code_dim}",
            "channels": " ".join(map(str, channels.values())),
        }
        lacks = []
        if all(key in tensors for key in MAPPING_KEYS):
            mapping = _mapping(tensors, checkpoint.tensors.get(MEAN_CODE))
            parts["stylegan2_mapping"] = mapping
            facts["mapping layers"] = len(mapping.tensors) // 2
        else:
            lacks.append("the mapping network (style.*), without which there are no random faces")
        return Found("StyleGAN2 generator", facts, "feature bank of the full model", parts, lacks=lacks)
    return None


def _bare(tensor: StoredTensor) -> StoredTensor:
    """Without the leading axis of modulated weights."""
    if len(tensor.shape) == 5 and tensor.shape[0] == 1:
        return tensor.mapped(tensor.shape[1:], lambda loaded: loaded[0])
    return tensor


def _mapping(tensors: dict[str, StoredTensor], mean: StoredTensor | None) -> Part:
    """The mapping network, learning rate and gain √2 folded in (see `MappingNetwork`)."""
    from ...networks.mapping import MappingNetwork

    code_dim = tensors["style.1.bias"].shape[0]
    bias_gain = _LEARNING_RATE * math.sqrt(2)
    gains = {"weight": bias_gain / math.sqrt(code_dim), "bias": bias_gain}
    layers = sum(name.startswith("style.") and name.endswith(".bias") for name in tensors)
    state = {}
    for layer in range(layers):
        for kind, gain in gains.items():
            tensor = tensors[f"style.{layer + 1}.{kind}"]
            state[f"layers.{layer}.{kind}"] = tensor.mapped(tensor.shape, partial(mul, gain))
    build = partial(MappingNetwork, code_dim, layers)
    if mean is None:
        state["mean_code"] = StoredTensor((code_dim,), "float32", partial(_average, build, dict(state)))
    else:
        state["mean_code"] = mean.mapped((code_dim,), partial(_mean_row, code_dim=code_dim))
    return Part(state, build)


def _mean_row(mean: Tensor, code_dim: int) -> Tensor:
    """One code from `[512]`, `[1, 512]` or `[18, 512]`; the rows of published files are equal."""
    rows = mean.reshape(-1, code_dim)
    return rows[0].clone() if bool((rows == rows[:1]).all()) else rows.mean(0)


def _average(build: partial[MappingNetwork], state: dict[str, StoredTensor]) -> Tensor:
    """The mean code of a file without one."""
    import torch

    from ..mobile_stylegan_ir import MEAN_SAMPLES

    network = build()
    network.load_state_dict({name: tensor.load() for name, tensor in state.items()}, strict=False)
    with torch.no_grad():
        return network.average_code(MEAN_SAMPLES, torch.Generator().manual_seed(0))
