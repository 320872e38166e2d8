"""Training: stopping and going on is the same as not stopping, bit by bit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.data import default_collate

from facemug_core.config import DiscriminatorConfig
from facemug_core.conventions import LABELS
from facemug_core.errors import FacemugError, InputError
from facemug_core.networks.face_recognition import FaceRecognition
from facemug_core.networks.generator import PriorHeads
from facemug_core.networks.mapping import MappingNetwork
from facemug_core.networks.mobilenet_v2 import MobileNetV2Features
from facemug_core.networks.part_reader import PartHead
from facemug_core.networks.perceptual import PerceptualLoss, fold_batch_norms
from facemug_core.networks.picture_head import PictureHead
from facemug_core.networks.style_encoder import StyleEncoder
from facemug_core.ops.filters import gaussian_blur
from facemug_core.ops.masks import fill_holes
from facemug_core.training.bank_faces import Together
from facemug_core.training.data import FaceShards, some_face
from facemug_core.training.draws import Draw
from facemug_core.training.loop import cooling, sample_numbers, train
from facemug_core.training.losses import (
    IdentityLoss,
    adversarial_loss,
    boundary_loss,
    discriminator_loss,
    haze_loss,
    lines,
    part_loss,
    pixel_loss,
    stroke_loss,
)
from facemug_core.training.masks import random_mask
from facemug_core.training.options import Run, Settings
from facemug_core.training.parts import class_shares
from facemug_core.training.sample_guides import hand_drawn, recolored
from facemug_core.training.samples import GeneratorEdits
from facemug_core.training.stages import encoder, generator, picture_head, warping
from facemug_core.training.stages.encoder import EncoderStage
from facemug_core.training.stages.generator import GeneratorStage
from facemug_core.training.stages.part_head import PartHeadStage
from facemug_core.training.stages.part_reader import PartReaderStage
from facemug_core.training.stages.picture_head import PictureHeadStage
from facemug_core.training.stages.stage import Stage
from facemug_core.training.stages.warping import WarpStage
from facemug_core.training.visibility import measure_visibility

from .tiny import tiny_bank, tiny_config, tiny_photo_parts

PAPER_CRITIC = DiscriminatorConfig(2, MappingProxyType({4: 8, 8: 8, 16: 8, 32: 8, 64: 8, 128: 8}))


def make_faces(folder: Path) -> FaceShards:
    """Four faces of noise."""
    rng = np.random.default_rng(0)
    folder.mkdir(exist_ok=True)
    np.savez(
        folder / "0000.npz",
        images=rng.integers(0, 255, (4, 256, 256, 3), dtype=np.uint8),
        labels=rng.integers(0, 19, (4, 256, 256)).astype(np.int8),
        w=rng.normal(size=(4, 512)).astype(np.float32),
    )
    return FaceShards(folder)


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> FaceShards:
    return make_faces(tmp_path_factory.mktemp("faces"))


def make_stage(name: str, faces: FaceShards, seed: int = 3) -> Stage:
    torch.manual_seed(seed)
    config = tiny_config()
    mapping, bank = MappingNetwork(layers=2), tiny_bank()
    perceptual = PerceptualLoss(MobileNetV2Features())
    if name == "encoder":
        head = PictureHead(config.picture_head)
        identity = IdentityLoss(FaceRecognition())
        return EncoderStage(config, faces, bank, mapping, head, perceptual, identity, drawn=1, measured=1)
    if name == "part_reader":
        return PartReaderStage(faces, perceptual)
    if name == "part_head":
        return PartHeadStage(config.part_head, faces, bank)
    if name == "picture_head":
        return PictureHeadStage(config.picture_head, faces, bank, perceptual)
    if name == "search_head":
        return PictureHeadStage(config.search_head, faces, bank, perceptual)
    if name == "generator with the paper's critic":
        config = replace(config, discriminator=PAPER_CRITIC)
    encoder = StyleEncoder(config.encoder)
    head = PictureHead(config.picture_head)
    if name == "warping":
        return WarpStage(config, faces, bank, mapping, encoder, head)
    heads = PriorHeads(head, PartHead(config.part_head))
    return GeneratorStage(
        config, faces, bank, mapping, encoder, heads, tiny_photo_parts(), adversarial_from=1
    )


def _trained(
    name: str, faces: FaceShards, folder: Path, minutes: float | None = None
) -> dict[str, torch.Tensor]:
    stage = make_stage(name, faces)
    samples = default_collate([stage.dataset[0]])
    train(stage, Settings(name, steps=2, batch=2), Run(folder, folder, minutes=minutes), samples)
    return stage.model.state_dict()


@pytest.mark.parametrize(
    "name",
    [
        "generator",
        "generator with the paper's critic",
        "encoder",
        "part_head",
        "part_reader",
        "picture_head",
        "search_head",
        "warping",
    ],
)
def test_stopping_and_going_on_equals_not_stopping(name: str, faces: FaceShards, tmp_path: Path) -> None:
    whole = _trained(name, faces, tmp_path / "whole")
    for _ in range(2):
        parts = _trained(name, faces, tmp_path / "parts", minutes=0)
    assert all(torch.equal(value, parts[key]) for key, value in whole.items())
    assert (tmp_path / "whole" / "samples.jpg").is_file()
    assert (tmp_path / "whole" / "averaged.safetensors").is_file()


@pytest.mark.parametrize(
    ("name", "weights", "logged"),
    [
        ("generator", generator.WEIGHTS, set()),
        ("encoder", encoder.WEIGHTS, set()),
        ("picture_head", picture_head.WEIGHTS, set()),
        ("warping", warping.WEIGHTS, {"unwarped"}),
    ],
)
def test_every_weight_is_of_a_loss_and_every_loss_has_one(
    name: str, weights: dict[str, float], logged: set[str], faces: FaceShards
) -> None:
    stage = make_stage(name, faces)
    stage.to(torch.device("cpu"))
    _, parts, _ = stage.loss(stage.model, default_collate([stage.dataset[0]]), step=1)
    assert parts.keys() == weights.keys() | logged


def test_learning_rates_fall_to_zero_over_the_last_fifth() -> None:
    assert [cooling(step, 100) for step in (0, 80, 90, 100)] == [1, 1, 0.5, 0]


def test_a_loss_that_is_not_a_number_stops_with_a_sentence(faces: FaceShards, tmp_path: Path) -> None:
    stage = make_stage("encoder", faces)
    torch.nn.init.constant_(next(stage.model.parameters()), float("nan"))
    settings, samples = Settings("encoder", steps=2, batch=2), default_collate([stage.dataset[0]])
    with pytest.raises(FacemugError, match="not finite at step 1"):
        train(stage, settings, Run(tmp_path, tmp_path), samples)


def test_visibility_is_the_squared_length_of_the_gradient_of_what_is_seen() -> None:
    """A picture of one code's entry changes by that entry's steps alone."""
    perceptual = PerceptualLoss(MobileNetV2Features())

    def picture_of(codes: torch.Tensor) -> torch.Tensor:
        return codes[:, 0, :1, None, None].expand(-1, 3, 256, 256)

    measured = measure_visibility(picture_of, perceptual, torch.zeros(2, 512))
    seen = measured[0, 0].item()
    assert seen > 0
    assert measured.abs().sum().item() == seen


def test_two_collections_are_one_with_the_rare_faces_of_both(faces: FaceShards) -> None:
    both = Together(faces, faces)
    assert len(both) == 2 * len(faces)
    assert torch.equal(both.face(len(faces) + 1)[0], faces.face(1)[0])
    assert list(both.rare) == [*faces.rare, *(len(faces) + index for index in faces.rare)]


def test_hats_come_more_often_than_by_chance(tmp_path: Path) -> None:
    labels = np.zeros((40, 256, 256), np.int8)
    labels[7, :60] = LABELS.index("hat")
    images = np.zeros((40, 256, 256, 3), np.uint8)
    images[7] = 255
    np.savez(tmp_path / "0000.npz", images=images, labels=labels)
    faces = FaceShards(tmp_path)
    assert faces.rare == [7]
    shown = sum(bool((some_face(faces, Draw(1, i))[0] > 0).all()) for i in range(200))
    assert shown > 15


def test_samples_depend_on_seed_and_number_alone(faces: FaceShards) -> None:
    edits = GeneratorEdits(faces, seed=5)
    edits[0]
    again = GeneratorEdits(faces, seed=5)[3]
    assert all(torch.equal(value, again[key]) for key, value in edits[3].items())


def test_borrowed_guides_tell_of_another_person(faces: FaceShards) -> None:
    edits = GeneratorEdits(faces, seed=5)
    samples = [edits[i] for i in range(40)]
    borrowed = [s for s in samples if s["borrowed"]]
    assert len(borrowed) > 2
    assert all(torch.equal(s["drawn"], s["image"]) for s in samples if not s["borrowed"])
    assert not all(torch.equal(s["drawn"], s["image"]) for s in borrowed)
    people = [faces.face(i)[0] for i in range(len(faces))]
    assert all(any(torch.equal(s["drawn"], person) for person in people) for s in borrowed)


def test_processes_share_no_sample() -> None:
    numbers = [next(sample_numbers(7, 3, rank, 2)) for rank in range(2)]
    assert sorted(numbers[0] + numbers[1]) == list(range(42, 48))


def test_a_mask_is_never_empty_even_where_the_face_has_no_such_part() -> None:
    labels = torch.full((256, 256), -1)
    assert all(random_mask(labels, Draw(0, i)).any() for i in range(20))


def test_folding_batch_norms_changes_nothing() -> None:
    network = MobileNetV2Features().eval()
    x = torch.randn(1, 3, 64, 64)
    for plain, folded in zip(network(x).values(), fold_batch_norms(network)(x).values(), strict=True):
        torch.testing.assert_close(plain, folded, atol=1e-4, rtol=1e-4)


def test_losses_do_not_see_what_lies_outside_the_mask() -> None:
    image, truth = torch.zeros(1, 3, 8, 8), torch.ones(1, 3, 8, 8)
    mask = torch.zeros(1, 1, 8, 8)
    mask[..., :2] = 1
    truth[..., :2] = 0.5
    assert pixel_loss(image, truth, mask) == 0.5


def test_lines_that_are_lost_cost_more_than_lines_that_are_faint() -> None:
    image = torch.full((1, 3, 64, 64), 0.5)
    everywhere = torch.ones(1, 1, 64, 64)
    faint, clear = image.clone(), image.clone()
    faint[..., 32:], clear[..., 32:] = 0.3, -0.5
    some, none, all_lines = map(lines, (faint, image, clear))
    assert pixel_loss(some, all_lines, everywhere) < 0.5 * pixel_loss(none, all_lines, everywhere)


def test_lines_of_flat_pictures_have_a_gradient() -> None:
    image = torch.zeros(1, 3, 64, 64, requires_grad=True)
    pixel_loss(lines(image), lines(torch.randn(1, 3, 64, 64)), torch.ones(1, 1, 64, 64)).backward()
    assert image.grad is not None
    assert image.grad.isfinite().all()


def test_the_rim_costs_what_its_colors_are_off_on_average() -> None:
    truth, mask = torch.rand(1, 3, 64, 64), torch.zeros(1, 1, 64, 64)
    mask[..., 16:48, 16:48] = 1
    inside = mask.clone()
    inside[..., 21:43, 21:43] = 0
    assert boundary_loss(truth + mask - inside, truth, mask) < 1e-6
    torch.testing.assert_close(boundary_loss(truth + 0.3 * inside, truth, mask), torch.tensor(0.3))
    checks = (torch.arange(64) % 2 * 2 - 1) * torch.ones(64, 1)
    assert boundary_loss(truth + checks * inside, truth, mask) < 0.1


def _hole(batch: int = 1) -> torch.Tensor:
    mask = torch.zeros(batch, 1, 64, 64)
    mask[..., 8:56, 8:56] = 1
    return mask


def _solid(batch: int = 1) -> torch.Tensor:
    return torch.rand(batch, 3, 64, 64, generator=torch.Generator().manual_seed(0)) - 0.5


@settings(max_examples=15, deadline=None)
@given(st.floats(0.6, 6))
def test_a_blurred_picture_is_hazy(sigma: float) -> None:
    solid = _solid()
    assert haze_loss(gaussian_blur(solid, sigma), solid, _hole()) > 0.05


@settings(max_examples=15, deadline=None)
@given(st.floats(0.1, 1))
def test_the_more_of_a_smooth_filling_is_mixed_in_the_hazier_a_picture_is(share: float) -> None:
    solid, mask = _solid(), _hole()
    filling = fill_holes(solid, mask)
    less, more = (haze_loss(torch.lerp(solid, filling, s), solid, mask) for s in (share / 2, share))
    assert 0.01 < less < more


@settings(max_examples=15, deadline=None)
@given(st.floats(1, 3), st.floats(-0.5, 0.5))
def test_a_sharper_picture_or_one_in_another_tone_is_not_hazy(gain: float, tone: float) -> None:
    solid = _solid()
    assert 0 <= haze_loss(gain * solid + tone, solid, _hole()) < 1e-3


def test_haze_outside_the_mask_and_along_its_border_does_not_count() -> None:
    solid = _solid()
    image = solid.clone()
    image[..., :9] = 0
    far = torch.zeros(1, 1, 64, 64)
    far[..., 36:56, 36:56] = 1
    assert haze_loss(image, solid, far) < 1e-3


def test_a_flat_part_of_a_picture_cannot_be_hazy() -> None:
    flat = torch.zeros(1, 3, 64, 64)
    assert haze_loss(flat, flat + 0.3, _hole()) < 1e-6


def test_haze_has_a_gradient_even_for_a_flat_picture() -> None:
    image = torch.zeros(1, 3, 64, 64, requires_grad=True)
    haze_loss(image, _solid(), _hole()).backward()
    assert image.grad is not None
    assert image.grad.isfinite().all()


@pytest.mark.parametrize("name", ["part_head", "part_reader"])
def test_reading_parts_is_learned_from_a_few_faces(name: str, faces: FaceShards) -> None:
    stage = make_stage(name, faces)
    batch = default_collate([stage.dataset[i] for i in range(2)])
    batch["labels"] = torch.full_like(batch["labels"], LABELS.index("hair"))
    optimizer = torch.optim.Adam(stage.parameter_groups(0.01))
    costs = []
    for step in range(8):
        loss, _, _ = stage.loss(stage.model, batch, step)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        costs.append(loss.item())
    assert costs[-1] < 0.7 * costs[0]


@pytest.mark.parametrize("name", ["part_head", "part_reader"])
def test_samples_show_the_face_beside_its_parts_as_read_and_as_parsed(name: str, faces: FaceShards) -> None:
    stage = make_stage(name, faces)
    batch = default_collate([stage.dataset[i] for i in range(2)])
    with torch.no_grad():
        grid = stage.samples(stage.model, batch)
    assert grid.shape == (2, 3, 3, 256, 256)
    assert torch.equal(grid[:, 0], batch["image"])


def test_what_a_hole_hides_is_not_asked_of_the_part_reader(faces: FaceShards) -> None:
    stage = make_stage("part_reader", faces)
    samples = [stage.dataset[i] for i in range(12)]
    holes = [(s["image"] == 0).all(0) for s in samples]
    assert any(hole.float().mean() > 0.01 for hole in holes)
    assert all((s["labels"][hole] == -1).all() for s, hole in zip(samples, holes, strict=True))


def test_the_truth_far_inside_a_hole_costs_nothing_without_guides(faces: FaceShards) -> None:
    """Nobody can know it: another truth there costs the same."""
    stage = make_stage("generator", faces)
    sample = dict(stage.dataset[0])
    mask = torch.zeros(1, 256, 256)
    mask[..., 40:216, 40:216] = 1
    sample |= {name: torch.zeros_like(sample[name]) for name in ("sketch", "semantic", "color")}
    sample |= {"mask": mask, "borrowed": torch.zeros_like(sample["borrowed"])}
    other = sample["image"].clone()
    other[:, 120:136, 120:136] = 0.9

    def costs(image: torch.Tensor) -> dict[str, float]:
        batch = default_collate([{**sample, "image": image, "drawn": image}])
        with torch.no_grad():
            return {name: float(x) for name, x in stage.loss(stage.model.eval(), batch, step=0)[1].items()}

    here, there = costs(sample["image"]), costs(other)
    for name in ("pixel", "tone", "rim", "likeness", "haze"):
        assert here[name] == pytest.approx(there[name], rel=1e-4)


def _step(height: float) -> torch.Tensor:
    """The lines of a picture [1, 3, 64, 64] that grows brighter in the middle."""
    image = torch.zeros(1, 3, 64, 64)
    image[..., 32:] = height
    return lines(image)


def test_strokes_cost_the_less_the_nearer_a_line_comes_to_what_was_drawn() -> None:
    strokes, everywhere = torch.zeros(1, 1, 64, 64), torch.ones(1, 1, 64, 64)
    strokes[..., 32] = 1
    costs = [float(stroke_loss(_step(h), _step(0.5), strokes, everywhere)) for h in (0.0, 0.01, 0.5, 0.9)]
    assert costs[0] > 0.99
    assert costs[0] > costs[1] > costs[2]
    assert costs[2:] == [0, 0]


def test_strokes_that_a_hand_has_added_want_a_line_too() -> None:
    strokes, everywhere = torch.zeros(1, 1, 64, 64), torch.ones(1, 1, 64, 64)
    strokes[..., 32] = 1
    assert stroke_loss(_step(0.0), _step(0.0), strokes, everywhere) > 0.99


def test_strokes_that_nobody_drew_cost_nothing() -> None:
    image, none, everywhere = torch.rand(1, 3, 64, 64), torch.zeros(1, 1, 64, 64), torch.ones(1, 1, 64, 64)
    assert stroke_loss(lines(image), lines(image.flip(-1)), none, everywhere) == 0


def test_parts_that_nobody_told_cost_nothing() -> None:
    shares = torch.randn(2, 19, 4, 4).log_softmax(1)
    assert part_loss(shares, torch.zeros(2, 19, 4, 4)) == 0


def test_identity_sees_the_face_alone() -> None:
    loss = IdentityLoss(FaceRecognition().eval())
    image = torch.rand(1, 3, 256, 256)
    elsewhere = image.clone()
    elsewhere[..., :30, :] = 0
    assert loss(elsewhere, image) == 0
    elsewhere[..., 100:150, 100:150] = 0
    assert loss(elsewhere, image) > 0


def test_a_critic_does_not_see_what_lies_outside_the_mask() -> None:
    mask = torch.zeros(1, 1, 8, 8)
    mask[..., :2] = 1
    scores = torch.zeros(1, 1, 4, 4)
    outside = scores.clone()
    outside[..., 1:] = 5
    assert adversarial_loss([outside], mask) == adversarial_loss([scores], mask)
    assert discriminator_loss([outside], [outside], mask) == discriminator_loss([scores], [scores], mask)


def test_a_folder_without_faces_says_how_to_make_some(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="prepare"):
        FaceShards(tmp_path)


def _flat_face() -> tuple[torch.Tensor, torch.Tensor]:
    labels = torch.zeros(256, 256, dtype=torch.long)
    labels[:100] = 17  # hair
    labels[100:] = 1  # skin
    return torch.full((3, 256, 256), 0.2), labels


def test_recoloring_leaves_other_parts_alone() -> None:
    image, labels = _flat_face()
    changed = [(recolored(image, labels, Draw(4, i)) != image).any(0) for i in range(12)]
    assert any(change.any() for change in changed)
    assert not any(change[:97].any() and change[103:].any() for change in changed)


def test_recoloring_can_be_told_which_part_to_recolor() -> None:
    image, labels = _flat_face()
    changed = [(recolored(image, labels, Draw(4, i), ["hair"]) != image).any(0) for i in range(6)]
    assert all(change[:97].any() for change in changed)
    assert not any(change[103:].any() for change in changed)


def test_strokes_are_asked_for_where_no_colors_are_told(faces: FaceShards) -> None:
    stage = make_stage("generator", faces)
    sample = stage.dataset[0]
    sample["sketch"], sample["mask"] = torch.ones(1, 256, 256), torch.ones(1, 256, 256)

    def cost(color: torch.Tensor) -> float:
        batch = default_collate([{**sample, "color": color}])
        with torch.no_grad():
            return float(stage.loss(stage.model, batch, step=0)[1]["strokes"])

    assert cost(torch.zeros(3, 256, 256)) > 0
    assert cost(torch.full((3, 256, 256), 0.3)) == 0


def test_a_hand_drawn_sketch_is_a_sketch() -> None:
    _, labels = _flat_face()
    lines = (torch.rand(1, 256, 256, generator=torch.Generator().manual_seed(1)) > 0.98).float()
    for i in range(8):
        drawn = hand_drawn(lines, labels, Draw(5, i))
        assert drawn.shape == lines.shape
        assert set(drawn.unique().tolist()) <= {0.0, 1.0}


def test_shares_of_classes_leave_out_what_nobody_knows() -> None:
    labels = torch.tensor([[[0, 0], [1, -1]]])
    assert class_shares(labels, 1)[0, :3, 0, 0].tolist() == [0.5, 0.25, 0.0]
