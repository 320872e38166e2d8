"""Reads face-api's networks from TensorFlow.js's tensors (`converting.read_tfjs`)."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor


def face_api_state(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights of `networks.face_attributes` from TensorFlow.js's names and layouts.

    Kernels are HWIO, depthwise ones HWC1, matrices transposed.
    """
    state = {}
    for name, value in tensors.items():
        path, _, kind = name.replace("/", ".").rpartition(".")
        separable = f"{name.rpartition('/')[0]}/pointwise_filter" in tensors
        if kind == "filters":
            state[f"{path}.weight"] = value.permute(3, 2, 0, 1).contiguous()
        elif kind == "depthwise_filter":
            state[f"{path}.depthwise.weight"] = value.permute(2, 3, 0, 1).contiguous()
        elif kind == "pointwise_filter":
            state[f"{path}.pointwise.weight"] = value.permute(3, 2, 0, 1).contiguous()
        elif kind == "weights":
            state[f"{path}.weight"] = value.T.contiguous()
        else:
            state[f"{path}.pointwise.bias" if separable else f"{path}.bias"] = value
    return state


def recognition_state(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights of `networks.face_recognition`, with each convolution's scale and offset folded into it."""
    state = {"fc.weight": tensors["fc"].T.contiguous()}
    for name, filters in tensors.items():
        conv, _, kind = name.rpartition("/")
        if kind != "filters":
            continue
        around = conv.removesuffix("/conv")
        scale, offset = tensors[f"{around}/scale/weights"], tensors[f"{around}/scale/biases"]
        path = around.replace("/", ".")
        path = path if "." not in path else f"blocks.{path}"
        state[f"{path}.weight"] = (filters * scale).permute(3, 2, 0, 1).contiguous()
        state[f"{path}.bias"] = tensors[f"{conv}/bias"] * scale + offset
    return state
