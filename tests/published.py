"""Files as others publish them: their key names and shapes, at any size, with random numbers."""

from __future__ import annotations

import math
import pickle
import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch

from facemug_core.checkpoints.stored import Checkpoint, StoredTensor

Shapes = dict[str, tuple[int, ...]]

CONFIG_F = (512, 512, 512, 512, 512, 256, 128, 64, 32)
"""Channels of the published generator at 4, 8, … 1024 px."""


def stylegan2(channels: tuple[int, ...] = CONFIG_F, code_dim: int = 512, layers: int = 8) -> Shapes:
    """`g_ema` of stylegan2-ffhq-config-f.pt."""
    shapes: Shapes = {}
    for i in range(1, layers + 1):
        shapes |= {f"style.{i}.weight": (code_dim, code_dim), f"style.{i}.bias": (code_dim,)}
    shapes["input.input"] = (1, channels[0], 4, 4)

    def convolution(name: str, inside: int, outside: int, *, up: bool) -> None:
        shapes[f"{name}.conv.weight"] = (1, outside, inside, 3, 3)
        shapes[f"{name}.conv.modulation.weight"] = (inside, code_dim)
        shapes[f"{name}.conv.modulation.bias"] = (inside,)
        shapes[f"{name}.noise.weight"] = (1,)
        shapes[f"{name}.activate.bias"] = (outside,)
        if up:
            shapes[f"{name}.conv.blur.kernel"] = (4, 4)

    def color(name: str, inside: int, *, up: bool) -> None:
        shapes[f"{name}.bias"] = (1, 3, 1, 1)
        shapes[f"{name}.conv.weight"] = (1, 3, inside, 1, 1)
        shapes[f"{name}.conv.modulation.weight"] = (inside, code_dim)
        shapes[f"{name}.conv.modulation.bias"] = (inside,)
        if up:
            shapes[f"{name}.upsample.kernel"] = (4, 4)

    convolution("conv1", channels[0], channels[0], up=False)
    color("to_rgb1", channels[0], up=False)
    shapes["noises.noise_0"] = (1, 1, 4, 4)
    for k, (inside, outside) in enumerate(pairwise(channels)):
        convolution(f"convs.{2 * k}", inside, outside, up=True)
        convolution(f"convs.{2 * k + 1}", outside, outside, up=False)
        color(f"to_rgbs.{k}", outside, up=True)
        for i in (2 * k + 1, 2 * k + 2):
            shapes[f"noises.noise_{i}"] = (1, 1, 8 << k, 8 << k)
    return shapes


