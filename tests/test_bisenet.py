"""The parsing network: its layout is that of the public checkpoint."""

import pytest
import torch

from facemug_core.networks.bisenet import BiSeNet


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return BiSeNet().eval()


def test_parameter_names_and_shapes_are_those_of_the_public_checkpoint(network):
    state = network.state_dict()
    assert len(state) == 191
    expected = {
        "cp.resnet.conv1.weight": (64, 3, 7, 7),
        "cp.resnet.layer4.0.downsample.1.running_var": (512,),
        "cp.arm16.conv.conv.weight": (128, 256, 3, 3),
        "cp.arm32.bn_atten.bias": (128,),
        "cp.conv_head16.bn.running_mean": (128,),
        "cp.conv_avg.conv.weight": (128, 512, 1, 1),
        "ffm.convblk.conv.weight": (256, 256, 1, 1),
        "ffm.conv2.weight": (256, 64, 1, 1),
        "conv_out.conv_out.weight": (19, 256, 1, 1),
        "conv_out32.conv.conv.weight": (64, 128, 3, 3),
    }
    assert {name: tuple(state[name].shape) for name in expected} == expected


@pytest.mark.parametrize("size", [(32, 32), (64, 96), (65, 47)])
def test_logits_have_the_size_of_the_input(network, size):
    with torch.no_grad():
        assert network(torch.zeros(2, 3, *size)).shape == (2, 19, *size)


def test_a_picture_is_read_alike_alone_and_in_a_batch(network):
    images = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        torch.testing.assert_close(network(images)[1:], network(images[1:]), rtol=1e-4, atol=1e-5)
