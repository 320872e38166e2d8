"""Published checkpoints: recognized by their content, and right to the number.

References are written from the equations, in float64, on the published names.
"""

import argparse
import math
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import MappingProxyType

import pytest
import torch
import torch.nn.functional as F

from facemug_core.checkpoints.building import build_empty, misfit
from facemug_core.checkpoints.files import (
    DIRECTIONS_KIND,
    FACE_CLIP_KIND,
    LATENT_KIND,
    RELEVANCE_KIND,
)
from facemug_core.checkpoints.formats.networks import MAPPING, OWN, digest
from facemug_core.checkpoints.manifest import WEIGHTS
from facemug_core.checkpoints.reading import open_checkpoint, save_safetensors
from facemug_core.checkpoints.recognizing import convert, describe, find_part, recognize
from facemug_core.checkpoints.stored import Checkpoint
from facemug_core.checkpoints.weights import Weights, start_from
from facemug_core.cli import main
from facemug_core.config import FULL, SIZES, EncoderConfig, GeneratorConfig
from facemug_core.editing.directions import Mapped
from facemug_core.editing.foreign import read_direction
from facemug_core.errors import CheckpointError, WeightsMissingError
from facemug_core.networks.generator import Generator
from facemug_core.networks.part_reader import PartHead, PartReader
from facemug_core.networks.picture_head import PictureHead
from facemug_core.networks.style_encoder import StyleEncoder, add_upsampled
from facemug_core.networks.stylegan2 import StyleGAN2

from . import published
from .equations import KERNEL, bisenet, filtered, fused, generator, head_outputs, widened

TINY = (8, 8, 6, 4)
CODE_DIM = 16
E4E = {"opts.encoder_type": "Encoder4Editing"}
MEAN = {"latent_avg": (18, 512)}


def by_kind(checkpoint: Checkpoint) -> dict:
    return {found.kind: found for found in recognize(checkpoint)}


# Recognition, at full size ---------------------------------------------------------------------------------


def test_the_published_stylegan2_is_bank_and_mapping_network():
    shapes = published.prefixed("g_ema.", published.stylegan2()) | {"latent_avg": (512,)}
    (found,) = recognize(published.empty("stylegan2-ffhq-config-f.pt", shapes))
    assert found.facts["picture"] == "1024 px"
    assert found.facts["codes"] == "18 of 512"
    assert found.parts.keys() == {"stylegan2", "stylegan2_mapping"}
    assert not found.lacks


def test_training_dumps_give_their_averaged_generator():
    shapes = published.prefixed("g.", published.stylegan2(TINY, CODE_DIM))
    shapes |= published.prefixed("g_ema.", published.stylegan2(TINY[:3], CODE_DIM))
    (found,) = recognize(published.empty("550000.pt", shapes))
    assert found.facts["picture"] == "16 px"


@pytest.mark.parametrize(
    ("encoder_type", "channels", "kind"),
    [
        ("Encoder4Editing", 3, "e4e style encoder"),
        ("Encoder4Editing", 26, "e4e style encoder"),
        ("GradualStyleEncoder", 3, "pSp style encoder"),
    ],
)
def test_encoders_are_told_apart_and_bring_their_decoder(encoder_type, channels, kind):
    shapes = published.prefixed("state_dict.encoder.", published.style_encoder(channels))
    shapes |= published.prefixed("state_dict.decoder.", published.stylegan2()) | MEAN
    found = by_kind(published.empty("x.pt", shapes, {"opts.encoder_type": encoder_type}))
    assert found.keys() == {kind, "StyleGAN2 generator"}
    assert found[kind].facts == {"input channels": channels, "codes": "18 of 512"}
    part = found[kind].parts["full_encoder"]
    assert misfit(build_empty(lambda: StyleEncoder(FULL.encoder)), part.tensors) is None
    assert build_empty(part.build).relative == (encoder_type == "Encoder4Editing")


