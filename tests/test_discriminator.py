"""Discriminator."""

from types import MappingProxyType

import pytest
import torch
import torch.nn.functional as F

from facemug_core.config import FULL, DiscriminatorConfig
from facemug_core.networks.discriminator import Discriminator, append_minibatch_stddev
from facemug_core.networks.projected_discriminator import ProjectedDiscriminator

PAPER_LIKE = DiscriminatorConfig(
    stem=2, channels=MappingProxyType({4: 192, 8: 192, 16: 256, 32: 192, 64: 96, 128: 32})
)


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
    assert Discriminator(PAPER_LIKE)(torch.randn(4, 3, 256, 256)).abs().max() < 10


def test_the_full_size_scores_the_working_size():
    with torch.device("meta"):
        assert Discriminator(FULL.discriminator)(torch.empty(4, 3, 256, 256)).shape == (4, 1)


def feature_maps(batch: int = 2) -> dict[int, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    maps = {
        8: torch.randn(batch, 6, 8, 8, generator=generator),
        16: torch.randn(batch, 10, 4, 4, generator=generator),
    }
    return {stride: F.normalize(x, dim=1) for stride, x in maps.items()}


def projected() -> ProjectedDiscriminator:
    torch.manual_seed(0)
    return ProjectedDiscriminator({8: 6, 16: 10}, channels=16)


def test_projected_scores_are_maps_of_half_each_level_coarse_first():
    assert [tuple(s.shape) for s in projected()(feature_maps())] == [(2, 1, 2, 2), (2, 1, 4, 4)]


def test_projected_mixings_are_fixed_and_the_same_everywhere():
    first, second = projected(), ProjectedDiscriminator({8: 6, 16: 10}, channels=16)
    mixings = {name for name, _ in first.named_buffers() if name.startswith(("mix_", "carry_"))}
    assert len(mixings) == 4
    for name in mixings:
        assert torch.equal(first.get_buffer(name), second.get_buffer(name))
    assert all(name.startswith("heads.") for name, _ in first.named_parameters())


def test_mixed_features_stay_of_unit_size():
    net, seen = ProjectedDiscriminator({8: 6, 16: 10}, channels=256), []
    for head in net.heads.values():
        head.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].std().item()))
    net(feature_maps(8))
    assert all(0.7 < deviation < 1.3 for deviation in seen)


def test_fine_scores_know_of_coarse_features():
    maps = feature_maps()
    maps[16].requires_grad_()
    projected()(maps)[1].sum().backward()
    assert maps[16].grad.abs().sum() > 0
