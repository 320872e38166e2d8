"""Telling people apart: the network, the reader of its weights, and what is compared."""

import numpy as np
import pytest
import torch
from torch import nn

from facemug_core.checkpoints.faceres import faceres_state
from facemug_core.checkpoints.manifest import FETCHED, WEIGHTS
from facemug_core.faces.comparison import FaceComparer
from facemug_core.networks.faceres import STAGES, FaceRes

WEIGHTS_FILE = WEIGHTS / FETCHED / "faceres.safetensors"
needs_weights = pytest.mark.skipif(
    not WEIGHTS_FILE.is_file(), reason="needs the weights that `python -m facemug_core fetch compare` brings"
)

RAMP_FEATURES = (
    0.00000,
    0.00000,
    0.00000,
    0.00000,
    0.00000,
    0.00000,
    0.00000,
    0.31110,
    0.00000,
    0.00000,
    0.00000,
    0.00000,
    0.00000,
    0.00000,
    0.00000,
    0.00000,
)
"""First sixteen features of `ramp()`, as TensorFlow.js gives them from the published file."""


def ramp() -> torch.Tensor:
    """A picture that needs no file: [1, 3, 224, 224] in 0 to 255."""
    y, x = torch.meshgrid(torch.arange(224.0), torch.arange(224.0), indexing="ij")
    return torch.stack([x, y, (x + y) / 2])[None]


def published_tensors() -> dict[str, torch.Tensor]:
    """Random weights under TensorFlow.js's names."""
    generator = torch.Generator().manual_seed(0)

    def noise(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator)

    tensors = {"conv1/convolution/merged_input": noise(3, 3, 3, 32), "conv1_bn/batchnorm_1/sub": noise(32)}
    channels = 32
    for i, (width, _) in enumerate(STAGES, 1):
        tensors[f"conv_dw_{i}/depthwise_kernel"] = noise(3, 3, channels, 1)
        tensors[f"conv_dw_{i}_bn/batchnorm_1/mul"] = noise(channels)
        tensors[f"conv_dw_{i}_bn/batchnorm_1/sub"] = noise(channels)
        tensors[f"conv_pw_{i}/convolution/merged_input"] = noise(1, 1, channels, width)
        tensors[f"conv_pw_{i}_bn/batchnorm_1/sub"] = noise(width)
        channels = width
    return tensors


def test_published_names_fill_the_network():
    FaceRes().load_state_dict(faceres_state(published_tensors()))


def test_the_norm_of_a_depthwise_result_goes_into_its_kernel():
    tensors = published_tensors()
    state = faceres_state(tensors)
    kernel = tensors["conv_dw_2/depthwise_kernel"][0, 1, :, 0] * tensors["conv_dw_2_bn/batchnorm_1/mul"]
    assert torch.equal(state["layers.3.weight"][:, 0, 0, 1], kernel)


@needs_weights
def test_features_agree_with_tensorflow():
    comparer = FaceComparer.load()
    with torch.no_grad():
        features = comparer.network(ramp())
    np.testing.assert_allclose(features[0, :16].numpy(), RAMP_FEATURES, atol=2e-5)


def test_vectors_have_unit_length_and_do_not_depend_on_the_batch():
    comparer = FaceComparer(nn.Sequential(nn.AvgPool2d(56), nn.Flatten()))
    crops = torch.rand(3, 3, 256, 256, generator=torch.Generator().manual_seed(0)) * 2 - 1
    vectors = comparer.embed(crops)
    torch.testing.assert_close(vectors.norm(dim=1), torch.ones(3))
    torch.testing.assert_close(vectors[1:2], comparer.embed(crops[1:2]))


def test_hair_and_background_do_not_count():
    comparer = FaceComparer(nn.Sequential(nn.AvgPool2d(56), nn.Flatten()))
    face = torch.zeros(1, 3, 256, 256)
    changed = face.clone()
    changed[..., :40, :], changed[..., :, :30], changed[..., :, 225:] = 1, 1, -1
    assert torch.equal(comparer.embed(face), comparer.embed(changed))


def test_crops_of_any_size_show_the_same_face():
    comparer = FaceComparer(nn.Sequential(nn.AvgPool2d(56), nn.Flatten()))
    ramp = torch.linspace(-1, 1, 256).expand(1, 3, 256, 256)
    large = torch.linspace(-1, 1, 512).expand(1, 3, 512, 512)
    torch.testing.assert_close(comparer.embed(ramp), comparer.embed(large), atol=1e-2, rtol=0)
