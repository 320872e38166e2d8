"""How an edit is composed of the bank's picture, the decoder's and the photo."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from facemug_core.compositing import (
    BACKGROUND,
    MATERIALS,
    Scene,
    build_scene,
    composed,
    materials,
)
from facemug_core.compositing.harmony import USUAL_GAINS, bands, energies, harmonized
from facemug_core.compositing.seams import without_seam
from facemug_core.compositing.skin import SkinShift
from facemug_core.conventions import LABELS
from facemug_core.model import FaceMug
from facemug_core.networks.generator import Features, Generator, Prior, composite
from facemug_core.ops.masks import fill_holes

from .tiny import edited, random_conditions, tiny_config

SIDE = 96
HOLE = torch.zeros(1, 1, SIDE, SIDE)
HOLE[..., 24:64, 24:72] = 1
UNMAPPED = torch.zeros(1, 19, SIDE, SIDE)
UNCOLORED = torch.zeros(1, 3, SIDE, SIDE), torch.zeros(1, 1, SIDE, SIDE)


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)) - 0.5


def parts(*rows: tuple[str, int]) -> torch.Tensor:
    """Shares of the classes [1, 19, 24, 24]: classes from top to bottom, each with its number of rows."""
    shares = torch.zeros(1, 19, SIDE // 4, SIDE // 4)
    top = 0
    for name, height in rows:
        shares[:, LABELS.index(name), top : top + height] = 1
        top += height
    return shares


ALL_SKIN, ALL_BACKGROUND = parts(("skin", 24)), parts(("background", 24))
HEAD = parts(("background", 12), ("skin", 12))


def scene(photo: torch.Tensor, seen: torch.Tensor = HEAD, mask: torch.Tensor = HOLE) -> Scene:
    return build_scene(photo, mask, seen, UNMAPPED, *UNCOLORED)


def edit(
    of: Scene, bank: torch.Tensor, shown: torch.Tensor, drawn: torch.Tensor | None = None
) -> torch.Tensor:
    """The edit where it counts, and zeros elsewhere."""
    drawn = torch.zeros_like(bank) if drawn is None else drawn
    return composed(of, bank, shown, drawn) * of.mask


def assert_same_scene(one: Scene, other: Scene) -> None:
    """Nothing but the photo's hidden pixels differs."""
    for field in fields(Scene):
        a, b = getattr(one, field.name), getattr(other, field.name)
        assert (
            torch.equal(a * (1 - one.mask), b * (1 - one.mask))
            if field.name == "photo"
            else torch.equal(a, b)
        )


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31))
def test_every_class_is_of_one_material_and_no_share_is_lost(seed: int) -> None:
    shares = noise(2, 19, 8, 8, seed=seed).softmax(1)
    found = materials(shares, torch.zeros(2, 3, 32, 32))
    assert found.shape == (2, len(MATERIALS) + 1, 32, 32)
    torch.testing.assert_close(found.sum(1), torch.ones(2, 32, 32))
    assert found.min() > -1e-6


@pytest.mark.parametrize(
    ("name", "place"), [("nose", 0), ("hair", 1), ("background", BACKGROUND), ("hat", 3)]
)
def test_a_class_goes_to_its_material(name: str, place: int) -> None:
    found = materials(parts((name, 24)), torch.zeros(1, 3, SIDE, SIDE))
    assert found.mean((0, 2, 3)).argmax() == place


def test_with_nothing_drawn_an_edit_is_the_harmonized_picture_without_a_seam() -> None:
    photo, bank = noise(1, 3, SIDE, SIDE), noise(1, 3, SIDE, SIDE, seed=1)
    of, shown = scene(photo, ALL_SKIN), materials(ALL_SKIN, bank)
    unpredicted = SkinShift(torch.zeros(1, 3, 1, 1), torch.zeros(1, 1, 1, 1))
    expected = without_seam(
        harmonized(photo, energies(fill_holes(photo, HOLE)), HOLE, bank, shown, shown, unpredicted),
        photo,
        HOLE,
    )
    assert torch.equal(edit(of, bank, ALL_SKIN), expected * HOLE)


def test_what_is_drawn_is_added() -> None:
    photo, bank, drawn = (noise(1, 3, SIDE, SIDE, seed=seed) for seed in range(3))
    of = scene(photo)
    without, added = (edit(of, bank, HEAD, d) for d in (0 * drawn, drawn))
    inside = (..., slice(42, 46), slice(44, 52))  # where no seam reaches
    torch.testing.assert_close((added - without)[inside], drawn[inside])


def as_sharp_as_portraits(bank: torch.Tensor) -> torch.Tensor:
    """The bank's picture where no photo is seen that says how sharp it should be."""
    return sum((g * x for g, x in zip((1, *USUAL_GAINS), bands(bank), strict=True)), torch.zeros(1))


