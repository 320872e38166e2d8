"""Multimodal aggregation."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from facemug_core.config import LIGHT, GeneratorConfig
from facemug_core.conventions import GUIDE_CHANNELS
from facemug_core.networks.aggregation import Aggregation

SIDE = 16


def config(stem: int) -> GeneratorConfig:
    return GeneratorConfig(
        stem=stem,
        aggregation_channels=6,
        branch_channels=4,
        score_channels=4,
        score_stride=1,
        channels=LIGHT.generator.channels,
        global_dim=8,
        bank_channels=LIGHT.generator.bank_channels,
        bank_scales=LIGHT.generator.bank_scales,
        fill_holes=False,
        bank_picture=False,
    )


def guides(batch: int = 2, seed: int = 0) -> dict[str, torch.Tensor]:
    g = torch.Generator().manual_seed(seed)
    channels = {**GUIDE_CHANNELS, "mask": 1}
    return {name: torch.randn(batch, c, SIDE, SIDE, generator=g) for name, c in channels.items()}


@pytest.fixture(params=[1, 2])
def net(request) -> Aggregation:
    torch.manual_seed(0)
    return Aggregation(config(request.param)).requires_grad_(False)


def test_features_have_the_side_over_the_stem(net):
    assert net(**guides()).shape == (2, 6, SIDE // net.stem, SIDE // net.stem)


@given(seed=st.integers(0, 1000), gain=st.floats(0, 100))
@settings(max_examples=10, deadline=None)
def test_weights_sum_to_one_at_every_pixel(seed, gain):
    torch.manual_seed(seed)
    net = Aggregation(config(1)).requires_grad_(False)
    _, weights = net.weighted_features(**{name: x * gain for name, x in guides(seed=seed).items()})
    assert weights.shape == (2, 4, 1, SIDE, SIDE)
    torch.testing.assert_close(weights.sum(1), torch.ones(2, 1, SIDE, SIDE))


def test_result_is_the_weighted_sum_of_the_guides_features(net):
    features, weights = net.weighted_features(**guides())
    total = sum(feature * weights[:, k] for k, feature in enumerate(features))
    torch.testing.assert_close(net(**guides()), total)


def test_guides_of_zero_weight_may_hold_anything(net):
    """Scores fall as features rise: raising those of sketch and color takes their weight to 0."""
    torch.nn.init.constant_(net.score.skip.weight, -1e4)
    for name in ("sketch", "color"):
        torch.nn.init.constant_(net.branches[name].conv2.bias, 1e3)
    x = guides()
    other = {**x, "sketch": x["color"][:, :1], "color": x["sketch"].expand(-1, 3, -1, -1)}
    assert not net.weighted_features(**x)[1][:, [1, 3]].any()
    assert torch.equal(net(**x), net(**other))


def test_mask_changes_the_result(net):
    x = guides()
    assert not torch.allclose(net(**x), net(**{**x, "mask": 1 - x["mask"]}))


def test_samples_of_a_batch_do_not_mix(net):
    x = guides(3)
    torch.testing.assert_close(net(**x)[1:2], net(**{name: t[1:2] for name, t in x.items()}))


def test_inputs_are_not_changed(net):
    x = guides()
    before = {name: t.clone() for name, t in x.items()}
    net(**x)
    assert all(torch.equal(x[name], before[name]) for name in x)
