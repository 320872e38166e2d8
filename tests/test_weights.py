"""Networks loaded from their files."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from facemug_core.checkpoints.reading import save_safetensors
from facemug_core.checkpoints.weights import Weights
from facemug_core.errors import CheckpointError, WeightsMissingError
from facemug_core.networks.generator import Generator
from facemug_core.networks.layers import EqualLinear, ModulatedConv2d
from facemug_core.networks.mapping import MappingNetwork

from .tiny import tiny_config, tiny_photo_parts

ROOT = Path(__file__).parents[1]


class Every(nn.Module):
    """Each way in which the project's layers and torch's draw their weights."""

    def __init__(self) -> None:
        super().__init__()
        self.mapping = MappingNetwork(8, layers=2)
        self.linear = EqualLinear(8, 4, lr_multiplier=0.5)
        self.modulated = ModulatedConv2d(4, 4, 3, 8, up=True)
        self.plain = nn.Sequential(nn.Conv2d(4, 4, 3), nn.BatchNorm2d(4), nn.PReLU(4))
        nn.init.normal_(self.plain[0].weight, std=2.0)


@pytest.fixture
def stored(tmp_path):
    """A network's state, kept in half precision in `every.safetensors`."""
    state = {
        name: value.half() if value.is_floating_point() else value
        for name, value in Every().state_dict().items()
    }
    save_safetensors(tmp_path / "every.safetensors", state)
    return state


def test_a_loaded_network_has_the_files_values_as_ordinary_float32_parameters(stored, tmp_path):
    network = Weights(tmp_path).network(Every, "every")
    for name, value in network.state_dict().items():
        torch.testing.assert_close(value, stored[name].to(value.dtype), rtol=0, atol=0)
    for parameter in network.parameters():
        assert parameter.dtype == torch.float32
        assert not parameter.is_inference()
        assert not parameter.requires_grad


def test_loading_leaves_the_global_random_state_alone(stored, tmp_path):
    before = torch.get_rng_state()
    Weights(tmp_path).network(Every, "every")
    assert torch.equal(before, torch.get_rng_state())


def test_a_file_of_another_network_is_refused_by_name(stored, tmp_path):
    with pytest.raises(CheckpointError, match=r"every\.safetensors does not fit"):
        Weights(tmp_path).network(lambda: MappingNetwork(8), "every")


def test_a_generator_that_drew_a_plane_more_is_refused_with_a_sentence(tmp_path):
    """Older ones drew a fourth plane, a gate."""
    config = tiny_config().generator
    state = Generator(config).state_dict()
    planes = config.stem**2
    for name in [name for name in state if "rgb" in name and name.endswith(("conv.weight", ".bias"))]:
        if "modulation" not in name and state[name].shape[0] == 3 * planes:
            state[name] = torch.cat([state[name], torch.zeros_like(state[name][:planes])])
    save_safetensors(tmp_path / "tiny_generator.safetensors", state)
    with pytest.raises(CheckpointError, match=r"tiny_generator\.safetensors does not fit.*rgb"):
        Weights(tmp_path).network(lambda: Generator(config), "tiny_generator")


def test_a_size_that_composes_edits_names_all_files_that_it_lacks(tmp_path):
    with pytest.raises(WeightsMissingError) as lost:
        Weights(tmp_path).require(replace(tiny_config(), name="tiny"))
    for name in ("tiny_generator", "tiny_picture_head", "tiny_part_head"):
        assert f"{name}.safetensors" in str(lost.value)


def test_an_inverter_without_its_search_head_names_the_file(tmp_path):
    config = replace(tiny_config(), name="tiny")
    save_safetensors(tmp_path / "tiny_inverter.safetensors", {"steps": torch.zeros(512, 4)})
    with pytest.raises(WeightsMissingError, match=r"tiny_search_head\.safetensors is missing"):
        Weights(tmp_path).inverter(config, tiny_photo_parts())


def test_loading_does_not_import_the_compiler_of_torch(stored, tmp_path):
    code = (
        "import sys; from facemug_core.checkpoints.weights import Weights; "
        "from tests.test_weights import Every; Weights(sys.argv[1]).network(Every, 'every'); "
        "sys.exit('torch._dynamo' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, check=True)