def test_without_a_photo_the_banks_tones_stay() -> None:
    everything, bank = torch.ones(1, 1, SIDE, SIDE), noise(1, 3, SIDE, SIDE)
    of = scene(torch.zeros(1, 3, SIDE, SIDE), torch.zeros_like(HEAD), everything)
    expected = as_sharp_as_portraits(bank)
    torch.testing.assert_close(edit(of, bank, HEAD), expected, atol=1e-5, rtol=0)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**31), st.floats(-1, 1))
def test_what_is_under_the_mask_changes_nothing(seed: int, hidden: float) -> None:
    photo, bank = noise(1, 3, SIDE, SIDE, seed=seed), noise(1, 3, SIDE, SIDE, seed=1)
    here, there = scene(photo), scene(torch.where(HOLE > 0, hidden, photo))
    assert_same_scene(here, there)
    assert torch.equal(edit(here, bank, HEAD), edit(there, bank, HEAD))


def test_background_is_the_photos_own_where_the_bank_shows_background() -> None:
    photo = noise(1, 3, SIDE, SIDE) / 10
    photo[:, 2] += 0.5
    banks_own = torch.full_like(photo, -0.5)
    of = scene(photo, ALL_BACKGROUND)
    found = edit(of, banks_own, ALL_BACKGROUND)
    assert of.behind.item() == 1
    torch.testing.assert_close(
        found[..., 24:64, 24:72].mean((0, 2, 3)), photo.mean((0, 2, 3)), atol=0.05, rtol=0
    )


def test_where_no_background_is_visible_the_banks_stays() -> None:
    photo, bank = noise(1, 3, 1, 1).expand(1, 3, SIDE, SIDE), noise(1, 3, SIDE, SIDE)
    of = scene(photo, ALL_SKIN)
    assert of.behind.item() == 0
    inside = (..., slice(42, 46), slice(44, 52))
    expected = as_sharp_as_portraits(bank)
    torch.testing.assert_close(edit(of, bank, ALL_BACKGROUND)[inside], expected[inside], atol=1e-5, rtol=0)


