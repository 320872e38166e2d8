"""The parsing network: its layout is that of the public checkpoint."""

import pytest
import torch

from facemug_core.networks.bisenet import BiSeNet

from . import published


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return BiSeNet().eval()


def test_parameter_names_and_shapes_are_those_of_the_public_checkpoint(network):
    shapes = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    assert shapes == published.bisenet()


@pytest.mark.parametrize("size", [(32, 32), (64, 96), (65, 47)])
def test_logits_have_the_size_of_the_input(network, size):
    with torch.no_grad():
        assert network(torch.zeros(2, 3, *size)).shape == (2, 19, *size)


def test_a_picture_is_read_alike_alone_and_in_a_batch(network):
    images = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        torch.testing.assert_close(network(images)[1:], network(images[1:]), rtol=1e-4, atol=1e-5)
