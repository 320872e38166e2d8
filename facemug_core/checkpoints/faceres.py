"""Reads FaceRes from TensorFlow.js's tensors (`converting.read_tfjs`)."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from ..networks.faceres import STAGES


def faceres_state(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights of `networks.faceres.FaceRes` from TensorFlow.js's names and layouts.

    Kernels are HWIO (depthwise ones HWI1); the factors of batch norms are folded into depthwise kernels.
    """
    state = {}

    def add(layer: int, kernel: Tensor, norm: str) -> None:
        state[f"layers.{layer}.weight"] = kernel.contiguous()
        state[f"layers.{layer}.bias"] = tensors[f"{norm}/batchnorm_1/sub"]

    add(0, tensors["conv1/convolution/merged_input"].permute(3, 2, 0, 1), "conv1_bn")
    for i in range(1, len(STAGES) + 1):
        scale = tensors[f"conv_dw_{i}_bn/batchnorm_1/mul"].view(-1, 1, 1, 1)
        depthwise = tensors[f"conv_dw_{i}/depthwise_kernel"].permute(2, 3, 0, 1)
        add(2 * i - 1, depthwise * scale, f"conv_dw_{i}_bn")
        pointwise = tensors[f"conv_pw_{i}/convolution/merged_input"].permute(3, 2, 0, 1)
        add(2 * i, pointwise, f"conv_pw_{i}_bn")
    return state


def faceres_heads_state(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights of `networks.faceres.FaceResHeads` from the same names and layouts."""
    state = {}
    for ours, theirs in (("hidden", "feats"), ("age", "age_pred"), ("gender", "gender_pred")):
        state[f"{ours}.weight"] = tensors[f"{theirs}/kernel"].T.contiguous()
        state[f"{ours}.bias"] = tensors[f"{theirs}/bias"]
    return state
