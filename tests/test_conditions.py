"""Conditions on one grid, and the pull-push filling of holes."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from facemug_core.conditions import GUIDE_MARGIN, Conditions
from facemug_core.errors import InputError, ShapeError

SIZE = 24
FIELDS = ("image", "mask", "sketch", "semantic", "color")


def random_parts(seed=0, batch=1, size=SIZE):
    generator = torch.Generator().manual_seed(seed)

    def rand(channels):
        return torch.rand(batch, channels, size, size, generator=generator)

    labels = torch.randint(19, (batch, size, size), generator=generator)
    return {
        "image": rand(3) * 2 - 1,
        "mask": (rand(1) > 0.5).float(),
        "sketch": (rand(1) > 0.8).float(),
        "semantic": torch.nn.functional.one_hot(labels, 19).permute(0, 3, 1, 2).float(),
        "color": rand(3) * 2 - 1,
    }


def build(**parts):
    return Conditions.build(size=SIZE, **parts)


def bits(tensor):
    return tensor.contiguous().view(torch.int32)


def assert_same_bits(a, b):
    for name in FIELDS:
        assert torch.equal(bits(getattr(a, name)), bits(getattr(b, name))), name


def test_nothing_given_is_a_whole_picture_to_make():
    conditions = build()
    assert torch.equal(conditions.mask, torch.ones(1, 1, SIZE, SIZE))
    assert conditions.present == ()
    for name, channels in (("image", 3), ("sketch", 1), ("semantic", 19), ("color", 3)):
        assert torch.equal(getattr(conditions, name), torch.zeros(1, channels, SIZE, SIZE))


def test_present_names_the_modalities_in_channel_order():
    parts = random_parts()
    assert build(**parts).present == ("image", "sketch", "semantic", "color")
    assert build(color=parts["color"], sketch=parts["sketch"]).present == ("sketch", "color")


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**31), guide=st.sampled_from(["sketch", "semantic", "color"]))
def test_strength_zero_is_absent_to_the_bit(seed, guide):
    parts = random_parts(seed)
    others = {name: part for name, part in parts.items() if name != guide}
    assert_same_bits(build(**parts, **{f"{guide}_strength": 0.0}), build(**others))


def test_strength_zero_also_takes_away_the_guides_batch():
    assert len(build(sketch=torch.ones(3, 1, SIZE, SIZE), sketch_strength=0)) == 1


def test_negative_zeros_count_as_absent():
    conditions = build(color=torch.full((1, 3, SIZE, SIZE), -0.0), color_strength=0.5)
    assert_same_bits(conditions, build())


@pytest.mark.parametrize("guide", ["sketch", "semantic", "color"])
def test_a_strength_in_between_scales_the_guide(guide):
    parts = random_parts()
    half = build(**parts, **{f"{guide}_strength": 0.5})
    assert torch.equal(getattr(half, guide), getattr(build(**parts), guide) * 0.5)


@pytest.mark.parametrize("strength", [-0.1, 1.5, float("nan")])
def test_a_strength_out_of_range_is_refused(strength):
    with pytest.raises(InputError, match="between 0 and 1"):
        build(sketch_strength=strength)


def test_sketch_and_color_reach_a_few_pixels_beyond_the_mask_and_the_map_is_whole():
    parts = {name: torch.ones_like(part) for name, part in random_parts().items()}
    parts["mask"] = torch.zeros(1, 1, SIZE, SIZE)
    parts["mask"][..., 10:14, 10:14] = 1
    conditions = build(**parts)
    expected = torch.zeros(1, 1, SIZE, SIZE)
    expected[..., 10 - GUIDE_MARGIN : 14 + GUIDE_MARGIN, 10 - GUIDE_MARGIN : 14 + GUIDE_MARGIN] = 1
    assert torch.equal(conditions.sketch, expected)
    assert torch.equal(conditions.color, expected.expand(-1, 3, -1, -1))
    assert torch.equal(conditions.semantic, parts["semantic"])


def test_one_is_repeated_to_many():
    parts = random_parts(batch=3) | {"mask": random_parts()["mask"], "semantic": random_parts()["semantic"]}
    conditions = build(**parts)
    assert len(conditions) == 3
    assert all(len(getattr(conditions, name)) == 3 for name in FIELDS)
    assert torch.equal(conditions.mask[2], parts["mask"][0])


def test_unequal_batches_are_refused_with_both_numbers():
    parts = random_parts(batch=3) | {"mask": random_parts(batch=2)["mask"]}
    with pytest.raises(ShapeError, match=r"mask is 2 and that of the photo is 3"):
        build(**parts)


@pytest.mark.parametrize("given", ["image", "mask"])
def test_photo_and_mask_come_together(given):
    with pytest.raises(InputError, match="without a"):
        build(**{given: random_parts()[given]})


@pytest.mark.parametrize(
    ("name", "shape"),
    [("sketch", (1, 3, SIZE, SIZE)), ("color", (3, SIZE, SIZE)), ("semantic", (0, 19, SIZE, SIZE)),
     ("color", (1, 3, SIZE, SIZE + 1))],
)  # fmt: skip
def test_a_wrong_shape_is_refused_with_the_shape_that_came(name, shape):
    with pytest.raises(ShapeError, match=str(list(shape)).replace("[", r"\[")):
        build(**{name: torch.zeros(shape)})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_values_that_are_not_finite_are_refused(value):
    color = torch.zeros(1, 3, SIZE, SIZE)
    color[0, 1, 2, 3] = value
    with pytest.raises(InputError, match="finite"):
        build(color=color)


def test_a_gray_mask_is_refused():
    parts = random_parts()
    with pytest.raises(InputError, match="only 0"):
        build(image=parts["image"], mask=parts["mask"] * 0.5)


def test_building_leaves_its_inputs_alone():
    parts = random_parts()
    before = {name: part.clone() for name, part in parts.items()}
    build(**parts, sketch_strength=0.3, color_strength=0)
    assert all(torch.equal(parts[name], before[name]) for name in FIELDS)


def test_masked_image_keeps_bits_and_has_plain_zeros_in_the_hole():
    parts = random_parts()
    masked, hole = build(**parts).masked_image, parts["mask"].expand(-1, 3, -1, -1) > 0
    assert not bits(masked)[hole].any()
    assert torch.equal(bits(masked)[~hole], bits(parts["image"])[~hole])


def test_to_moves_every_tensor():
    moved = build(**random_parts()).to("meta")
    assert all(getattr(moved, name).device.type == "meta" for name in FIELDS)
