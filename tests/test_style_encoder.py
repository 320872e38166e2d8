"""Style encoder and its backbones."""

from dataclasses import replace

import pytest
import torch

from facemug_core.config import FULL, LIGHT, EncoderConfig
from facemug_core.errors import ShapeError
from facemug_core.networks.mobilenet_v2 import MobileNetV2Features
from facemug_core.networks.style_encoder import IRSEUnit, StyleEncoder, widen_stem


def trained(config: EncoderConfig) -> StyleEncoder:
    """An encoder whose heads say something."""
    torch.manual_seed(0)
    net = StyleEncoder(config)
    for head in net.styles:
        torch.nn.init.normal_(head.linear.weight)
    return net.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def encoder() -> StyleEncoder:
    return trained(LIGHT.encoder)


@pytest.fixture(scope="module")
def guides() -> torch.Tensor:
    return torch.randn(2, 26, 256, 256, generator=torch.Generator().manual_seed(1))


def test_gives_one_offset_per_code(encoder, guides):
    codes = encoder(guides)
    assert codes.shape == (2, 18, 512)
    assert torch.isfinite(codes).all()


def test_untrained_encoder_gives_the_mean_face(guides):
    assert not StyleEncoder(LIGHT.encoder).eval()(guides[:1]).any()


def test_without_deltas_all_codes_repeat_the_first(encoder, guides):
    codes = encoder(guides, deltas=0)
    assert torch.equal(codes, codes[:, :1].expand_as(codes))


def test_deltas_switch_on_one_code_after_the_other(encoder, guides):
    some, all_codes = encoder(guides, deltas=5), encoder(guides)
    assert torch.equal(some[:, :6], all_codes[:, :6])
    assert torch.equal(some[:, 6:], some[:, :1].expand(-1, 12, -1))
    assert not torch.equal(all_codes[:, 6], all_codes[:, 0])


def test_relative_heads_add_to_the_first_code(encoder, guides):
    absolute = StyleEncoder(replace(LIGHT.encoder, relative=False)).eval()
    absolute.load_state_dict(encoder.state_dict())
    offsets, codes = absolute(guides), encoder(guides)
    torch.testing.assert_close(offsets[:, :1], codes[:, :1])
    torch.testing.assert_close(offsets[:, 1:] + codes[:, :1], codes[:, 1:])


def test_samples_of_a_batch_do_not_mix(encoder, guides):
    torch.testing.assert_close(encoder(guides)[1:], encoder(guides[1:]), rtol=1e-3, atol=1e-4)


def test_signals_neither_shrink_nor_explode(guides):
    torch.manual_seed(0)
    net = StyleEncoder(LIGHT.encoder).train()
    coarse, _, fine = net._pyramid(guides)
    for head, level in ((net.styles[0], coarse), (net.styles[17], fine)):
        assert 0.2 < head.convs(level).std() / level.std() < 2


def test_plain_and_equalized_convolutions_start_alike():
    plain = StyleEncoder(replace(LIGHT.encoder, equalized=False)).styles[0].convs[0]
    equal = StyleEncoder(LIGHT.encoder).styles[0].convs[0]
    assert plain.weight.std().item() == pytest.approx((equal.weight * equal.scale).std().item(), rel=0.05)


@pytest.mark.parametrize("shape", [(1, 3, 256, 256), (1, 26, 128, 128), (26, 256, 256)])
def test_wrong_guides_are_refused(encoder, shape):
    with pytest.raises(ShapeError, match="256"):
        encoder(torch.zeros(shape))


def test_full_size_names_and_shapes_are_e4es():
    with torch.device("meta"):
        net = StyleEncoder(FULL.encoder)
        assert net(torch.empty(1, 26, 256, 256)).shape == (1, 18, 512)
    shapes = {name: tuple(t.shape) for name, t in net.state_dict().items()}
    expected = {
        "input_layer.0.weight": (64, 26, 3, 3),
        "input_layer.1.running_mean": (64,),
        "input_layer.2.weight": (64,),
        "body.0.res_layer.1.weight": (64, 64, 3, 3),
        "body.0.res_layer.5.fc1.weight": (4, 64, 1, 1),
        "body.3.shortcut_layer.0.weight": (128, 64, 1, 1),
        "body.3.shortcut_layer.1.weight": (128,),
        "body.23.res_layer.3.weight": (512, 512, 3, 3),
        "styles.0.convs.0.weight": (512, 512, 3, 3),
        "styles.0.convs.6.bias": (512,),
        "styles.3.convs.8.weight": (512, 512, 3, 3),
        "styles.17.convs.10.weight": (512, 512, 3, 3),
        "styles.17.linear.weight": (512, 512),
        "latlayer1.weight": (512, 256, 1, 1),
        "latlayer2.weight": (512, 128, 1, 1),
    }
    assert {name: shapes[name] for name in expected} == expected
    assert {name.split(".")[0] for name in shapes} == {
        "input_layer",
        "body",
        "styles",
        "latlayer1",
        "latlayer2",
    }
    assert len(net.body) == 24


@pytest.mark.parametrize(("in_channels", "channels", "stride"), [(16, 32, 2), (16, 16, 2), (16, 16, 1)])
def test_residual_unit_halves_the_side_with_its_stride(in_channels, channels, stride):
    x = torch.randn(2, in_channels, 8, 8)
    assert IRSEUnit(in_channels, channels, stride)(x).shape == (2, channels, 8 // stride, 8 // stride)


def test_mobilenet_maps_halve_with_every_stride():
    maps = MobileNetV2Features().eval()(torch.randn(1, 3, 64, 96))
    assert {stride: tuple(m.shape[1:]) for stride, m in maps.items()} == {
        2: (16, 32, 48),
        4: (24, 16, 24),
        8: (32, 8, 12),
        16: (96, 4, 6),
        32: (320, 2, 3),
    }


def test_mobilenet_stops_early_with_the_same_maps():
    net = MobileNetV2Features().eval()
    x = torch.randn(1, 3, 64, 64)
    everything, early = net(x), net(x, up_to=8)
    assert list(early) == [2, 4, 8]
    assert all(torch.equal(m, everything[stride]) for stride, m in early.items())


def test_mobilenet_names_and_shapes_are_torchvisions():
    with torch.device("meta"):
        shapes = {name: tuple(t.shape) for name, t in MobileNetV2Features().state_dict().items()}
    expected = {
        "features.0.0.weight": (32, 3, 3, 3),
        "features.0.1.running_var": (32,),
        "features.1.conv.0.0.weight": (32, 1, 3, 3),
        "features.1.conv.1.weight": (16, 32, 1, 1),
        "features.1.conv.2.bias": (16,),
        "features.2.conv.0.0.weight": (96, 16, 1, 1),
        "features.2.conv.1.0.weight": (96, 1, 3, 3),
        "features.2.conv.2.weight": (24, 96, 1, 1),
        "features.17.conv.2.weight": (320, 960, 1, 1),
        "features.17.conv.3.num_batches_tracked": (),
    }
    assert {name: shapes[name] for name in expected} == expected
    assert len(shapes) == 314 - 2 - 6  # all but the classifier and the last convolution with its norm


def test_widened_network_ignores_guides_at_first():
    torch.manual_seed(0)
    small, wide = MobileNetV2Features(3).eval(), MobileNetV2Features(26).eval()
    state = dict(small.state_dict())
    state["features.0.0.weight"] = widen_stem(state["features.0.0.weight"])
    wide.load_state_dict(state)
    x = torch.randn(1, 26, 64, 64)
    torch.testing.assert_close(wide(x)[32], small(x[:, :3])[32])