def ir_se(in_channels: int = 3) -> Shapes:
    """Entry and body of IR-SE50."""
    shapes: Shapes = {"input_layer.0.weight": (64, in_channels, 3, 3), "input_layer.2.weight": (64,)}
    _norm(shapes, "input_layer.1", 64)
    inside, unit = 64, 0
    for width, count in ((64, 3), (128, 4), (256, 14), (512, 3)):
        for _ in range(count):
            name = f"body.{unit}"
            _norm(shapes, f"{name}.res_layer.0", inside)
            shapes[f"{name}.res_layer.1.weight"] = (width, inside, 3, 3)
            shapes[f"{name}.res_layer.2.weight"] = (width,)
            shapes[f"{name}.res_layer.3.weight"] = (width, width, 3, 3)
            _norm(shapes, f"{name}.res_layer.4", width)
            shapes[f"{name}.res_layer.5.fc1.weight"] = (width // 16, width, 1, 1)
            shapes[f"{name}.res_layer.5.fc2.weight"] = (width, width // 16, 1, 1)
            if inside != width:
                shapes[f"{name}.shortcut_layer.0.weight"] = (width, inside, 1, 1)
                _norm(shapes, f"{name}.shortcut_layer.1", width)
            inside, unit = width, unit + 1
    return shapes


def style_encoder(in_channels: int = 3, heads: int = 512) -> Shapes:
    """`encoder.*` of e4e, pSp and the 26-channel encoder; `heads` is 512 in all of them."""
    shapes = ir_se(in_channels)
    shapes |= {"latlayer1.weight": (512, 256, 1, 1), "latlayer1.bias": (512,)}
    shapes |= {"latlayer2.weight": (512, 128, 1, 1), "latlayer2.bias": (512,)}
    for i in range(18):
        inside = 512
        for layer in range(4 if i < 3 else 5 if i < 7 else 6):
            shapes[f"styles.{i}.convs.{2 * layer}.weight"] = (heads, inside, 3, 3)
            shapes[f"styles.{i}.convs.{2 * layer}.bias"] = (heads,)
            inside = heads
        shapes |= {f"styles.{i}.linear.weight": (512, heads), f"styles.{i}.linear.bias": (512,)}
    return shapes


def ir_se50() -> Shapes:
    """model_ir_se50.pth."""
    shapes = ir_se()
    _norm(shapes, "output_layer.0", 512)
    shapes |= {"output_layer.3.weight": (512, 25088), "output_layer.3.bias": (512,)}
    _norm(shapes, "output_layer.4", 512)
    return shapes


def bisenet(labels: int = 19) -> Shapes:
    """79999_iter.pth."""
    shapes: Shapes = {"cp.resnet.conv1.weight": (64, 3, 7, 7)}
    _norm(shapes, "cp.resnet.bn1", 64)
    for layer, (inside, width) in enumerate(((64, 64), (64, 128), (128, 256), (256, 512)), 1):
        for block in range(2):
            name = f"cp.resnet.layer{layer}.{block}"
            shapes[f"{name}.conv1.weight"] = (width, inside if block == 0 else width, 3, 3)
            _norm(shapes, f"{name}.bn1", width)
            shapes[f"{name}.conv2.weight"] = (width, width, 3, 3)
            _norm(shapes, f"{name}.bn2", width)
            if block == 0 and layer > 1:
                shapes[f"{name}.downsample.0.weight"] = (width, inside, 1, 1)
                _norm(shapes, f"{name}.downsample.1", width)

    def convolution(name: str, inside: int, outside: int, kernel: int) -> None:
        shapes[f"{name}.conv.weight"] = (outside, inside, kernel, kernel)
        _norm(shapes, f"{name}.bn", outside)

    for name, inside in (("arm16", 256), ("arm32", 512)):
        convolution(f"cp.{name}.conv", inside, 128, 3)
        shapes[f"cp.{name}.conv_atten.weight"] = (128, 128, 1, 1)
        _norm(shapes, f"cp.{name}.bn_atten", 128)
    convolution("cp.conv_head32", 128, 128, 3)
    convolution("cp.conv_head16", 128, 128, 3)
    convolution("cp.conv_avg", 512, 128, 1)
    convolution("ffm.convblk", 256, 256, 1)
    shapes |= {"ffm.conv1.weight": (64, 256, 1, 1), "ffm.conv2.weight": (256, 64, 1, 1)}
    for name, inside, width in (("conv_out", 256, 256), ("conv_out16", 128, 64), ("conv_out32", 128, 64)):
        convolution(f"{name}.conv", inside, width, 3)
        shapes[f"{name}.conv_out.weight"] = (labels, width, 1, 1)
    return shapes


def exe_gan(channels: tuple[int, ...] = CONFIG_F[:7]) -> Shapes:
    """`g_ema` of EXE-GAN: a generator under 1536-dimensional styles, and an encoder."""
    generator = stylegan2(channels, 3 * channels[0])
    shapes = {name: shape for name, shape in generator.items() if not name.startswith(("style.", "input."))}
    shapes |= {"down_from_big.0.weight": (channels[-1], 4, 1, 1), "down_from_big.1.bias": (channels[-1],)}
    for i, (inside, outside) in enumerate(pairwise(channels[::-1])):
        shapes[f"encoder_convs.{2 * i}.0.weight"] = (inside, inside, 3, 3)
        shapes[f"encoder_convs.{2 * i}.1.bias"] = (inside,)
        shapes[f"encoder_convs.{2 * i + 1}.0.kernel"] = (4, 4)
        shapes[f"encoder_convs.{2 * i + 1}.1.weight"] = (outside, inside, 3, 3)
        shapes[f"encoder_convs.{2 * i + 1}.2.bias"] = (outside,)
    width = channels[0]
    shapes |= {"final_layer.0.weight": (width, width, 3, 3), "final_layer.1.bias": (width,)}
    shapes |= {"final_linear.0.weight": (2 * width, 16 * width), "final_linear.0.bias": (2 * width,)}
    shapes |= {"final_transfer.weight": (16 * width, 2 * width), "final_transfer.bias": (16 * width,)}
    return shapes


def mapper(levels: tuple[str, ...] = ("course", "medium", "fine")) -> Shapes:
    """`mapper.*` of StyleCLIP."""
    shapes: Shapes = {}
    for level in levels:
        for i in range(1, 5):
            shapes[f"{level}_mapping.mapping.{i}.weight"] = (512, 512)
            shapes[f"{level}_mapping.mapping.{i}.bias"] = (512,)
    return shapes


def prefixed(prefix: str, shapes: Shapes) -> Shapes:
    return {prefix + name: shape for name, shape in shapes.items()}


def random(shapes: Shapes, seed: int = 0) -> dict[str, torch.Tensor]:
    """Numbers with which networks neither die nor explode; filters are the real ones."""
    generator = torch.Generator().manual_seed(seed)
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0])
    state = {}
    for name, shape in shapes.items():
        value = torch.randn(shape, generator=generator)
        if name.endswith("kernel"):
            gain = 1 if "encoder_convs" in name else 4
            value = torch.outer(taps, taps) / 64 * gain
        elif name.endswith("running_var"):
            value = 1 + 0.1 * value.abs()
        elif name.endswith("num_batches_tracked"):
            value = torch.tensor(7)
        elif name.startswith(("body.", "latlayer")) or ".convs." in name or "input_layer" in name:
            value = value * (torch.tensor(shape[1:]).prod().item() ** -0.5 if len(shape) > 1 else 0.3)
        elif name.startswith(("cp.", "ffm.", "conv_out")):
            value = value * (2 / math.prod(shape[1:])) ** 0.5 if len(shape) > 1 else 1 + 0.1 * value
        elif name.startswith("style.") and name.endswith("weight"):
            value = value * 100  # stored for a learning rate of 0.01
        state[name] = value
    return state


