"""Parsing: class ids at the picture's own size."""

import pytest
import torch
from torch import Tensor, nn

from facemug_core.faces.parsing import IMAGENET_MEAN, IMAGENET_STD, Parser


class BrightnessNetwork(nn.Module):
    """Class 17 where the picture is brighter than its middle grey, else class 0."""

    def forward(self, x: Tensor) -> Tensor:
        self.seen = x
        logits = x.new_zeros(x.shape[0], 19, *x.shape[2:])
        grey = x * x.new_tensor(IMAGENET_STD).view(1, 3, 1, 1) + x.new_tensor(IMAGENET_MEAN).view(1, 3, 1, 1)
        logits[:, 17] = grey.mean(1) - 0.5
        return logits


@pytest.mark.parametrize("size", [(256, 256), (64, 64), (1024, 1024), (300, 200), (33, 257), (1, 500)])
def test_ids_come_back_at_the_size_and_place_of_the_picture(size):
    images = -torch.ones(2, 3, *size)
    images[1, :, :, size[1] // 2 :] = 1
    labels = Parser(BrightnessNetwork()).parse(images)
    assert labels.shape == (2, *size)
    assert labels.dtype == torch.int64
    assert (labels[0] == 0).all()
    torch.testing.assert_close(labels[1], images[1, 0].gt(0) * 17, rtol=0, atol=0)


def test_the_network_sees_512_pixels_normalised_like_imagenet():
    network = BrightnessNetwork()
    Parser(network).parse(torch.full((1, 3, 256, 256), 0.5))
    assert network.seen.shape == (1, 3, 512, 512)
    expected = (0.75 - torch.tensor(IMAGENET_MEAN)) / torch.tensor(IMAGENET_STD)
    torch.testing.assert_close(network.seen[0, :, 100, 100], expected)


def test_parsing_leaves_its_input_alone():
    images = torch.rand(1, 3, 40, 40) * 2 - 1
    before = images.clone()
    Parser(BrightnessNetwork()).parse(images)
    assert torch.equal(images, before)