@pytest.mark.parametrize(
    ("values", "mean", "lack"),
    [
        (E4E, {}, "latent_avg"),
        ({}, MEAN, "opts.encoder_type"),
        (E4E | {"opts.encoder_type": "X"}, MEAN, "e4e"),
    ],
)
def test_an_encoder_without_what_it_needs_is_not_used(values, mean, lack):
    shapes = published.prefixed("state_dict.encoder.", published.style_encoder()) | mean
    (found,) = recognize(published.empty("x.pt", shapes, values))
    assert not found.parts
    assert lack in " ".join(found.lacks)


def test_ir_se50_starts_the_encoder_but_for_its_first_convolution():
    (found,) = recognize(published.empty("model_ir_se50.pth", published.ir_se50()))
    assert found.facts == {"descriptor": 512, "picture": "112 px"}
    network = build_empty(lambda: StyleEncoder(FULL.encoder)).state_dict()
    start = found.starts["full_encoder"]
    assert all(tensor.shape == tuple(network[name].shape) for name, tensor in start.items())
    backbone = {name for name in network if name.startswith(("input_layer.", "body."))}
    assert backbone - start.keys() == {"input_layer.0.weight"}


def test_bisenet_is_recognized():
    (found,) = recognize(published.empty("79999_iter.pth", published.bisenet()))
    assert found.facts == {"labels": 19}
    assert found.parts.keys() == {"bisenet"}


def test_exe_gan_starts_the_full_refinement_encoder():
    shapes = published.prefixed("g_ema.", published.exe_gan())
    (found,) = recognize(published.empty("EXE_GAN_model.pt", shapes))
    assert found.facts == {"picture": "256 px", "global vector": 1024}
    network = build_empty(lambda: Generator(FULL.generator)).state_dict()
    start = found.starts["full_generator"]
    assert all(tensor.shape == tuple(network[name].shape) for name, tensor in start.items())
    trained = {name for name, _ in Generator(small_generator()).encoder.named_parameters()}
    assert {n.split(".")[1] for n in start} == {n.split(".")[0] for n in trained} - {"entry"}


@pytest.mark.parametrize(
    ("shapes", "kind"),
    [
        ({"tensor": (1, 512)}, "direction (InterFaceGAN)"),
        ({"tensor": (1, 18, 512)}, "direction (InterFaceGAN)"),
        ({"mean": (1, 512), "comp": (80, 1, 512), "std": (80,)}, "GANSpace analysis"),
        (published.prefixed("state_dict.mapper.", published.mapper()), "StyleCLIP mapper"),
        (
            published.prefixed("state_dict.mapper.", published.mapper(("course", "medium"))),
            "StyleCLIP mapper",
        ),
        (
            {f"lin{i}.model.1.weight": (1, c, 1, 1) for i, c in enumerate((64, 128, 256, 512, 512))},
            "LPIPS weights",
        ),
    ],
)
def test_directions_mappers_and_lpips_are_recognized(shapes, kind):
    (found,) = recognize(published.empty("x.pt", shapes))
    assert found.kind == kind
    assert not found.lacks


def test_a_mapper_tells_its_levels():
    shapes = published.prefixed("state_dict.mapper.", published.mapper(("course", "medium")))
    (found,) = recognize(published.empty("x.pt", shapes))
    assert found.facts == {"levels": "coarse medium"}


@pytest.mark.parametrize(
    ("shapes", "values", "kind"),
    [
        ({"smile": (512,), "yaw": (18, 512)}, {"kind": DIRECTIONS_KIND}, "attribute directions"),
        ({"visual.a": (2,)}, {"kind": FACE_CLIP_KIND, "words": '["a", "face"]'}, "face text-image model"),
        ({"codes": (3, 18, 512)}, {"kind": LATENT_KIND}, "saved style codes"),
        ({"steps": (9, 512), "answers": (9, 4)}, {"kind": RELEVANCE_KIND, "clip": "x"}, "answers of a text"),
        ({"steps": (512, 128)}, {}, "steps of inversion"),
    ],
)
def test_files_of_this_project_are_recognized(shapes, values, kind):
    (found,) = recognize(published.empty("x.safetensors", shapes, values))
    assert found.kind.startswith(kind)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("head", "build"), [("picture_head", PictureHead), ("search_head", PictureHead), ("part_head", PartHead)]
)
def test_heads_on_the_features_of_both_sizes_are_told_apart(size, head, build):
    network = build_empty(lambda: build(getattr(SIZES[size], head)))
    shapes = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    (found,) = recognize(published.empty("x.safetensors", shapes))
    assert found.parts.keys() == {f"{size}_{head}"}