def test_a_persons_colors_do_not_get_into_the_background() -> None:
    """The person below is red; the hole reaches from the background into the person."""
    photo = torch.full((1, 3, SIDE, SIDE), -0.4)
    photo[:, 0, SIDE // 2 :] = 0.9
    hole = torch.zeros_like(HOLE)
    hole[..., 40:88, 32:64] = 1
    of = scene(photo, HEAD, hole)
    found = edit(of, torch.zeros_like(photo), ALL_BACKGROUND)
    assert found[:, 0, 56:72, 44:52].max() < -0.2


def test_the_color_of_the_background_does_not_get_into_a_face() -> None:
    bank, face = noise(1, 3, SIDE, SIDE), noise(1, 3, SIDE, SIDE) + 0.2
    inside = (..., slice(56, 60), slice(40, 56))

    def skin(background: torch.Tensor) -> torch.Tensor:
        photo = face.clone()
        photo[..., : SIDE // 2, :] = background[:, None, None]
        of = build_scene(photo, tall, HEAD, UNMAPPED, *UNCOLORED)
        return edit(of, bank, HEAD)[inside].mean((2, 3))

    tall = torch.zeros_like(HOLE)
    tall[..., 24:80, 24:72] = 1
    violet, green = (skin(torch.tensor(color)) for color in ((0.6, -0.5, 0.9), (-0.6, 0.7, -0.6)))
    assert (violet - green).abs().max() < 0.02


def test_a_hidden_part_meets_its_color_whatever_is_drawn() -> None:
    photo, bank, drawn = (noise(1, 3, SIDE, SIDE, seed=seed) / 5 for seed in range(3))
    shown = ALL_SKIN.clone()
    shown[..., 6:16, 6:18] = 0
    shown[:, LABELS.index("hair"), 6:16, 6:18] = 1
    color = torch.tensor([0.6, -0.4, -0.4])[None, :, None, None] * HOLE
    found = edit(build_scene(photo, HOLE, ALL_SKIN, UNMAPPED, color, HOLE), bank, shown, drawn + 0.3)
    torch.testing.assert_close(
        found[..., 40:48, 40:56].mean((0, 2, 3)), torch.tensor([0.6, -0.4, -0.4]), atol=0.06, rtol=0
    )


def test_the_color_that_a_half_hidden_part_has_keeps_its_shading() -> None:
    lit = torch.linspace(0.4, -0.4, SIDE).expand(1, 3, SIDE, SIDE)
    half = torch.zeros_like(HOLE)
    half[..., : SIDE // 2] = 1
    of = build_scene(lit, half, ALL_SKIN, UNMAPPED, torch.zeros_like(lit), half)
    found = edit(of, lit, ALL_SKIN)
    torch.testing.assert_close(found, lit * half, atol=0.05, rtol=0)


def test_where_a_map_asks_for_background_the_photos_own_is_shown_and_nothing_drawn() -> None:
    photo, bank = noise(1, 3, 1, 1).expand(1, 3, SIDE, SIDE), noise(1, 3, SIDE, SIDE)
    asked = UNMAPPED.clone()
    asked[:, LABELS.index("background")] = HOLE[:, 0]
    of = build_scene(photo, HOLE, HEAD, asked, *UNCOLORED)
    found = edit(of, bank, ALL_SKIN, noise(1, 3, SIDE, SIDE, seed=1))
    inside = (..., slice(36, 46), slice(36, 60))
    torch.testing.assert_close(found[inside], photo[inside], atol=0.02, rtol=0)


def test_an_edit_of_a_gray_photo_is_gray() -> None:
    photo = noise(1, 1, SIDE, SIDE).expand(1, 3, -1, -1)
    bank, drawn = (noise(1, 3, SIDE, SIDE, seed=seed) for seed in (1, 2))
    found = edit(scene(photo), bank, HEAD, drawn)
    assert (found - found.mean(1, keepdim=True)).abs().max() < 1e-5


def test_the_order_of_a_batch_does_not_matter() -> None:
    photos, banks = noise(3, 3, SIDE, SIDE), noise(3, 3, SIDE, SIDE, seed=1)
    masks = torch.cat([HOLE, HOLE.flip(-1), torch.ones_like(HOLE)])
    seen = torch.cat([HEAD, ALL_SKIN, ALL_BACKGROUND])
    colors = torch.cat([0 * photos[:2], noise(1, 3, SIDE, SIDE, seed=2)])
    weights = (colors != 0).any(1, keepdim=True).float()
    maps = torch.rand(3, 19, SIDE, SIDE, generator=torch.Generator().manual_seed(3))

    def drawn(order: list[int]) -> torch.Tensor:
        of = build_scene(*(x[order] for x in (photos, masks, seen, maps, colors, weights)))
        return edit(of, banks[order], seen.flip(0)[order])

    together = drawn([0, 1, 2])
    torch.testing.assert_close(drawn([2, 0, 1]), together[[2, 0, 1]], atol=1e-5, rtol=0)
    torch.testing.assert_close(torch.cat([drawn([i]) for i in range(3)]), together, atol=1e-5, rtol=0)


def test_scenes_of_several_edits_are_one_batch() -> None:
    one, other = scene(noise(1, 3, SIDE, SIDE)), scene(noise(1, 3, SIDE, SIDE, seed=1))
    both = Scene.cat([one, other])
    assert_same_scene(both.mapped(lambda x: x[:1]), one)
    assert_same_scene(both.mapped(lambda x: x[1:]), other)


def features(photo: torch.Tensor, mask: torch.Tensor) -> Features:
    return Features(scene(photo, mask=mask), {}, torch.zeros(len(photo), 1))


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**31), st.floats(0, 1), st.floats(0.1, 5), st.booleans())
def test_kept_pixels_are_bit_identical(seed: int, share: float, range_: float, of_bank: bool) -> None:
    photo, bank = range_ * noise(1, 3, SIDE, SIDE, seed=seed), noise(1, 3, SIDE, SIDE, seed=1)
    mask = (noise(1, 1, SIDE, SIDE, seed=seed + 1) + 0.5 < share).float()
    prior = Prior({}, bank, HEAD) if of_bank else Prior({}, None, None)
    edited = composite(features(photo, mask), prior, noise(1, 3, SIDE, SIDE, seed=2))
    kept = (mask == 0).expand_as(photo)
    assert torch.equal(edited.view(torch.int32)[kept], photo.view(torch.int32)[kept])


def test_an_edit_by_the_model_never_reads_the_photo_under_the_mask(model: FaceMug) -> None:
    conditions, codes = random_conditions(), model.random_codes([0])
    other = replace(conditions, image=torch.where(conditions.mask > 0, -0.3, conditions.image))
    here, there = model.aggregate(conditions), model.aggregate(other)
    assert_same_scene(here.scene, there.scene)
    assert torch.equal(model.generate(here, codes), model.generate(there, codes))


def test_a_decoder_that_draws_nothing_gives_the_harmonized_picture(model: FaceMug) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        generator = Generator(tiny_config().generator).eval().requires_grad_(False)
    for name, parameter in generator.decoder.named_parameters():
        if "rgb" in name:
            parameter.zero_()
    conditions, bank = random_conditions(), noise(1, 3, 256, 256)
    maps = model.bank.features(model.random_codes([0]), up_to=128)
    prior = Prior(maps, bank, torch.full((1, 19, 64, 64), 1 / 19))
    edited, plain = generator(conditions, prior.parts, prior, model.random_codes([0]))
    assert torch.equal(edited, plain)


def test_an_edit_is_composed_of_the_banks_picture_if_there_are_heads_for_it(model: FaceMug) -> None:
    conditions, codes = random_conditions(), model.random_codes([0])
    composed_, drawn = (edited(m, conditions, codes=codes)[0] for m in (model, replace(model, heads=None)))
    assert not torch.equal(composed_, drawn)
