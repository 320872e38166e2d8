"""StyleGAN2's operations against slow references, and the promises of the full-size feature bank."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from facemug_core.errors import ShapeError
from facemug_core.networks.layers import Blur, DownConv, ModulatedConv2d
from facemug_core.networks.stylegan2 import StyleGAN2, Upsample

CODE_DIM = 16
TINY = {4: 8, 8: 8, 16: 4, 32: 4}
KERNEL = np.outer([1.0, 3.0, 3.0, 1.0], [1.0, 3.0, 3.0, 1.0]) / 64


def upfirdn2d(x: np.ndarray, kernel: np.ndarray, up: int, before: int, after: int) -> np.ndarray:
    """Insert zeros after each sample, pad, convolve: the definition, one output at a time."""
    height, width = x.shape
    stuffed = np.zeros((height * up, width * up))
    stuffed[::up, ::up] = x
    padded = np.pad(stuffed, (before, after))
    flipped = kernel[::-1, ::-1]
    size = kernel.shape[0]
    rows, columns = padded.shape[0] - size + 1, padded.shape[1] - size + 1
    return np.array(
        [[(padded[r : r + size, c : c + size] * flipped).sum() for c in range(columns)] for r in range(rows)]
    )


def per_channel(x: torch.Tensor, *args) -> torch.Tensor:
    return torch.from_numpy(np.stack([[upfirdn2d(c.numpy(), *args) for c in sample] for sample in x]))


def modulated_kernel(layer: ModulatedConv2d, style: torch.Tensor) -> torch.Tensor:
    """StyleGAN2's per-sample kernel: modulated, then normalized per output channel. [out, in, k, k]"""
    kernel = layer.weight * layer.scale * layer.modulation(style)[None, :, None, None]
    if layer.demodulate:
        kernel = kernel / (kernel.square().sum((1, 2, 3), keepdim=True) + 1e-8).sqrt()
    return kernel


def scattered(x: torch.Tensor, kernel: torch.Tensor) -> torch.Tensor:
    """Transposed convolution of stride 2 by its definition: x [in, H, W], kernel [out, in, 3, 3]."""
    height, width = x.shape[1:]
    out = torch.zeros(kernel.shape[0], 2 * height + 1, 2 * width + 1, dtype=x.dtype)
    for r in range(height):
        for c in range(width):
            out[:, 2 * r : 2 * r + 3, 2 * c : 2 * c + 3] += torch.einsum("i,oikl->okl", x[:, r, c], kernel)
    return out


@pytest.fixture
def bank() -> StyleGAN2:
    torch.manual_seed(0)
    net = StyleGAN2(TINY, CODE_DIM)
    for name, parameter in net.named_parameters():
        if "noise" in name:
            torch.nn.init.constant_(parameter, 0.1)
    return net.eval().requires_grad_(False)