def test_a_part_reader_of_this_project_is_recognized():
    shapes = {name: tuple(tensor.shape) for name, tensor in build_empty(PartReader).state_dict().items()}
    (found,) = recognize(published.empty("x.safetensors", shapes))
    assert found.parts.keys() == {"part_reader"}


@pytest.mark.parametrize("path", sorted(WEIGHTS.glob("*.safetensors")), ids=lambda path: path.stem)
def test_info_knows_every_file_that_ships(path):
    assert "use: " in describe(path)


@pytest.mark.parametrize("kind", [DIRECTIONS_KIND, FACE_CLIP_KIND, LATENT_KIND, RELEVANCE_KIND])
def test_a_file_that_is_not_what_it_says_is_described_all_the_same(tmp_path, kind):
    save_safetensors(
        tmp_path / "x.safetensors", {"a": torch.ones(())}, {"kind": kind, "words": "[" * 100_000}
    )
    assert "x.safetensors: 1 tensors" in describe(tmp_path / "x.safetensors")


def test_a_network_larger_than_the_files_numbers_is_not_built():
    shapes = published.stylegan2(TINY, CODE_DIM) | {"conv1.conv.modulation.weight": (0, 1 << 40)}
    (found,) = recognize(published.empty("x.pt", shapes))
    assert "stylegan2" not in found.parts
    assert "larger network than its" in " ".join(found.lacks)


@pytest.mark.parametrize("shape", [(), (7,), (1, 0, 1, 1, 1), (0,)])
@pytest.mark.parametrize(
    "name", ["convs.0.conv.weight", "conv1.conv.modulation.weight", "input.input", "style.1.bias"]
)
def test_right_names_with_wrong_shapes_are_no_parts(name, shape):
    shapes = published.stylegan2(TINY, CODE_DIM) | {name: shape}
    broken = "stylegan2_mapping" if name.startswith("style.") else "stylegan2"
    for found in recognize(published.empty("x.pt", shapes)):
        assert broken not in found.parts


# Numbers ---------------------------------------------------------------------------------------------------


@pytest.fixture
def stylegan2_state() -> dict[str, torch.Tensor]:
    return published.random(published.stylegan2(TINY, CODE_DIM, layers=3))


@pytest.fixture
def stylegan2_file(tmp_path, stylegan2_state) -> Path:
    path = tmp_path / "some name.pt"
    mean = torch.randn(CODE_DIM, generator=torch.Generator().manual_seed(5))
    torch.save({"g_ema": stylegan2_state, "latent_avg": mean}, path)
    return path


def tiny_bank() -> StyleGAN2:
    return StyleGAN2(dict(zip((4, 8, 16, 32), TINY, strict=True)), CODE_DIM)


