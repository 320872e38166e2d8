"""Networks with published weights, against implementations that other people use for the same files.

They come from packages that are no part of the tests' requirements: see requirements-others.txt.
"""

import importlib
import re
import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import pytest
import torch

from facemug_core.networks.bisenet import BiSeNet
from facemug_core.networks.style_encoder import ir_se50
from facemug_core.networks.stylegan2 import StyleGAN2

from . import published
from .equations import fused

CODE_DIM = 16


def alone(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A module of an installed package, without the rest of the package and all that this imports."""
    top, *inner, _ = name.split(".")
    found = find_spec(top)
    if found is None or found.origin is None:
        pytest.skip(f"{top} is missing: pip install --no-deps -r tests/requirements-others.txt")
    folder = Path(found.origin).parent
    for depth in range(len(inner) + 1):
        empty = ModuleType(".".join([top, *inner[:depth]]))
        empty.__path__ = [str(folder.joinpath(*inner[:depth]))]
        monkeypatch.setitem(sys.modules, empty.__name__, empty)
    return importlib.import_module(name)


def filled(network: torch.nn.Module, state: dict[str, torch.Tensor]) -> torch.nn.Module:
    network.load_state_dict(state)
    return network.double().eval().requires_grad_(False)


def noise(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(1)).double()


def assert_same(ours: torch.Tensor, theirs: torch.Tensor) -> None:
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5 * theirs.abs().max().item())


@pytest.mark.parametrize("size", [(64, 96), (75, 70)])
def test_the_face_parser_is_that_of_facexlib(monkeypatch, size):
    state = published.random(published.bisenet())
    theirs = filled(alone("facexlib.parsing.bisenet", monkeypatch).BiSeNet(19), state)
    picture = noise(2, 3, *size)
    assert_same(filled(BiSeNet(), state)(picture), theirs(picture)[0])


def test_the_encoders_backbone_is_the_arcface_network_of_facexlib(monkeypatch):
    state = published.random(published.ir_se50())
    theirs = filled(alone("facexlib.recognition.arcface_arch", monkeypatch).Backbone(50, 0.6, "ir_se"), state)
    ours = filled(
        torch.nn.ModuleDict(ir_se50(3).parts),
        {name: tensor for name, tensor in state.items() if not name.startswith("output_layer.")},
    )
    picture = noise(2, 3, 112, 112)
    assert_same(ours["body"](ours["input_layer"](picture)), theirs.body(theirs.input_layer(picture)))


BASICSR_NAMES = (
    (r"^input\.input", "constant_input.weight"),
    (r"^style\.", "style_mlp."),
    (r"^conv(1|s)\.", r"style_conv\1."),
    (r"\.conv\.", ".modulated_conv."),
    (r"\.noise\.", "."),
    (r"noise_", "noise"),
)
"""From rosinality's names to those of BasicSR, whose StyleGAN2 spandrel holds."""


def in_basicsr_names(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    renamed = {}
    for name, tensor in state.items():
        for pattern, replacement in BASICSR_NAMES:
            name = re.sub(pattern, replacement, name)
        renamed[name] = tensor
    return {name: tensor for name, tensor in renamed.items() if not name.endswith(".kernel")}


class Activation(torch.nn.Module):
    """In the place of theirs, which needs a compiled extension."""

    def __init__(self, bias: torch.Tensor) -> None:
        super().__init__()
        self.bias = bias

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return fused(x, self.bias)


def test_the_feature_bank_draws_what_basicsrs_stylegan2_draws(monkeypatch):
    shapes = published.stylegan2((8, 8, 8, 8), CODE_DIM, layers=3)
    state = published.random(shapes)
    architecture = alone("spandrel.architectures.GFPGAN.__arch.stylegan2_arch", monkeypatch)
    theirs = architecture.StyleGAN2Generator(32, CODE_DIM, num_mlp=3, narrow=1 / 64)
    theirs = filled(theirs, in_basicsr_names(state))
    for convolution in (theirs.style_conv1, *theirs.style_convs):
        convolution.activate = Activation(convolution.activate.bias)

    ours = StyleGAN2(dict.fromkeys((4, 8, 16, 32), 8), CODE_DIM)
    state = {name: tensor for name, tensor in state.items() if not name.startswith("style.")}
    state = {name: tensor[0] if name.endswith(".conv.weight") else tensor for name, tensor in state.items()}
    codes = noise(2, 8, CODE_DIM)
    picture, _ = theirs([codes], input_is_latent=True, randomize_noise=False)
    assert_same(filled(ours, state)(codes), picture)