@pytest.mark.parametrize("demodulate", [True, False])
@pytest.mark.parametrize("kernel", [1, 3])
def test_modulated_convolution_equals_one_kernel_per_sample(kernel, demodulate):
    torch.manual_seed(1)
    layer = ModulatedConv2d(5, 4, kernel, CODE_DIM, demodulate=demodulate).double()
    x, style = torch.randn(3, 5, 6, 7).double(), torch.randn(3, CODE_DIM).double()
    expected = torch.stack(
        [F.conv2d(x[i : i + 1], modulated_kernel(layer, style[i]), padding=kernel // 2)[0] for i in range(3)]
    )
    torch.testing.assert_close(layer(x, style), expected)


def test_upsampling_modulated_convolution_equals_scatter_then_blur():
    torch.manual_seed(2)
    layer = ModulatedConv2d(3, 2, 3, CODE_DIM, up=True).double().requires_grad_(False)
    x, style = torch.randn(2, 3, 4, 5).double(), torch.randn(2, CODE_DIM).double()
    wide = torch.stack([scattered(x[i], modulated_kernel(layer, style[i])) for i in range(2)])
    torch.testing.assert_close(layer(x, style), per_channel(wide, KERNEL * 4, 1, 1, 1))


def test_picture_upsampling_equals_reference_filter():
    x = torch.randn(2, 3, 5, 4).double()
    torch.testing.assert_close(Upsample().double()(x), per_channel(x, KERNEL * 4, 2, 2, 1))


@pytest.mark.parametrize("padding", [(1, 1), (2, 2), (2, 1)])
def test_blur_equals_reference_filter(padding):
    x = torch.randn(1, 2, 6, 5).double()
    torch.testing.assert_close(Blur(padding).double()(x), per_channel(x, KERNEL, 1, *padding))


def test_strided_convolution_blurs_first():
    torch.manual_seed(3)
    layer = DownConv(2, 3).double().requires_grad_(False)
    x = torch.randn(1, 2, 8, 8).double()
    blurred = per_channel(x, KERNEL, 1, 2, 2)
    expected = F.conv2d(blurred, layer.weight / 18**0.5, stride=2)
    torch.testing.assert_close(layer(x), F.leaky_relu(expected, 0.2) * 2**0.5)


def test_early_stop_gives_the_same_first_maps(bank):
    codes = torch.randn(2, 8, CODE_DIM)
    everything, coarse = bank.features(codes, 32), bank.features(codes, 8)
    assert list(coarse) == [4, 8]
    assert all(torch.equal(coarse[side], everything[side]) for side in coarse)


def test_feature_shapes_follow_the_channel_table(bank):
    maps = bank.features(torch.randn(2, 8, CODE_DIM), 32)
    assert {side: tuple(m.shape) for side, m in maps.items()} == {s: (2, c, s, s) for s, c in TINY.items()}


@given(code=st.integers(0, 7))
@settings(max_examples=8, deadline=None)
def test_a_code_changes_no_map_before_its_first_resolution(code):
    torch.manual_seed(0)
    net = StyleGAN2(TINY, CODE_DIM).requires_grad_(False)
    codes = torch.randn(1, 8, CODE_DIM)
    changed = codes.clone()
    changed[:, code] += 1
    before, after = net.features(codes, 32), net.features(changed, 32)
    first = net.first_resolution(code)
    for side, m in before.items():
        if side < first:
            assert torch.equal(m, after[side])
        if side == first:
            assert not torch.allclose(m, after[side])


def test_known_coarse_maps_are_reused_and_give_the_same_result(bank):
    codes = torch.randn(2, 8, CODE_DIM)
    known = bank.features(codes, 8)
    changed = codes.clone()
    changed[:, 3:] += 0.5
    maps = bank.features(changed, 32, known)
    assert maps[8] is known[8]
    assert list(known) == [4, 8]
    for side, m in bank.features(changed, 32).items():
        torch.testing.assert_close(maps[side], m)
    torch.testing.assert_close(bank(changed, known), bank(changed))


def test_picture_has_the_finest_side_and_repeats(bank):
    codes = torch.randn(2, 8, CODE_DIM)
    picture = bank(codes)
    assert picture.shape == (2, 3, 32, 32)
    assert torch.equal(picture, bank(codes))


def test_samples_of_a_batch_do_not_mix(bank):
    codes = torch.randn(3, 8, CODE_DIM)
    torch.testing.assert_close(bank(codes)[1:2], bank(codes[1:2]))


def test_wrong_codes_are_refused(bank):
    with pytest.raises(ShapeError, match="style codes"):
        bank.features(torch.randn(2, CODE_DIM))


def test_names_and_shapes_are_those_of_published_checkpoints():
    with torch.device("meta"):
        shapes = {name: tuple(t.shape) for name, t in StyleGAN2().state_dict().items()}
    expected = {
        "input.input": (1, 512, 4, 4),
        "conv1.conv.weight": (512, 512, 3, 3),
        "conv1.conv.modulation.weight": (512, 512),
        "conv1.conv.modulation.bias": (512,),
        "conv1.noise.weight": (1,),
        "conv1.activate.bias": (512,),
        "convs.0.conv.blur.kernel": (4, 4),
        "convs.15.activate.bias": (32,),
        "to_rgb1.bias": (1, 3, 1, 1),
        "to_rgb1.conv.weight": (3, 512, 1, 1),
        "to_rgbs.7.conv.modulation.weight": (32, 512),
        "to_rgbs.7.upsample.kernel": (4, 4),
        "noises.noise_0": (1, 1, 4, 4),
        "noises.noise_16": (1, 1, 1024, 1024),
    }
    assert {name: shapes[name] for name in expected} == expected
    assert "convs.1.conv.blur.kernel" not in shapes
    assert "to_rgb1.upsample.kernel" not in shapes
    assert len([name for name in shapes if name.startswith("noises.")]) == 17


def test_full_size_bank_has_the_papers_maps():
    with torch.device("meta"):
        maps = StyleGAN2().features(torch.empty(1, 18, 512), 256)
    channels = {4: 512, 8: 512, 16: 512, 32: 512, 64: 512, 128: 256, 256: 128}
    assert {side: tuple(m.shape) for side, m in maps.items()} == {
        s: (1, c, s, s) for s, c in channels.items()
    }