def test_the_bank_of_a_file_draws_what_the_equations_say(stylegan2_file, stylegan2_state):
    bank = Weights(stylegan2_file.parent).network(tiny_bank, "stylegan2").double()
    state = {name: tensor.double() for name, tensor in stylegan2_state.items()}
    codes = torch.randn(2, 10, CODE_DIM).double()
    features, picture = generator(state, codes)
    for ours, theirs in zip(bank.features(codes, 32).values(), features, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(bank(codes), picture, rtol=1e-5, atol=1e-5)


def test_the_mapping_network_of_a_file_gives_what_the_equations_say(stylegan2_file, stylegan2_state):
    (found,) = [f for f in recognize(open_checkpoint(stylegan2_file)) if "stylegan2_mapping" in f.parts]
    part = found.parts["stylegan2_mapping"]
    network = part.build()
    network.load_state_dict({name: tensor.load() for name, tensor in part.tensors.items()})
    z = torch.randn(3, CODE_DIM).double()
    w = z / (z.square().mean(1, keepdim=True) + 1e-8).sqrt()
    for i in (1, 2, 3):
        weight, bias = (stylegan2_state[f"style.{i}.{kind}"].double() for kind in ("weight", "bias"))
        w = fused(w @ (weight * 0.01 / math.sqrt(CODE_DIM)).t(), bias * 0.01)
    torch.testing.assert_close(network.double()(z), w, rtol=1e-5, atol=1e-6)
    expected = torch.load(stylegan2_file, weights_only=True)["latent_avg"]
    assert torch.equal(network.mean_code.float(), expected)


def test_a_file_without_mean_code_has_it_measured(tmp_path, stylegan2_state):
    torch.save({"g_ema": stylegan2_state}, tmp_path / "x.pt")
    (found,) = recognize(open_checkpoint(tmp_path / "x.pt"))
    mean = found.parts["stylegan2_mapping"].tensors["mean_code"].load()
    assert mean.shape == (CODE_DIM,)
    assert mean.abs().max() > 0


def test_a_converted_file_serves_like_the_original(tmp_path, stylegan2_file):
    (tmp_path / "new").mkdir()
    convert(stylegan2_file, tmp_path / "new" / "any.safetensors")
    before = Weights(tmp_path).network(tiny_bank, "stylegan2").state_dict()
    after = Weights(tmp_path / "new").network(tiny_bank, "stylegan2").state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


# The encoder -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def encoder_state() -> dict[str, torch.Tensor]:
    return published.random(published.style_encoder(heads=8))


@pytest.fixture(scope="module")
def encoder_folder(tmp_path_factory, encoder_state) -> Path:
    """An e4e file of full backbone, with narrow heads; its mean code has rows that differ."""
    folder = tmp_path_factory.mktemp("models")
    save_encoder(folder / "e4e_ffhq_encode.pt", encoder_state, "Encoder4Editing")
    return folder


def save_encoder(path: Path, state: dict[str, torch.Tensor], encoder_type: str) -> None:
    state = {f"encoder.{name}": tensor for name, tensor in state.items()}
    torch.save(
        {"state_dict": state, "latent_avg": mean_codes(), "opts": {"encoder_type": encoder_type}}, path
    )


def mean_codes() -> torch.Tensor:
    return torch.randn(18, 512, generator=torch.Generator().manual_seed(3))


@pytest.fixture(scope="module")
def face() -> torch.Tensor:
    return torch.rand(1, 3, 256, 256, generator=torch.Generator().manual_seed(6)) * 2 - 1


@pytest.fixture(scope="module")
def outputs(encoder_state, face) -> list[torch.Tensor]:
    return head_outputs({name: tensor.double() for name, tensor in encoder_state.items()}, face.double())


@pytest.mark.parametrize("encoder_type", ["Encoder4Editing", "GradualStyleEncoder"])
def test_e4e_and_psp_from_their_files_give_what_the_equations_say_whatever_the_models_mean_code_is(
    tmp_path, encoder_state, face, outputs, encoder_type
):
    save_encoder(tmp_path / "x.pt", encoder_state, encoder_type)
    mean = torch.randn(512, generator=torch.Generator().manual_seed(4))
    encoder = Weights(tmp_path).encoder(FULL, mean)
    guides = F.pad(face, (0, 0, 0, 0, 0, 23))
    first = outputs[0] if encoder_type == "Encoder4Editing" else 0
    codes = [outputs[0], *(first + output for output in outputs[1:])]
    expected = torch.stack(codes, 1) + mean_codes().double()
    codes = mean.double() + encoder.double()(guides.double())
    torch.testing.assert_close(codes, expected, rtol=1e-5, atol=1e-5 * expected.abs().max().item())


def test_a_widened_stem_ignores_guides_at_first(encoder_folder, encoder_state):
    part = find_part("full_encoder", [encoder_folder])[1]
    stem = part.tensors["input_layer.0.weight"].load()
    assert stem.shape == (64, 26, 3, 3)
    assert torch.equal(stem[:, :3], encoder_state["input_layer.0.weight"])
    assert not stem[:, 3:].any()
    others = part.tensors.keys() - {"input_layer.0.weight"}
    assert all(torch.equal(part.tensors[name].load(), encoder_state[name]) for name in others)


def test_an_encoder_that_does_not_start_from_the_mean_code_gets_none():
    shapes = published.prefixed("state_dict.encoder.", published.style_encoder()) | MEAN
    checkpoint = published.empty("x.pt", shapes, E4E | {"opts.start_from_latent_avg": False})
    part = recognize(checkpoint)[0].parts["full_encoder"]
    assert part.mean_code.shape == (18, 512)
    tensors = dict(checkpoint.tensors) | {
        "latent_avg": replace(checkpoint.tensors["latent_avg"], load=lambda: torch.ones(18, 512))
    }
    part = recognize(Checkpoint(checkpoint.path, tensors, checkpoint.values))[0].parts["full_encoder"]
    assert not part.mean_code.load().any()


def test_corners_of_the_pyramid_are_kept():
    coarse, fine = torch.randn(1, 3, 4, 4).double(), torch.randn(1, 3, 8, 8).double()
    torch.testing.assert_close(add_upsampled(coarse, fine), widened(coarse) + fine)


# The face parser -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(64, 96), (75, 70)])
def test_the_parser_of_a_file_gives_what_the_equations_say(tmp_path, size):
    state = published.random(published.bisenet())
    torch.save(state, tmp_path / "79999_iter.pth", _use_new_zipfile_serialization=False)
    part = find_part("bisenet", [tmp_path])[1]
    parser = part.build().eval()
    parser.load_state_dict({name: tensor.load() for name, tensor in part.tensors.items()})
    face = torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(9)).double()
    expected = bisenet({name: tensor.double() for name, tensor in state.items()}, face)
    with torch.no_grad():
        torch.testing.assert_close(parser.double()(face), expected, rtol=1e-5, atol=1e-5)


