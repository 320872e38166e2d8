"""Style fusion block and the variants of the paper's ablation."""

import pytest
import torch
import torch.nn.functional as F

from facemug_core.networks.style_fusion import FUSIONS, StyleFusionBlock

CHANNELS, STYLE, SIDE = 6, 10, 8


@pytest.fixture
def maps() -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    return {
        "decoded": torch.randn(2, CHANNELS, SIDE, SIDE),
        "encoded": torch.randn(2, CHANNELS, SIDE, SIDE),
        "bank": torch.randn(2, CHANNELS, SIDE, SIDE),
        "style": torch.randn(2, STYLE),
    }


def block(gate_bias: float) -> StyleFusionBlock:
    torch.manual_seed(1)
    net = StyleFusionBlock(CHANNELS, STYLE, CHANNELS).requires_grad_(False)
    torch.nn.init.constant_(net.prior_gate.bias, gate_bias)
    return net


def test_open_gate_gives_generated_features(maps):
    net = block(1e4)
    torch.testing.assert_close(net(**maps), net(**{**maps, "bank": None}))


def test_closed_gate_gives_the_bank(maps):
    torch.testing.assert_close(block(-1e4)(**maps), maps["bank"])


def test_result_lies_between_generated_features_and_bank(maps):
    net = block(0.0)
    generated = net(**{**maps, "bank": None})
    low, high = torch.minimum(generated, maps["bank"]), torch.maximum(generated, maps["bank"])
    fused = net(**maps)
    assert ((fused >= low - 1e-5) & (fused <= high + 1e-5)).all()


def test_equations_7_and_8(maps):
    net = block(0.3)
    decoded, encoded, bank, style = maps.values()
    generated = F.leaky_relu(net.generated(decoded, style), 0.2)
    generated = generated + torch.sigmoid(net.encoder_gate(decoded, style)) * encoded
    gate = torch.sigmoid(net.prior_gate(bank, style))
    torch.testing.assert_close(net(**maps), gate * generated + (1 - gate) * bank)


def test_untrained_gate_favours_generated_features(maps):
    torch.manual_seed(2)
    net = StyleFusionBlock(CHANNELS, STYLE, CHANNELS)
    assert 0.55 < torch.sigmoid(net.prior_gate(maps["bank"], maps["style"])).mean() < 0.8


@pytest.mark.parametrize("name", FUSIONS)
@pytest.mark.parametrize("bank_channels", [None, CHANNELS, 9])
def test_every_variant_takes_any_bank_width(name, bank_channels, maps):
    net = FUSIONS[name](CHANNELS, STYLE, bank_channels, 2.0)
    bank = None if bank_channels is None else torch.randn(2, bank_channels, SIDE, SIDE)
    fused = net(**{**maps, "bank": bank})
    assert fused.shape == maps["decoded"].shape
    assert 0.2 < fused.std() < 2


@pytest.mark.parametrize("name", FUSIONS)
def test_every_variant_uses_all_three_maps(name, maps):
    net = FUSIONS[name](CHANNELS, STYLE, CHANNELS, 1.0)
    inputs = {key: x.clone().requires_grad_() for key, x in maps.items()}
    net(**inputs).square().sum().backward()
    assert all(inputs[key].grad.abs().sum() > 0 for key in ("decoded", "encoded", "bank"))


@pytest.mark.parametrize("name", FUSIONS)
def test_samples_of_a_batch_do_not_mix(name, maps):
    net = FUSIONS[name](CHANNELS, STYLE, CHANNELS, 1.0)
    alone = net(**{key: x[1:] for key, x in maps.items()})
    torch.testing.assert_close(net(**maps)[1:], alone)
