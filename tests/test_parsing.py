"""Parsing: class ids at the picture's own size."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor, nn

from facemug_core.conventions import FLIPPED_LABELS, LABELS
from facemug_core.faces.parsing import IMAGENET_MEAN, IMAGENET_STD, Parser, own_sides
from facemug_core.faces.regions import region_mask
from facemug_core.networks.bisenet import BiSeNet

FETCHED = Path(__file__).parent.parent / "weights" / "fetched"
needs_weights = pytest.mark.skipif(
    not all((FETCHED / name).is_file() for name in ("bisenet.safetensors", "astronaut.png")),
    reason="the parser's weights and the test photo are not fetched (python -m facemug_core fetch)",
)


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


@pytest.mark.parametrize("part", ["brow", "eye", "ear"])
def test_sides_are_the_subjects_own_whatever_side_the_parser_says(part):
    left, right = LABELS.index(f"l_{part}"), LABELS.index(f"r_{part}")
    said = torch.tensor([[[left, right, left, right]]])
    assert own_sides(said).tolist() == [[[right, right, left, left]]]


def test_mirroring_a_face_exchanges_its_sides():
    labels = torch.randint(0, len(LABELS), (2, 6, 10), generator=torch.Generator().manual_seed(0))
    mirrored = torch.tensor(FLIPPED_LABELS)[own_sides(labels).flip(-1)]
    assert torch.equal(own_sides(labels.flip(-1)), mirrored)


@pytest.fixture(scope="module")
def real_parser():
    network = BiSeNet()
    network.load_state_dict(load_file(FETCHED / "bisenet.safetensors"))
    return Parser(network.eval())


@needs_weights
@pytest.mark.parametrize("mirrored", [False, True])
def test_the_real_parser_finds_the_parts_of_a_face_where_they_are(real_parser, mirrored):
    photo = np.array(Image.open(FETCHED / "astronaut.png").convert("RGB"))[26:198, 137:309]
    images = torch.tensor(photo).permute(2, 0, 1)[None] / 127.5 - 1
    labels = real_parser.parse(images.flip(-1) if mirrored else images)
    centers = {}
    for name in ("hair", "left_eye", "right_eye", "left_brow", "right_brow", "nose", "lips", "neck"):
        mask = region_mask(labels, name)[0, 0]
        assert mask.any(), name
        centers[name] = mask.nonzero().float().mean(0)
    from_the_top = ["hair", "left_brow", "left_eye", "nose", "lips", "neck"]
    assert sorted(from_the_top, key=lambda name: centers[name][0]) == from_the_top
    from_the_left = ["right_eye", "nose", "left_eye"]
    assert sorted(from_the_left, key=lambda name: centers[name][1]) == from_the_left