# Directions ------------------------------------------------------------------------------------------------


def some_codes() -> torch.Tensor:
    return torch.randn(2, 18, 512, generator=torch.Generator().manual_seed(8)).double()


def test_a_mapper_from_its_file_moves_codes_as_the_equations_say(tmp_path):
    state = published.random(published.prefixed("mapper.", published.mapper(("course", "fine"))))
    state = {name: tensor * 100 for name, tensor in state.items()}  # stored for a learning rate of 0.01
    torch.save({"state_dict": state, "opts": {"no_medium_mapper": True}}, tmp_path / "x.pt")
    direction = read_direction(tmp_path / "x.pt")
    assert isinstance(direction, Mapped)
    codes = some_codes()
    expected = codes.clone()
    for level, part in (("course", slice(0, 4)), ("fine", slice(8, 18))):
        x = codes[:, part]
        x = x / (x.square().mean(1, keepdim=True) + 1e-8).sqrt()  # over the layers
        for i in range(1, 5):
            name = f"mapper.{level}_mapping.mapping.{i}"
            weight, bias = (state[f"{name}.{kind}"].double() * 0.01 for kind in ("weight", "bias"))
            y = x @ (weight / math.sqrt(512)).t() + bias
            x = torch.where(y > 0, y, 0.2 * y) * math.sqrt(2)
        expected[:, part] += 0.1 * x
    moved = direction.apply(codes.float(), 1).double()
    torch.testing.assert_close(moved, expected, rtol=1e-5, atol=1e-5)


def test_a_ganspace_edit_from_its_file_sets_the_coordinate_as_the_equations_say(tmp_path):
    state = published.random({"mean": (1, 512), "comp": (80, 1, 512), "std": (80,)})
    state["comp"] = F.normalize(state["comp"], dim=2)
    state["std"] = state["std"].abs() + 0.1
    torch.save(state, tmp_path / "x.pt")
    direction = read_direction(tmp_path / "x.pt", component=34, target=3.0, layers=(2, 5))
    mean, component, deviation = (state[name].double() for name in ("mean", "comp", "std"))
    component, deviation = component[34, 0], deviation[34]
    codes = some_codes()
    expected = codes.clone()
    for sample in expected:
        coordinate = (sample[0] - mean[0]) @ component / deviation
        sample[2:5] += (3.0 - coordinate) * component * deviation
    moved = direction.apply(codes.float(), 1).double()
    torch.testing.assert_close(moved, expected, rtol=1e-5, atol=1e-5)


