"""Sketches made from photos."""

import math

import pytest
import torch
import torch.nn.functional as F

from facemug_core.conditions import boundary_sketch, pencil_sketch


def disc(size=128, inside=0.6, outside=-0.4, radius=40):
    """A smooth-edged disc, `[1, 3, size, size]`, and the distance of each pixel from its center."""
    axis = torch.arange(size) - size / 2 + 0.5
    distance = torch.hypot(axis[:, None], axis[None, :])
    share = torch.sigmoid(radius - distance)
    return (outside + (inside - outside) * share).expand(1, 3, -1, -1), distance


def blobs(seed, batch=2, size=128):
    """Soft random tones with edges at all strengths."""
    noise = torch.randn(batch, 3, 16, 16, generator=torch.Generator().manual_seed(seed))
    return F.interpolate(noise, size=size, mode="bicubic").clamp(-1, 1)


@pytest.mark.parametrize("mode", ["modern", "legacy"])
def test_sketches_are_binary_and_have_one_channel(mode):
    sketch = pencil_sketch(blobs(0), mode)
    assert sketch.shape == (2, 1, 128, 128)
    assert sketch.dtype == torch.float32
    assert ((sketch == 0) | (sketch == 1)).all()


def test_a_disc_becomes_one_thin_closed_line():
    image, distance = disc()
    stroke = pencil_sketch(image)[0, 0] > 0
    assert ((distance[stroke] - 40).abs() < 2).all()
    assert stroke.sum() < 1.3 * 2 * math.pi * 40
    ring = stroke & ((distance - 40).abs() < 2)
    angles = torch.atan2(*(ring.nonzero() - 63.5).T)
    assert angles.sort().values.diff().max() < 0.1


def test_a_busy_picture_keeps_a_sensible_share_of_strokes():
    share = pencil_sketch(blobs(1, batch=4)).mean(dim=(1, 2, 3))
    assert (share > 0.02).all()
    assert (share < 0.09).all()


@pytest.mark.parametrize("tone", [-1.0, -0.2, 1.0])
@pytest.mark.parametrize("mode", ["modern", "legacy"])
def test_a_blank_picture_has_no_strokes(tone, mode):
    assert not pencil_sketch(torch.full((1, 3, 64, 64), tone), mode).any()


def test_faint_noise_has_no_strokes():
    noise = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    assert not pencil_sketch(0.2 + noise * 0.005).any()


def test_strokes_stay_in_place_when_the_photo_is_darker():
    image = blobs(2)
    bright, dark = pencil_sketch(image), pencil_sketch((image + 1) * 0.4 - 1)
    near = F.max_pool2d(bright, 3, stride=1, padding=1)
    assert (dark * near).sum() > 0.9 * dark.sum()


def test_each_picture_of_a_batch_is_drawn_as_if_alone():
    image = blobs(3, batch=3)
    alone = torch.cat([pencil_sketch(one[None]) for one in image])
    assert (pencil_sketch(image) != alone).float().mean() < 1e-3


@pytest.mark.parametrize(("height", "width"), [(1, 1), (3, 40), (65, 33)])
def test_odd_sizes_work(height, width):
    assert pencil_sketch(torch.rand(1, 3, height, width)).shape == (1, 1, height, width)


def test_the_legacy_filter_sees_horizontal_edges_only():
    image = torch.full((1, 3, 32, 32), -1.0)
    image[..., 16:, :] = 1
    assert pencil_sketch(image, "legacy")[0, 0, 15:17].all()
    assert not pencil_sketch(image.mT, "legacy").any()
    assert pencil_sketch(image.mT, "modern").any()


def test_the_legacy_filter_agrees_with_its_definition_in_eight_bits():
    image = blobs(4, batch=1)
    gray = ((image * torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)).sum(1, keepdim=True) + 1) * 127.5
    kernel = torch.tensor([1.0, 2.0, 1.0])
    soft = F.conv2d(
        F.pad(gray.round(), (1,) * 4, mode="reflect"), (kernel[:, None] * kernel / 16)[None, None]
    )
    sobel = torch.tensor([-1.0, 0.0, 1.0])[:, None] * kernel
    down = F.conv2d(F.pad(soft.round(), (1,) * 4, mode="replicate"), sobel[None, None])
    drawn = 255 - (0.75 * down.clamp(0, 255) + 0.75 * (-down).clamp(0, 255)).round()
    assert torch.equal(pencil_sketch(image, "legacy"), (drawn < 128).float())


def test_boundaries_lie_on_both_sides_of_a_border():
    labels = torch.zeros(1, 8, 8, dtype=torch.long)
    labels[:, :, 4:] = 17
    sketch = boundary_sketch(labels)
    assert sketch.shape == (1, 1, 8, 8)
    assert sketch[0, 0, 0].tolist() == [0, 0, 0, 1, 1, 0, 0, 0]


def test_one_region_has_no_boundary():
    assert not boundary_sketch(torch.full((2, 8, 8), 3)).any()


def test_drawing_leaves_its_inputs_alone():
    image, labels = blobs(5), torch.randint(19, (1, 16, 16))
    copies = image.clone(), labels.clone()
    pencil_sketch(image), pencil_sketch(image, "legacy"), boundary_sketch(labels)
    assert torch.equal(image, copies[0])
    assert torch.equal(labels, copies[1])
