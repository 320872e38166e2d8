"""Reads MobileStyleGAN from an OpenVINO IR (a graph in .xml, its constants in .bin), without OpenVINO.

Some weights have names (`m.layers.0.conv1.conv.weight_dw`). Others are anonymous constants: folded pointwise
convolutions, noise maps and gains, which are found by following the graph from a named one. Gains are folded
into the weights, so that the state dicts fit `MappingNetwork` and `MobileStyleGAN`.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..errors import CheckpointError
from ..networks.mapping import MappingNetwork

MEAN_SAMPLES = 65_536
"""Samples for the mean code, which the files do not contain."""


def read_mapping(xml_path: str | Path, bin_path: str | Path) -> dict[str, Tensor]:
    """State dict of `MappingNetwork`, mean code included.

    Raises:
        CheckpointError: a file cannot be read or holds another network.
    """
    graph = _Graph(Path(xml_path), Path(bin_path))
    state: dict[str, Tensor] = {}
    for index, product in enumerate(graph.of_type("MatMul")):
        total = graph.follow(product, "Add")
        gain = graph.constant_of(graph.follow(total, "PReLU", "Multiply")).item()
        state[f"layers.{index}.weight"] = graph.constant_of(product) * gain
        state[f"layers.{index}.bias"] = graph.constant_of(graph.input_of(total, "Reshape")) * gain
    if not state:
        raise graph.error("it has no fully connected layers")

    mapping = MappingNetwork(code_dim=len(state["layers.0.bias"]), layers=len(state) // 2)
    mapping.load_state_dict(state, strict=False)
    with torch.no_grad():
        state["mean_code"] = mapping.average_code(MEAN_SAMPLES, torch.Generator().manual_seed(0))
    return state


def read_synthesis(xml_path: str | Path, bin_path: str | Path) -> dict[str, Tensor]:
    """State dict of `MobileStyleGAN`.

    Raises:
        CheckpointError: a file cannot be read or holds another network.
    """
    graph = _Graph(Path(xml_path), Path(bin_path))
    conv = graph.follow(
        graph.named("m.conv1.conv.modulation.weight"),
        *("MatMul", "Add", "Reshape", "Multiply", "Multiply", "Convolution"),
    )
    state = {"constant": graph.constant(graph.named("m.input.input"))}
    state |= _scale(graph, "m.conv1.conv", "first.scale")
    state |= _convolution(graph, conv, "first.conv", "first.noise")

    last = sum(name.endswith(".up.modulation.weight") for name in graph.names) - 1
    for k in range(last + 1):
        state |= _linear(graph, f"m.layers.{k}.up", f"blocks.{k}.up")
        for name in ("conv1", "conv2"):
            theirs, ours = f"m.layers.{k}.{name}.conv", f"blocks.{k}.{name}"
            depthwise = graph.named(f"{theirs}.weight_dw")  # [C, 1, 1, 3, 3]
            conv = graph.follow(depthwise, "GroupConvolution", "Convolution")
            state |= _scale(graph, theirs, f"{ours}.scale")
            state[f"{ours}.conv.0.weight"] = graph.constant(depthwise).flatten(0, 1)
            state |= _convolution(graph, conv, f"{ours}.conv.1", f"{ours}.noise")

    theirs = f"m.layers.{last}.to_img"
    state |= _scale(graph, f"{theirs}.conv", "to_image.scale")
    state["to_image.conv.weight"] = graph.constant(graph.named(f"{theirs}.conv.weight"))
    state["to_image.conv.bias"] = graph.constant(graph.named(f"{theirs}.bias")).flatten()
    return state


def _linear(graph: _Graph, theirs: str, ours: str, gain: float = 1.0) -> dict[str, Tensor]:
    """The linear map from a code to channel scales."""
    weight = graph.constant(graph.named(f"{theirs}.modulation.weight"))
    bias = graph.constant(graph.named(f"{theirs}.modulation.bias"))
    return {f"{ours}.weight": weight * gain, f"{ours}.bias": bias.flatten() * gain}


def _scale(graph: _Graph, theirs: str, ours: str) -> dict[str, Tensor]:
    """The same with the following gain, 1/√(fan-in) of the convolution."""
    bias = graph.named(f"{theirs}.modulation.bias")
    gain = graph.constant_of(graph.follow(bias, "Add", "Reshape", "Multiply"))
    return _linear(graph, theirs, ours, gain.item())


def _convolution(graph: _Graph, conv: str, ours: str, noise: str) -> dict[str, Tensor]:
    """A dense convolution with the noise map and bias of its output."""
    noisy = graph.follow(conv, "Add")
    bias = graph.constant_of(graph.follow(noisy, "Add"))
    return {
        f"{ours}.weight": graph.constant_of(conv),
        f"{ours}.bias": bias.flatten(),
        noise: graph.constant_of(noisy),
    }


class _Graph:
    """The layers of an IR by identifier, their edges in both directions, and the bytes of their constants."""

    def __init__(self, xml_path: Path, bin_path: Path) -> None:
        self.xml_path, self.bin_path = xml_path, bin_path
        try:
            root = ET.parse(xml_path).getroot()  # noqa: S314 (current expat refuses entity bombs)
            self.data = bin_path.read_bytes()
        except OSError as error:
            raise CheckpointError(f"Cannot read {error.filename}: {error.strerror}.") from error
        except ET.ParseError as error:
            raise self.error(f"it is not XML ({error})") from error
        if root.tag != "net":
            raise self.error(f"its root element is <{root.tag}> instead of <net>")

        self.layers = {layer.attrib["id"]: layer for layer in root.iterfind("layers/layer")}
        self.names = {layer.attrib["name"]: id_ for id_, layer in self.layers.items()}
        self.inputs: dict[str, list[str]] = {id_: [] for id_ in self.layers}
        self.outputs: dict[str, list[str]] = {id_: [] for id_ in self.layers}
        for edge in root.iterfind("edges/edge"):
            source, target = edge.attrib["from-layer"], edge.attrib["to-layer"]
            self.inputs[target].append(source)
            self.outputs[source].append(target)

    def error(self, found: str) -> CheckpointError:
        return CheckpointError(f"{self.xml_path} is not the MobileStyleGAN network expected here: {found}.")

    def of_type(self, kind: str) -> list[str]:
        """All layers of one type, in the order of computation."""
        return [id_ for id_, layer in self.layers.items() if layer.attrib["type"] == kind]

    def named(self, name: str) -> str:
        if name not in self.names:
            raise self.error(f'it has no layer "{name}" among its {len(self.names)}')
        return self.names[name]

    def follow(self, id_: str, *kinds: str) -> str:
        """Walk downstream over layers of these types."""
        for kind in kinds:
            id_ = self._only(id_, kind, self.outputs[id_], "output")
        return id_

    def input_of(self, id_: str, kind: str) -> str:
        return self._only(id_, kind, self.inputs[id_], "input")

    def constant_of(self, id_: str) -> Tensor:
        """The constant among a layer's inputs."""
        return self.constant(self.input_of(id_, "Const"))

    def constant(self, id_: str) -> Tensor:
        data = self.layers[id_].find("data")
        name = self.layers[id_].attrib["name"]
        if data is None or data.get("element_type") != "f32":
            raise self.error(f'layer "{name}" is not a float32 constant')
        shape = [int(size) for size in data.attrib["shape"].split(",") if size]
        start, size = int(data.attrib["offset"]), int(data.attrib["size"])
        if start + size > len(self.data):
            raise CheckpointError(
                f"{self.bin_path} is cut short: {len(self.data)} bytes, "
                f'but layer "{name}" of {self.xml_path} ends at byte {start + size}.'
            )
        array = np.frombuffer(self.data, "<f4", count=size // 4, offset=start)
        return torch.from_numpy(array.reshape(shape).copy())

    def _only(self, id_: str, kind: str, candidates: list[str], side: str) -> str:
        matches = [other for other in candidates if self.layers[other].attrib["type"] == kind]
        if len(matches) != 1:
            name = self.layers[id_].attrib["name"]
            raise self.error(f'layer "{name}" has {len(matches)} {side}s of type {kind} instead of one')
        return matches[0]