# Starting points of training -------------------------------------------------------------------------------


def small_generator() -> GeneratorConfig:
    return replace(
        FULL.generator,
        aggregation_channels=4, branch_channels=4, score_channels=4, global_dim=16,
        channels=MappingProxyType({4: 8, 8: 8, 16: 6, 32: 4}),
        bank_channels=MappingProxyType({8: 4}),
    )  # fmt: skip


def test_exe_gan_encodes_as_its_equations_say_in_our_network(tmp_path):
    state = published.random(published.exe_gan(TINY))
    torch.save({"g_ema": state, "args": argparse.Namespace(size=32, batch=16)}, tmp_path / "exe.pt")
    torch.manual_seed(0)
    network = Generator(small_generator()).eval()
    entry = network.encoder.entry.weight.clone()
    assert start_from(network, "full_generator", tmp_path / "exe.pt", torch.zeros(512)) == 6 + 4 * 3
    assert torch.equal(network.encoder.entry.weight, entry)

    encoder = network.encoder.double().requires_grad_(False)
    given = torch.randn(2, 4, 32, 32).double()
    features, g = encoder(given)
    state = {name: tensor.double() for name, tensor in state.items()}
    x = encoder.entry(given)
    for level, side in enumerate((32, 16, 8)):
        weight = state[f"encoder_convs.{2 * level}.0.weight"]
        x = fused(F.conv2d(x, scaled(weight), padding=1), state[f"encoder_convs.{2 * level}.1.bias"])
        torch.testing.assert_close(features[side], x, rtol=1e-5, atol=1e-5)
        weight = state[f"encoder_convs.{2 * level + 1}.1.weight"]
        x = F.conv2d(filtered(x, KERNEL, 2, 2), scaled(weight), stride=2)
        x = fused(x, state[f"encoder_convs.{2 * level + 1}.2.bias"])
    x = fused(F.conv2d(x, scaled(state["final_layer.0.weight"]), padding=1), state["final_layer.1.bias"])
    weight = state["final_linear.0.weight"]
    expected = fused(x.flatten(1) @ scaled(weight).t(), state["final_linear.0.bias"])
    torch.testing.assert_close(g, expected, rtol=1e-5, atol=1e-5)


def scaled(weight: torch.Tensor) -> torch.Tensor:
    return weight / math.sqrt(weight[0].numel())


def test_an_encoder_starts_from_e4e(encoder_folder, encoder_state):
    network = build_empty(lambda: StyleEncoder(EncoderConfig("ir_se50", 512, 8, 8, equalized=False)))
    mean = torch.zeros(512)
    count = start_from(network, "full_encoder", encoder_folder / "e4e_ffhq_encode.pt", mean)
    assert count == len(network.state_dict())
    assert torch.equal(network.body[5].res_layer[1].weight, encoder_state["body.5.res_layer.1.weight"])
    torch.testing.assert_close(
        network.styles[0].linear.bias, encoder_state["styles.0.linear.bias"] + mean_codes()[0]
    )


def test_nothing_starts_from_a_file_of_another_network(stylegan2_file):
    with pytest.raises(CheckpointError, match=r"some name\.pt has no weights.*full_generator"):
        start_from(Generator(small_generator()), "full_generator", stylegan2_file, torch.zeros(512))