def empty(path: str, shapes: Shapes, values: dict[str, Any] | None = None) -> Checkpoint:
    """A file of full size of which there are only the shapes."""
    return Checkpoint(
        Path(path),
        {
            name: StoredTensor(shape, "float32", lambda shape=shape: torch.empty(shape, device="meta"))
            for name, shape in shapes.items()
        },
        values or {},
    )


def _norm(shapes: Shapes, name: str, width: int) -> None:
    for kind in ("weight", "bias", "running_mean", "running_var"):
        shapes[f"{name}.{kind}"] = (width,)
    shapes[f"{name}.num_batches_tracked"] = ()


@contextmanager
def foreign_class(name: str) -> Iterator[type]:
    """A class that can be pickled now, and whose module is gone afterwards."""
    module_name, _, class_name = name.rpartition(".")
    made = type(class_name, (), {"__module__": module_name})
    parts = module_name.split(".")
    names = [".".join(parts[: i + 1]) for i in range(len(parts))]
    for each in names:
        sys.modules[each] = types.ModuleType(each)
    setattr(sys.modules[module_name], class_name, made)
    try:
        yield made
    finally:
        for each in names:
            del sys.modules[each]


class Hostile:
    """Unpickling it runs a command that makes a file."""

    def __init__(self, witness: Path) -> None:
        self.witness = witness

    def __reduce__(self) -> Any:
        import os

        return os.system, (f'echo caught > "{self.witness}"',)


def pickled(value: Any, protocol: int) -> bytes:
    return pickle.dumps(value, protocol=protocol)
