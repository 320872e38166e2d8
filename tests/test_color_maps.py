"""Color maps made from photos."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from facemug_core.conditions import region_means, superpixels


def photo(seed=0, batch=2, height=24, width=20):
    return torch.rand(batch, 3, height, width, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def labels(seed=0, batch=2, height=24, width=20, low=-1):
    return torch.randint(low, 19, (batch, height, width), generator=torch.Generator().manual_seed(seed))


def test_every_region_is_painted_with_its_own_mean():
    image, classes = photo(), labels()
    painted = region_means(image, classes)
    for picture in range(2):
        for label in range(19):
            region = classes[picture] == label
            expected = image[picture, :, region].mean(dim=1, keepdim=True).expand(-1, int(region.sum()))
            torch.testing.assert_close(painted[picture, :, region], expected)


def test_unknown_regions_have_no_color():
    image, classes = photo(), labels()
    assert not region_means(image, classes)[(classes < 0)[:, None].expand_as(image)].any()


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**31))
def test_painting_twice_changes_nothing(seed):
    classes = labels(seed)
    once = region_means(photo(seed), classes)
    torch.testing.assert_close(region_means(once, classes), once)


def test_two_tones_become_two_superpixel_tones():
    image = torch.full((1, 3, 32, 32), -0.7)
    image[..., 13:] = 0.8
    torch.testing.assert_close(superpixels(image, 4), image)


def test_superpixels_hide_fine_detail():
    stripes = torch.full((1, 3, 64, 64), -0.3)
    stripes[..., ::2] = 0.3
    steps = superpixels(stripes, 30).diff(dim=-1).abs()
    assert steps.mean() < 0.05 * stripes.diff(dim=-1).abs().mean()


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    segments=st.integers(1, 100),
)
def test_superpixels_keep_the_mean_and_the_range_at_any_size(seed, height, width, segments):
    image = photo(seed, 2, height, width)
    painted = superpixels(image, segments)
    assert painted.shape == image.shape
    assert painted.abs().max() <= 1 + 1e-5
    torch.testing.assert_close(painted.mean(dim=(2, 3)), image.mean(dim=(2, 3)), atol=1e-4, rtol=0)


@pytest.mark.parametrize("segments", [1, 30, 100])
def test_there_are_about_as_many_superpixels_as_asked_for(segments):
    colors = superpixels(photo(batch=1, height=64, width=64), segments)[0].flatten(1).unique(dim=1)
    assert 0.5 * segments <= colors.shape[1] <= 1.2 * segments


def test_pictures_of_a_batch_are_painted_as_if_alone():
    image = photo(3, batch=3)
    alone = torch.cat([superpixels(one[None], 20) for one in image])
    torch.testing.assert_close(superpixels(image, 20), alone)


def test_painting_leaves_its_inputs_alone():
    image, classes = photo(), labels()
    copies = image.clone(), classes.clone()
    region_means(image, classes)
    superpixels(image, 10)
    assert torch.equal(image, copies[0])
    assert torch.equal(classes, copies[1])