class _Built(Weights):
    """Networks without their files, and the names under which they are asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.names: dict[str, set[str]] = {}

    def network(self, build, name, drop=()):
        network = build_empty(build)
        self.names.setdefault(digest(network.state_dict()), set()).add(name)
        return network


def test_networks_of_ours_are_known_by_their_digests():
    built = _Built()
    built.photo_parts()
    for config in SIZES.values():
        for give in (
            built.mapping,
            built.bank,
            built.generator,
            built.warping,
            built.prior_heads,
            built.search_head,
        ):
            give(config)
        built.network(partial(StyleEncoder, config.encoder), f"{config.name}_encoder")
    assert built.names.pop(MAPPING) == {"mobile_mapping", "stylegan2_mapping"}
    known = {digest: {name} for digest, name in OWN.items()}
    others = {digest: names for digest, names in built.names.items() if names == {"mobilenet_v2"}}
    assert built.names == known | others


# Files in folders ------------------------------------------------------------------------------------------


def test_a_bank_of_another_size_is_refused_with_the_difference(stylegan2_file):
    with pytest.raises(CheckpointError, match=r"some name\.pt does not fit .*conv"):
        Weights(stylegan2_file.parent).network(StyleGAN2, "stylegan2")


def test_all_that_is_missing_is_named_at_once(stylegan2_file):
    with pytest.raises(WeightsMissingError) as caught:
        Weights(stylegan2_file.parent).require(FULL)
    message = str(caught.value)
    assert message.startswith("full_encoder.safetensors, full_generator.safetensors are missing.")
    assert str(stylegan2_file.parent) in message
    assert "e4e_ffhq_encode.pt" in message
    assert "train generator --model full" in message


def test_a_file_one_folder_too_deep_is_pointed_at(tmp_path, stylegan2_state):
    deep = tmp_path / "models" / "facemug" / "archive"
    deep.mkdir(parents=True)
    torch.save({"g_ema": stylegan2_state}, deep / "x.pt")
    with pytest.raises(WeightsMissingError, match=r"move .*archive.x\.pt"):
        Weights(deep.parent).mapping(FULL)


def test_damaged_files_beside_the_right_one_do_no_harm(tmp_path, stylegan2_file):
    (tmp_path / "a.pt").write_bytes(b"<html>")
    (tmp_path / "b.safetensors").write_bytes(b"")
    assert find_part("stylegan2", [tmp_path])[0] == stylegan2_file


def test_a_replaced_file_is_looked_into_again(tmp_path, stylegan2_state):
    path = tmp_path / "x.pt"
    path.write_bytes(b"not yet")
    assert find_part("stylegan2", [tmp_path]) is None
    torch.save({"g_ema": stylegan2_state}, path)
    assert find_part("stylegan2", [tmp_path])[0] == path


def test_info_tells_kind_sizes_use_and_lacks(tmp_path, stylegan2_state):
    state = {name: tensor for name, tensor in stylegan2_state.items() if not name.startswith("style.")}
    torch.save(state, tmp_path / "x.pt")
    text = describe(tmp_path / "x.pt")
    for part in (
        "StyleGAN2 generator",
        "picture: 32 px",
        "codes: 8 of 16",
        "use: feature bank",
        "lacks: the mapping",
    ):
        assert part in text


def test_info_on_an_unknown_file_tells_what_it_holds(tmp_path):
    torch.save({"layer.weight": torch.ones(2)}, tmp_path / "x.pt")
    assert "no kind that is known here; it holds layer.weight" in describe(tmp_path / "x.pt")


# Commands --------------------------------------------------------------------------------------------------


def test_info_and_convert_from_the_command_line(tmp_path, stylegan2_file, capsys):
    output = tmp_path / "out" / "x.safetensors"
    assert main(["convert", str(stylegan2_file), "-o", str(output)]) == 0
    assert main(["info", str(stylegan2_file), str(output)]) == 0
    assert capsys.readouterr().out.count("StyleGAN2 generator") == 2


def test_commands_end_with_one_clear_line_on_a_bad_file(tmp_path, capsys):
    (tmp_path / "x.pt").write_bytes(b"<html>")
    for command in (["info"], ["convert", "-o", str(tmp_path / "y.safetensors")]):
        assert main([*command, str(tmp_path / "x.pt")]) == 2
        assert "x.pt cannot be read as a weights file: it is a web page" in capsys.readouterr().err
