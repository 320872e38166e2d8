"""Discriminator."""

from types import MappingProxyType

import pytest
import torch

from facemug_core.config import FULL, LIGHT, DiscriminatorConfig
from facemug_core.networks.discriminator import Discriminator, append_minibatch_stddev


@pytest.fixture(params=[1, 2])
def tiny(request) -> tuple[Discriminator, int]:
    """A discriminator with stem 1 or 2 and the side of its pictures."""
    torch.manual_seed(0)
    config = DiscriminatorConfig(stem=request.param, channels=MappingProxyType({4: 8, 8: 8, 16: 4}))
    return Discriminator(config), 16 * request.param


def test_gives_one_score_per_picture(tiny):
    net, side = tiny
    assert net(torch.randn(4, 3, side, side)).shape == (4, 1)


@pytest.mark.parametrize("batch", [1, 2, 3, 6, 8])
def test_takes_any_batch_size(tiny, batch):
    net, side = tiny
    assert torch.isfinite(net(torch.randn(batch, 3, side, side))).all()


def test_equal_pictures_have_no_deviation():
    x = torch.randn(1, 3, 4, 4).expand(4, -1, -1, -1)
    appended = append_minibatch_stddev(x)
    assert torch.equal(appended[:, :3], x)
    assert appended[:, 3].max() < 1e-3


def test_deviation_is_taken_over_groups_of_four():
    x = torch.randn(8, 3, 4, 4).double()
    appended = append_minibatch_stddev(x)
    for start in (0, 1):
        group = x[start::2]  # pictures a quarter of the batch apart
        expected = (((group - group.mean(0)) ** 2).mean(0) + 1e-8).sqrt().mean()
        torch.testing.assert_close(appended[start::2, 3], expected.expand(4, 4, 4))


def test_gradient_penalty_can_be_differentiated(tiny):
    net, side = tiny
    image = torch.randn(2, 3, side, side, requires_grad=True)
    (gradient,) = torch.autograd.grad(net(image).sum(), image, create_graph=True)
    gradient.square().sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in net.parameters() if p.grad is not None)
    assert net.entry.weight.grad.abs().sum() > 0


def test_untrained_scores_are_of_order_one():
    torch.manual_seed(0)
    assert Discriminator(LIGHT.discriminator)(torch.randn(4, 3, 256, 256)).abs().max() < 10


@pytest.mark.parametrize("config", [LIGHT, FULL], ids=lambda c: c.name)
def test_both_sizes_score_the_working_size(config):
    with torch.device("meta"):
        assert Discriminator(config.discriminator)(torch.empty(4, 3, 256, 256)).shape == (4, 1)
