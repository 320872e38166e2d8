"""Refinement encoder and decoder at a tiny size."""

from types import MappingProxyType

import pytest
import torch

from facemug_core.config import GeneratorConfig
from facemug_core.networks.refinement import RefinementDecoder, RefinementEncoder, without_grid
from facemug_core.networks.style_fusion import FUSIONS

CODES = 7  # one more than the decoder reads
CODE_DIM = 512


def config(stem: int = 2, fusion: str = "style") -> GeneratorConfig:
    return GeneratorConfig(
        stem=stem,
        aggregation_channels=5,
        branch_channels=4,
        score_channels=4,
        score_stride=1,
        channels=MappingProxyType({4: 8, 8: 6, 16: 4}),
        global_dim=12,
        bank_channels=MappingProxyType({8: 10}),
        bank_scales=MappingProxyType({8: 2.0}),
        fill_holes=False,
        bank_picture=False,
        fusion=fusion,
    )


def inputs(
    batch: int = 2,
) -> tuple[dict[int, torch.Tensor], torch.Tensor, dict[int, torch.Tensor], torch.Tensor]:
    """Encoded features and g, bank maps, codes."""
    torch.manual_seed(0)
    encoder = RefinementEncoder(config()).eval().requires_grad_(False)
    encoded, g = encoder(torch.randn(batch, 5, 16, 16))
    bank = {side: torch.randn(batch, 10, side, side) for side in (4, 8, 16)}
    return encoded, g, bank, torch.randn(batch, CODES, CODE_DIM)


@pytest.fixture
def decoder() -> RefinementDecoder:
    torch.manual_seed(1)
    return RefinementDecoder(config()).eval().requires_grad_(False)


def test_encoder_gives_a_map_per_resolution_and_a_global_vector():
    encoded, g, _, _ = inputs()
    assert {side: tuple(x.shape) for side, x in encoded.items()} == {
        16: (2, 4, 16, 16),
        8: (2, 6, 8, 8),
        4: (2, 8, 4, 4),
    }
    assert g.shape == (2, 12)


def test_encoder_repeats_in_evaluation_and_drops_features_in_training():
    net = RefinementEncoder(config()).eval()
    x = torch.randn(2, 5, 16, 16)
    assert torch.equal(net(x)[1], net(x)[1])
    assert not torch.equal(net.train()(x)[1], net(x)[1])


@pytest.mark.parametrize("stem", [1, 2])
def test_picture_has_the_finest_side_times_the_stem(stem):
    encoded, g, bank, codes = inputs()
    picture = RefinementDecoder(config(stem))(encoded, bank, codes, g)
    assert picture.shape == (2, 3, 16 * stem, 16 * stem)


@pytest.mark.parametrize("fusion", FUSIONS)
def test_every_fusion_variant_decodes(fusion):
    encoded, g, bank, codes = inputs()
    assert torch.isfinite(RefinementDecoder(config(fusion=fusion))(encoded, bank, codes, g)).all()


def test_decoder_reads_two_codes_a_level_and_no_more(decoder):
    encoded, g, bank, codes = inputs()
    codes.requires_grad_()
    decoder(encoded, bank, codes, g).square().sum().backward()
    read = codes.grad.abs().sum((0, 2)) > 0
    assert read.tolist() == [True] * 6 + [False]


def test_bank_maps_of_other_resolutions_are_ignored(decoder):
    encoded, g, bank, codes = inputs()
    assert torch.equal(decoder(encoded, bank, codes, g), decoder(encoded, {8: bank[8]}, codes, g))


def test_bank_map_of_a_fused_resolution_matters(decoder):
    encoded, g, bank, codes = inputs()
    other = {**bank, 8: -bank[8]}
    assert not torch.allclose(decoder(encoded, bank, codes, g), decoder(encoded, other, codes, g))


def test_global_vector_modulates_the_picture(decoder):
    encoded, g, bank, codes = inputs()
    assert not torch.allclose(decoder(encoded, bank, codes, g), decoder(encoded, bank, codes, g + 1))


def test_samples_of_a_batch_do_not_mix(decoder):
    encoded, g, bank, codes = inputs(3)
    alone = decoder(
        {side: x[1:2] for side, x in encoded.items()},
        {side: x[1:2] for side, x in bank.items()},
        codes[1:2],
        g[1:2],
    )
    torch.testing.assert_close(decoder(encoded, bank, codes, g)[1:2], alone)


def test_a_grid_of_every_second_pixel_vanishes_and_what_is_smooth_stays() -> None:
    place = torch.arange(32.0)
    grid = 0.3 * (-1) ** (place[:, None] + place) + 0.2 * (-1) ** place
    slope = (place[:, None] + 2 * place) / 50
    free = without_grid((grid + slope).expand(1, 3, 32, 32))
    assert torch.allclose(free[..., 6:-6, 6:-6], slope[6:-6, 6:-6], atol=1e-5)


def test_a_line_of_one_pixel_stays_a_line() -> None:
    line = torch.zeros(1, 1, 32, 32)
    line[..., 16] = 1
    free = without_grid(line)
    assert free[..., 16].min() > 0.7
    assert free[..., 15].abs().max() < 0.3
