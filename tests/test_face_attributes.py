"""Networks for age, gender and expression: shapes, and weights from TensorFlow.js's names."""

from __future__ import annotations

import pytest
import torch

from facemug_core.checkpoints.face_api import face_api_state, recognition_state
from facemug_core.networks.face_attributes import AgeGenderNet, ExpressionNet
from facemug_core.networks.face_recognition import FaceRecognition


def stored(network: torch.nn.Module) -> dict[str, torch.Tensor]:
    """The network's weights under TensorFlow.js's names, in its layouts."""
    tensors = {}
    for name, value in network.state_dict().items():
        path, kind = name.rsplit(".", 1)
        head, _, last = path.rpartition(".")
        if last == "depthwise":
            path, kind, value = head, "depthwise_filter", value.permute(2, 3, 0, 1)
        elif last == "pointwise":
            path, kind = head, "bias" if kind == "bias" else "pointwise_filter"
            value = value if kind == "bias" else value.permute(2, 3, 1, 0)
        elif kind == "weight":
            kind, value = ("filters", value.permute(2, 3, 1, 0)) if value.ndim == 4 else ("weights", value.T)
        tensors[f"{path}.{kind}".replace(".", "/")] = value
    return tensors


@pytest.mark.parametrize("build", [AgeGenderNet, ExpressionNet])
def test_published_names_and_layouts_are_understood(build: type[torch.nn.Module]) -> None:
    network = build()
    state = face_api_state(stored(network))
    assert state.keys() == network.state_dict().keys()
    assert all(torch.equal(state[name], value) for name, value in network.state_dict().items())


def test_expression_has_a_logit_for_each_expression() -> None:
    with torch.no_grad():
        assert ExpressionNet()(torch.rand(2, 3, 112, 112) * 255).shape == (2, 7)


def test_age_and_gender_are_one_number_and_two_logits() -> None:
    with torch.no_grad():
        age, gender = AgeGenderNet()(torch.rand(2, 3, 112, 112) * 255)
    assert (age.shape, gender.shape) == ((2,), (2, 2))


def test_scales_of_the_recognition_network_are_folded_into_its_convolutions() -> None:
    tensors, wanted = {}, {}
    network = FaceRecognition()
    for name, value in network.state_dict().items():
        path, kind = name.removeprefix("blocks.").replace(".", "/").rsplit("/", 1)
        if path == "fc":
            tensors["fc"], wanted[name] = value.T, value
        elif kind == "weight":
            scale = torch.rand(len(value)) + 0.5
            tensors |= {f"{path}/conv/filters": value.permute(2, 3, 1, 0), f"{path}/scale/weights": scale}
            wanted[name] = value * scale.view(-1, 1, 1, 1)
        else:
            offset = torch.rand(len(value))
            tensors |= {f"{path}/conv/bias": value, f"{path}/scale/biases": offset}
            wanted[name] = value * tensors[f"{path}/scale/weights"] + offset
    state = recognition_state(tensors)
    assert state.keys() == wanted.keys()
    for name, value in wanted.items():
        torch.testing.assert_close(state[name], value)


def test_recognition_gives_a_vector_for_each_face() -> None:
    with torch.no_grad():
        assert FaceRecognition()(torch.rand(2, 3, 150, 150) * 255).shape == (2, 128)
