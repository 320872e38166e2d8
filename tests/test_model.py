"""The model object: every stage pure, only masked pixels new, the same seed the same bits."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from facemug_core.conditions import Conditions
from facemug_core.editing.directions import Linear
from facemug_core.errors import InputError, ShapeError, WeightsMissingError
from facemug_core.model import FaceMug
from facemug_core.networks.latent_warping import LatentWarping
from facemug_core.pipeline.style import NO_WARPING, Move, StylePlan, default_style, random_style, styled

from .tiny import assert_only_the_mask_changed, edited, random_conditions, tiny_full_model, tiny_model


def test_an_edit_leaves_kept_pixels_bit_identical(model: FaceMug) -> None:
    conditions = random_conditions()
    picture, _ = edited(model, conditions)
    assert_only_the_mask_changed(picture, conditions)


def test_ten_edits_in_a_chain_leave_never_masked_pixels_bit_identical(model: FaceMug) -> None:
    generator = torch.Generator().manual_seed(1)
    first = picture = random_conditions().image
    touched = torch.zeros(1, 1, 256, 256, dtype=torch.bool)
    for seed in range(10):
        mask = torch.zeros(1, 1, 256, 256)
        top, left = torch.randint(200, (2,), generator=generator).tolist()
        mask[..., top : top + 50, left : left + 50] = 1
        touched |= mask > 0
        picture, _ = edited(model, Conditions.build(image=picture, mask=mask), seeds=[seed], style="random")
    kept = ~touched.expand_as(first)
    assert torch.equal(picture[kept], first[kept])


def test_kept_pixels_outside_the_range_are_not_clamped(model: FaceMug) -> None:
    conditions = random_conditions()
    bright = Conditions.build(image=conditions.image * 3, mask=conditions.mask)
    picture, _ = edited(model, bright)
    kept = (bright.mask == 0).expand_as(picture)
    assert torch.equal(picture[kept], bright.image[kept])


@settings(max_examples=4, deadline=None)
@given(st.lists(st.integers(0, 2**63 - 1), min_size=1, max_size=3, unique=True))
def test_a_variant_does_not_depend_on_the_others(seeds: list[int]) -> None:
    model = tiny_model()
    codes = model.random_codes(seeds)
    alone = torch.cat([model.random_codes([seed]) for seed in seeds])
    torch.testing.assert_close(codes, alone, atol=1e-5, rtol=1e-5)


def test_the_same_seed_gives_the_same_bits(model: FaceMug) -> None:
    first, _ = edited(model, random_conditions(), style="random", seeds=[7])
    second, _ = edited(model, random_conditions(), style="random", seeds=[7])
    assert torch.equal(first, second)


def test_random_people_have_the_shapes_that_guides_tell(model: FaceMug) -> None:
    sketch = torch.zeros(1, 1, 256, 256)
    sketch[..., 100, :] = 1
    conditions = Conditions.build(sketch=sketch)
    codes, free = random_style(model, conditions, [1, 2]), model.random_codes([1, 2])
    assert torch.equal(codes[:, :8], model.project(conditions)[:, :8].expand(2, -1, -1))
    assert torch.equal(codes[:, 8:], free[:, 8:])


def test_random_people_are_free_where_nothing_is_told(model: FaceMug) -> None:
    nothing = Conditions.build(semantic=torch.zeros(1, 19, 256, 256))
    assert torch.equal(random_style(model, nothing, [3]), model.random_codes([3]))


def test_the_global_random_state_stays(model: FaceMug) -> None:
    before = torch.get_rng_state()
    edited(model, random_conditions(), style="random", style_mix=0.5)
    assert torch.equal(torch.get_rng_state(), before)


def test_inputs_are_not_changed(model: FaceMug) -> None:
    conditions = random_conditions()
    copies = {name: value.clone() for name, value in vars(conditions).items()}
    edited(model, conditions)
    assert all(torch.equal(getattr(conditions, name), value) for name, value in copies.items())


def test_features_of_one_edit_serve_many_codes(model: FaceMug) -> None:
    features = model.aggregate(random_conditions())
    codes = model.random_codes([1, 2])
    both = model.generate(features, codes)
    torch.testing.assert_close(both[1:], model.generate(features, codes[1:]), atol=1e-5, rtol=1e-5)


def test_the_picture_can_be_differentiated_by_its_codes(model: FaceMug) -> None:
    codes = model.random_codes([1]).clone().requires_grad_()
    model.generate(model.aggregate(random_conditions()), codes).sum().backward()
    assert codes.grad is not None
    assert codes.grad.abs().sum() > 0


def test_a_style_mix_of_zero_changes_nothing(model: FaceMug) -> None:
    codes = model.random_codes([1])
    assert torch.equal(model.interpolate(codes, model.random_codes([2]), 0.0), codes)


def test_the_default_style_is_random_when_nothing_is_visible() -> None:
    assert default_style(Conditions.build(), None) == "random"
    assert default_style(random_conditions(), None) == "projected"
    assert default_style(random_conditions(), torch.zeros(1, 3, 256, 256)) == "exemplar"


def test_colors_alone_recolor_what_the_photo_shows() -> None:
    photo, mask = torch.full((1, 3, 256, 256), 0.5), torch.zeros(1, 1, 256, 256)
    mask[..., 64:128] = 1
    color, sketch = torch.full_like(photo, 0.2), torch.ones(1, 1, 256, 256)
    assert default_style(Conditions.build(image=photo, mask=mask, color=color), None) == "photo"
    told = Conditions.build(image=photo, mask=mask, color=color, sketch=sketch)
    assert default_style(told, None) == "projected"


def test_sliders_and_texts_start_from_the_person_of_the_photo(model: FaceMug) -> None:
    conditions = random_conditions()
    assert default_style(conditions, None, moves=True) == "photo"
    assert default_style(Conditions.build(), None, moves=True) == "random"
    still = Linear(torch.zeros(512))
    _, codes = edited(model, conditions, directions=[Move(still, 1.0, {"operation": "direction"})])
    assert torch.equal(codes, model.encode(conditions.image))


def test_a_person_under_black_paint_is_not_kept() -> None:
    mask = torch.zeros(1, 1, 256, 256)
    mask[..., 64:128] = 1
    black = Conditions.build(image=torch.full((1, 3, 256, 256), -1.0), mask=mask)
    assert default_style(black, None, moves=True) == "projected"


@pytest.mark.parametrize(("hidden", "turned"), [(100, True), (250, False)])
def test_an_exemplar_is_turned_where_enough_of_the_photo_is_visible(
    hidden: int, turned: bool, model: FaceMug
) -> None:
    with torch.random.fork_rng():
        warping = LatentWarping(4).eval()
        for weights in warping.parameters():
            torch.nn.init.normal_(weights, std=0.1)
    able = replace(model, warping=warping)
    mask, photo = torch.zeros(1, 1, 256, 256), torch.full((1, 3, 256, 256), 0.5)
    mask[..., :hidden] = 1
    conditions = Conditions.build(image=photo, mask=mask, color=torch.full_like(photo, 0.2))
    plan = StylePlan("exemplar", fit=0)
    upright = model.encode(random_conditions().image)
    there = able.warp(upright, able.project(conditions))
    assert not torch.equal(there, upright)
    codes = styled(able, conditions, plan, random_conditions().image).latent.codes
    assert torch.equal(codes, there if turned else upright)
    notices = styled(model, conditions, plan, random_conditions().image).notices
    assert (NO_WARPING in notices) == turned


def test_style_by_exemplar_without_one_is_an_error(model: FaceMug) -> None:
    with pytest.raises(InputError, match="exemplar"):
        edited(model, random_conditions(), style="exemplar")


def test_codes_of_another_shape_are_refused(model: FaceMug) -> None:
    with pytest.raises(ShapeError, match="18, 512"):
        model.generate(model.aggregate(random_conditions()), torch.zeros(1, 14, 512))


def test_an_edit_with_codes_of_another_shape_is_refused(model: FaceMug) -> None:
    with pytest.raises(ShapeError, match="18, 512"):
        edited(model, random_conditions(), codes=torch.zeros(18, 512))


def test_codes_of_another_shape_are_not_warped() -> None:
    with torch.random.fork_rng():
        able = replace(tiny_model(), warping=LatentWarping(4))
    for shapes in (((18, 512), (1, 18, 512)), ((1, 18, 512), (1, 14, 512))):
        with pytest.raises(ShapeError, match="18, 512"):
            able.warp(*map(torch.zeros, shapes))


def test_codes_in_half_precision_make_a_picture(model: FaceMug) -> None:
    features, codes = model.aggregate(random_conditions()), model.random_codes([1]).half()
    assert torch.equal(model.generate(features, codes), model.generate(features, codes.float()))


def test_features_of_another_model_are_refused(model: FaceMug) -> None:
    features = tiny_full_model().aggregate(random_conditions())
    with pytest.raises(InputError, match="aggregate and generate with the same"):
        model.generate(features, model.random_codes([1]))


def test_warping_without_weights_names_the_file(model: FaceMug) -> None:
    with pytest.raises(WeightsMissingError, match=r"light_warping\.safetensors"):
        model.warp(model.random_codes([1]), model.random_codes([2]))


def test_the_full_size_names_the_files_that_it_lacks() -> None:
    with pytest.raises(WeightsMissingError, match=r"stylegan2_mapping\.safetensors"):
        FaceMug.load("full")


def test_an_unknown_size_lists_the_sizes() -> None:
    with pytest.raises(InputError, match="light, full"):
        FaceMug.load("medium")
