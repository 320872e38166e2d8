"""Two sizes of one model: the full one works without what only the light one has, and both share codes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from facemug_core.conditions import whole_photo
from facemug_core.editing.directions import Coordinate, Direction, Linear, Mapped
from facemug_core.editing.inversion import INVERSION_STEPS
from facemug_core.errors import WeightsMissingError
from facemug_core.latents import Latent, load_latent, save_latent
from facemug_core.model import FaceMug
from facemug_core.networks.style_mapper import StyleMapper
from facemug_core.pipeline.style import usual_steps

from .tiny import (
    assert_only_the_mask_changed,
    edited,
    random_conditions,
    tiny_full_model,
    tiny_inverter,
)


@pytest.fixture(scope="module")
def full() -> FaceMug:
    return tiny_full_model()


def noise(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1))


DIRECTIONS: dict[str, Direction] = {
    "attribute": Linear(noise(512)),
    "principal component": Coordinate(noise(512), noise(512) / 512**0.5, 0.7, 3.0),
    "text mapper": Mapped(StyleMapper().requires_grad_(False)),
}


def test_the_full_size_edits_without_picture_head_and_inverter(full: FaceMug) -> None:
    conditions = random_conditions()
    picture, codes = edited(full, conditions)
    assert_only_the_mask_changed(picture, conditions)
    assert codes.shape == (1, 18, 512)


def test_what_the_full_size_lacks_is_named(full: FaceMug) -> None:
    codes = full.random_codes([1])
    with pytest.raises(
        WeightsMissingError,
        match=r"full model has no weights for.*full_search_head.*train search_head --model full",
    ):
        full.invert(codes, whole_photo(torch.zeros(1, 3, 256, 256)))
    with pytest.raises(WeightsMissingError, match=r"The full model has no warping weights.*full_warping"):
        full.warp(codes, codes)


def test_the_full_size_adds_detail(full: FaceMug) -> None:
    photo, mask = torch.zeros(1, 3, 512, 512), torch.zeros(1, 1, 256, 256)
    mask[..., :128] = 1
    picture = full.add_detail(torch.ones(1, 3, 256, 256), photo, mask)
    assert torch.equal(picture[..., 256:], photo[..., 256:])
    assert (picture[..., :256] > 0.5).all()


def test_edits_in_the_full_size_ask_for_no_inversion(full: FaceMug) -> None:
    assert usual_steps(full, INVERSION_STEPS) == 0


def test_the_full_size_inverts_with_an_inverter_alone_and_edits_as_before(full: FaceMug) -> None:
    codes, conditions = full.random_codes([1]), random_conditions()
    able = replace(full, inverter=tiny_inverter(full))
    assert not torch.equal(able.invert(codes, conditions, steps=1), codes)
    assert torch.equal(edited(able, conditions, codes=codes)[0], edited(full, conditions, codes=codes)[0])


@pytest.mark.parametrize("first", ["light", "full"])
def test_codes_saved_by_one_size_draw_a_face_in_the_other(
    model: FaceMug, full: FaceMug, first: str, tmp_path: Path
) -> None:
    maker, user = (model, full) if first == "light" else (full, model)
    save_latent(tmp_path / "face.safetensors", Latent(maker.random_codes([3])))
    codes = load_latent(tmp_path / "face.safetensors").codes
    picture, used = edited(user, random_conditions(), codes=codes)
    assert torch.equal(used, codes)
    assert torch.isfinite(picture).all()
    another = edited(user, random_conditions(), codes=maker.random_codes([4]))[0]
    assert not torch.equal(picture, another)


def test_every_kind_of_direction_shows_in_the_full_size(full: FaceMug) -> None:
    codes, features = noise(1, 18, 512), full.aggregate(random_conditions())
    picture = full.generate(features, codes)
    for name, direction in DIRECTIONS.items():
        moved = full.apply_direction(codes, direction, 2.0)
        assert not torch.equal(full.generate(features, moved), picture), name


def test_half_precision_gives_the_full_sizes_picture_nearly(full: FaceMug) -> None:
    codes = full.random_codes([1])
    exact, _ = edited(full, random_conditions(), codes=codes)
    half = tiny_full_model()
    half.precision = torch.bfloat16
    picture, _ = edited(half, random_conditions(), codes=codes)
    assert picture.dtype == torch.float32
    assert (picture - exact).abs().max() < 0.1
