"""Latent warping network."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from facemug_core.config import FULL, LIGHT
from facemug_core.networks.latent_warping import (
    CodeModulation,
    LatentWarping,
    channel_attention,
    position_attention,
)

DIM = 16


@pytest.mark.parametrize("rank", [4, DIM])
@pytest.mark.parametrize("count", [14, 18])
def test_gives_one_residual_per_code(count, rank):
    source, reference = torch.randn(2, 2, count, DIM)
    assert LatentWarping(rank, DIM)(source, reference).shape == (2, count, DIM)


@pytest.mark.parametrize("count", [14, 18])
def test_output_scale_zero_leaves_the_source(count):
    net = LatentWarping(4, DIM)
    torch.nn.init.zeros_(net.output_scale)
    source, reference = torch.randn(2, 2, count, DIM)
    assert torch.equal(source + net(source, reference), source)


def test_untrained_residual_is_small_beside_the_codes():
    torch.manual_seed(0)
    source, reference = torch.randn(2, 4, 18, 512)
    assert LatentWarping(LIGHT.warp_rank)(source, reference).std() < 0.1


@given(t=st.integers(1, 18), rank=st.integers(1, 12), gain=st.floats(0, 30))
@settings(max_examples=30, deadline=None)
def test_attention_rows_sum_to_one(t, rank, gain):
    q, k = torch.randn(2, 2, t, rank, generator=torch.Generator().manual_seed(t)) * gain
    for weights, side in ((channel_attention(q, k), t), (position_attention(q, k), rank)):
        assert weights.shape == (2, side, side)
        torch.testing.assert_close(weights.sum(-1), torch.ones(2, side))


def test_block_equals_the_papers_equations_one_sample_at_a_time():
    torch.manual_seed(1)
    block = CodeModulation(DIM, DIM).double()
    for parameter in block.parameters():
        torch.nn.init.normal_(parameter)
    previous, reference = torch.randn(2, 3, 5, DIM).double()
    wq, wq_hat = (block.from_reference.weight / DIM**0.5).split(DIM)
    wk, wv, wk_hat, wv_hat = (block.from_previous.weight / DIM**0.5).split(DIM)
    for d, r, result in zip(previous, reference, block(previous, reference), strict=True):
        a_c = torch.softmax((r @ wq.T) @ (d @ wk.T).T / DIM**0.5, -1) @ (d @ wv.T)
        a_p = (d @ wv_hat.T) @ torch.softmax((r @ wq_hat.T).T @ (d @ wk_hat.T) / 5**0.5, -1)
        total = a_c + a_p
        centered = total - total.mean(-1, keepdim=True)
        normal = centered / (centered.square().mean(-1, keepdim=True) + 1e-5).sqrt()
        torch.testing.assert_close(result, normal * torch.sigmoid(block.gate(r)) + block.shift(r))


def test_samples_of_a_batch_do_not_mix():
    torch.manual_seed(2)
    net = LatentWarping(4, DIM)
    source, reference = torch.randn(2, 3, 18, DIM)
    torch.testing.assert_close(net(source, reference)[1:2], net(source[1:2], reference[1:2]))


def test_gradients_are_exact():
    torch.manual_seed(3)
    net = LatentWarping(3, 6, blocks=2).double()
    source, reference = torch.randn(2, 1, 4, 6).double()
    assert torch.autograd.gradcheck(net, (source.requires_grad_(), reference.requires_grad_()))


def test_paper_size_has_square_projections_and_no_extra_one():
    with torch.device("meta"):
        net = LatentWarping(FULL.warp_rank)
    assert isinstance(net.blocks[0].up, torch.nn.Identity)
    assert net.blocks[0].from_previous.weight.shape == (4 * 512, 512)
    assert len(net.blocks) == 4
