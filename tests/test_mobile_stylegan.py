"""The light feature bank: agreement with the published network, and its promises at tiny sizes."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor

from facemug_core.checkpoints.mobile_stylegan_ir import read_mapping, read_synthesis
from facemug_core.errors import CheckpointError, ShapeError
from facemug_core.networks.mapping import MappingNetwork
from facemug_core.networks.mobile_stylegan import MOBILE_CHANNELS, MobileStyleGAN, inverse_haar

ROOT = Path(__file__).parent
FETCHED = ROOT.parent / "weights" / "fetched"
TINY = {4: 8, 8: 16, 16: 12, 32: 8}


@pytest.fixture(scope="module")
def reference() -> dict[str, Tensor]:
    return load_file(ROOT / "fixtures" / "mobile_bank.safetensors")


def fetched(name: str) -> dict[str, Tensor]:
    path = FETCHED / name
    if not path.exists():
        pytest.skip(f"{name} is not fetched")
    return load_file(path)


@pytest.fixture(scope="module")
def bank() -> MobileStyleGAN:
    network = MobileStyleGAN()
    network.load_state_dict(fetched("mobile_stylegan.safetensors"))
    return network.requires_grad_(False)


@pytest.fixture(scope="module")
def mapping() -> MappingNetwork:
    network = MappingNetwork()
    network.load_state_dict(fetched("mobile_mapping.safetensors"))
    return network.requires_grad_(False)


@pytest.fixture
def tiny() -> MobileStyleGAN:
    """A narrow network up to 32 px with random weights and noise."""
    network = MobileStyleGAN(TINY, code_dim=6)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for value in network.state_dict().values():
            value.copy_(torch.randn(value.shape, generator=generator) * 0.5)
    return network


def codes_of(batch: int, code_dim: int = 6, seed: int = 1) -> Tensor:
    return torch.randn(batch, 18, code_dim, generator=torch.Generator().manual_seed(seed))


# --- the published weights ------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=["case0", "case1"])
def drawn(request, bank, reference) -> tuple[str, dict[int, Tensor], Tensor]:
    """A case of the reference with the features and the picture of its code (drawn once: this is slow)."""
    codes = reference[f"{request.param}.w"][:, None].expand(-1, 18, -1)
    features = bank.features(codes, up_to=512)
    return request.param, features, bank(codes, known=features)


def test_features_of_every_level_agree_with_the_published_network(drawn, reference):
    case, features, _ = drawn
    assert list(features) == sorted(MOBILE_CHANNELS)
    for size, feature in features.items():
        assert feature.shape == (1, MOBILE_CHANNELS[size], size, size)
        step = max(1, size // 8)
        expected = reference[f"{case}.feature_{size}"]
        torch.testing.assert_close(feature[:, ::32, ::step, ::step], expected, atol=1e-4, rtol=0)


def test_picture_of_one_code_agrees_with_the_published_network(drawn, reference):
    case, _, image = drawn
    assert image.shape == (1, 3, 1024, 1024)
    crop = image[..., 480:512, 480:512]
    torch.testing.assert_close(F.avg_pool2d(image, 16), reference[f"{case}.image_64"], atol=1e-4, rtol=0)
    torch.testing.assert_close(crop, reference[f"{case}.image_crop"], atol=1e-4, rtol=0)


def test_picture_of_mixed_codes_agrees_with_the_published_network(bank, reference):
    image = bank(reference["mixed.w"])
    torch.testing.assert_close(F.avg_pool2d(image, 16), reference["mixed.image_64"], atol=1e-4, rtol=0)


def test_mapping_agrees_with_the_published_network(mapping, reference):
    torch.testing.assert_close(mapping(reference["z"]), reference["w"], atol=1e-4, rtol=0)


def test_mean_code_is_near_an_average_of_few_samples(mapping, reference):
    few = mapping.average_code(4096, torch.Generator().manual_seed(7))
    spread = mapping(torch.randn(256, 512, generator=torch.Generator().manual_seed(8))).std()
    for estimate in (few, reference["mean_w"]):
        assert (mapping.mean_code - estimate).square().mean().sqrt() < 3 * spread / 4096**0.5


# --- the mapping network --------------------------------------------------------------------------------


def test_mapping_ignores_the_length_of_the_noise():
    mapping = MappingNetwork(code_dim=16, layers=2)
    z = torch.randn(3, 16, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(mapping(z), mapping(5 * z))


def test_average_code_depends_on_the_generator_alone():
    mapping = MappingNetwork(code_dim=16, layers=2)
    first, second = (mapping.average_code(5000, torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(first, second)


# --- the synthesis network at tiny sizes ----------------------------------------------------------------


def slow_inverse_haar(x: Tensor) -> Tensor:
    batch, channels, height, width = x.shape
    channels //= 4
    out = torch.zeros(batch, channels, 2 * height, 2 * width, dtype=x.dtype)
    for c in range(channels):
        ll, (lh, hl, hh) = x[:, c], (x[:, channels + 3 * c + band] for band in range(3))
        out[:, c, 0::2, 0::2] = (ll + lh + hl + hh) / 2
        out[:, c, 1::2, 0::2] = (ll - lh + hl - hh) / 2
        out[:, c, 0::2, 1::2] = (ll + lh - hl - hh) / 2
        out[:, c, 1::2, 1::2] = (ll - lh - hl + hh) / 2
    return out


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_inverse_haar_equals_the_slow_reference(memory_format):
    x = torch.randint(-64, 64, (2, 12, 3, 5), generator=torch.Generator().manual_seed(0)).float()
    assert torch.equal(inverse_haar(x.contiguous(memory_format=memory_format)), slow_inverse_haar(x))


def test_inverse_haar_keeps_the_energy():
    x = torch.randn(2, 8, 4, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    torch.testing.assert_close(inverse_haar(x).square().sum(), x.square().sum())


@pytest.mark.parametrize("up_to", sorted(TINY))
def test_features_hold_every_level_up_to_the_finest_wanted(tiny, up_to):
    features = tiny.features(codes_of(3), up_to)
    expected = {size: (3, channels, size, size) for size, channels in TINY.items() if size <= up_to}
    assert {size: tuple(feature.shape) for size, feature in features.items()} == expected


def test_picture_has_twice_the_finest_resolution(tiny):
    assert tiny(codes_of(2)).shape == (2, 3, 64, 64)


def test_faces_of_a_batch_do_not_influence_each_other(tiny):
    # In float64, where rounding cannot hide or feign an influence.
    bank, codes = deepcopy(tiny).double(), codes_of(3).double()
    together = bank(codes)
    for i in range(3):
        torch.testing.assert_close(together[i : i + 1], bank(codes[i : i + 1]), rtol=1e-9, atol=1e-9)


def test_memory_format_of_the_weights_does_not_change_the_picture(tiny):
    bank, codes = deepcopy(tiny).double(), codes_of(2).double()
    expected = bank(codes)
    moved = bank.to(memory_format=torch.channels_last)
    torch.testing.assert_close(moved(codes), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("changed", range(18))
def test_first_resolution_is_the_first_level_that_a_code_changes(tiny, changed):
    codes = codes_of(1)
    other = codes.clone()
    other[:, changed] += 1
    before, after = tiny.features(codes, 32), tiny.features(other, 32)
    differing = [size for size in before if not torch.equal(before[size], after[size])]
    assert differing == [size for size in TINY if size >= MobileStyleGAN.first_resolution(changed)]


@pytest.mark.parametrize("changed", [0, 1, 3, 6, 7])
def test_continuing_from_known_levels_gives_the_same_bits(tiny, changed):
    codes = codes_of(2)
    earlier = tiny.features(codes, 32)
    codes[:, changed:] += 1
    known = {size: f for size, f in earlier.items() if size < MobileStyleGAN.first_resolution(changed)}
    continued, afresh = tiny.features(codes, 32, known), tiny.features(codes, 32)
    assert all(torch.equal(continued[size], afresh[size]) for size in TINY)
    assert torch.equal(tiny(codes, known), tiny(codes))


def test_features_leave_codes_and_known_maps_as_they_were(tiny):
    codes = codes_of(1)
    known = tiny.features(codes, 8)
    copies = codes.clone(), {size: f.clone() for size, f in known.items()}
    tiny(codes, known)
    assert torch.equal(codes, copies[0])
    assert list(known) == [4, 8]
    assert all(torch.equal(known[size], copies[1][size]) for size in known)


def test_gradients_reach_exactly_the_codes_that_are_read(tiny):
    codes = codes_of(2).requires_grad_()
    tiny(codes).square().mean().backward()
    reached = codes.grad.abs().sum(dim=(0, 2)) > 0
    assert reached.tolist() == [True] * tiny.num_codes + [False] * (18 - tiny.num_codes)


def test_gradients_agree_with_finite_differences(tiny):
    tiny.double()
    codes = codes_of(1)[:, : tiny.num_codes].double().requires_grad_()
    assert torch.autograd.gradcheck(lambda c: tiny.features(c, 8)[8].square().mean(), codes)


def test_the_published_network_reads_sixteen_codes():
    with torch.device("meta"):
        assert MobileStyleGAN().num_codes == 16


@pytest.mark.parametrize("shape", [(2, 6), (2, 7, 6), (2, 18, 5)])
def test_codes_of_another_shape_are_refused(tiny, shape):
    with pytest.raises(ShapeError, match="style codes"):
        tiny.features(torch.zeros(shape))


# --- the reader -----------------------------------------------------------------------------------------


def graph_xml(*layers: str, edges: tuple[tuple[int, int], ...] = ()) -> str:
    links = "".join(f'<edge from-layer="{a}" to-layer="{b}" from-port="0" to-port="0"/>' for a, b in edges)
    return f'<net name="n" version="10"><layers>{"".join(layers)}</layers><edges>{links}</edges></net>'


def layer(id_: int, kind: str, shape: str = "", offset: int = 0, size: int = 0) -> str:
    data = f'<data element_type="f32" shape="{shape}" offset="{offset}" size="{size}"/>'
    return f'<layer id="{id_}" name="{kind}_{id_}" type="{kind}">{data if kind == "Const" else ""}</layer>'


def one_layer_mapping() -> str:
    """Noise of two numbers → one fully connected layer → LeakyReLU → gain."""
    return graph_xml(
        layer(0, "Parameter"),
        layer(1, "Const", "2, 2", 0, 16),
        layer(2, "MatMul"),
        layer(3, "Const", "2", 16, 8),
        layer(4, "Reshape"),
        layer(5, "Add"),
        layer(6, "PReLU"),
        layer(7, "Const", "1, 1", 24, 4),
        layer(8, "Multiply"),
        edges=((0, 2), (1, 2), (3, 4), (2, 5), (4, 5), (5, 6), (6, 8), (7, 8)),
    )


def write_ir(folder: Path, xml: str, values: list[float]) -> tuple[Path, Path]:
    paths = folder / "net.xml", folder / "net.bin"
    paths[0].write_text(xml)
    paths[1].write_bytes(torch.tensor(values).numpy().tobytes())
    return paths


def test_reader_folds_the_gain_into_weights_and_biases(tmp_path):
    state = read_mapping(*write_ir(tmp_path, one_layer_mapping(), [1, 2, 3, 4, 5, 6, 0.5]))
    assert torch.equal(state["layers.0.weight"], torch.tensor([[0.5, 1], [1.5, 2]]))
    assert torch.equal(state["layers.0.bias"], torch.tensor([2.5, 3]))
    MappingNetwork(code_dim=2, layers=1).load_state_dict(state)


def test_a_missing_file_is_reported_with_its_path(tmp_path):
    with pytest.raises(CheckpointError, match=r"Cannot read .*none\.xml"):
        read_mapping(tmp_path / "none.xml", tmp_path / "none.bin")


@pytest.mark.parametrize(
    ("xml", "found"),
    [
        ("weights", "not XML"),
        ("<html></html>", "<html> instead of <net>"),
        (graph_xml(layer(0, "Parameter")), "no fully connected layers"),
        (graph_xml(layer(0, "MatMul")), "0 outputs of type Add"),
    ],
)
def test_another_mapping_file_is_reported_with_path_and_finding(tmp_path, xml, found):
    with pytest.raises(CheckpointError, match=found) as caught:
        read_mapping(*write_ir(tmp_path, xml, []))
    assert "net.xml" in str(caught.value)


def test_another_synthesis_file_is_reported_with_the_missing_layer(tmp_path):
    with pytest.raises(CheckpointError, match=r"m\.conv1\.conv\.modulation\.weight"):
        read_synthesis(*write_ir(tmp_path, one_layer_mapping(), [0.0] * 7))


def test_a_truncated_file_of_constants_is_reported(tmp_path):
    with pytest.raises(CheckpointError, match=r"net\.bin is cut short: 16 bytes"):
        read_mapping(*write_ir(tmp_path, one_layer_mapping(), [1.0] * 4))
