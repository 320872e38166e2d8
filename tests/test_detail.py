"""The detail stage: as sharp and as grainy as the photo, and nothing else changes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from facemug_core.config import SIZES
from facemug_core.errors import ShapeError
from facemug_core.faces.grain import fixed_noise, grain_level, match_grain
from facemug_core.model import FaceMug
from facemug_core.networks.detail import Detail, Enlarging, enlarge
from facemug_core.photos import EditRequest, Photo, PhotoEditor, fitting_size, sized

from .tiny import tiny_config, tiny_model


def _noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def _hole(side: int, low: float = 0.25, high: float = 0.75) -> torch.Tensor:
    mask = torch.zeros(1, 1, side, side)
    mask[..., int(low * side) : int(high * side), int(low * side) : int(high * side)] = 1
    return mask


def _detail(seed: int = 0) -> Detail:
    """A network whose last layer does something."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = Detail(tiny_config().detail)
        torch.nn.init.normal_(network.exit.weight)
    return network.eval().requires_grad_(False)


@pytest.fixture
def model() -> FaceMug:
    model = tiny_model()
    model.detail = _detail()
    return model


def _given(side: int = 16, seed: int = 0) -> Enlarging:
    return Enlarging(
        _noise(1, 3, side, side, seed=seed),
        _noise(1, 3, 4 * side, 4 * side, seed=seed + 1),
        _hole(side),
        fixed_noise(4 * side, 4 * side, seed=seed),
    )


def test_an_untrained_network_enlarges() -> None:
    given = _given()
    assert torch.equal(Detail(tiny_config().detail)(given), enlarge(given.edited, 4))


def test_the_photo_inside_the_mask_is_not_seen() -> None:
    given, network = _given(), _detail()
    inside = torch.nn.functional.interpolate(given.mask, scale_factor=4.0)
    other = replace(given, photo=given.photo + inside)
    assert torch.equal(network(given), network(other))
    kept = replace(given, photo=given.photo + (1 - inside))
    assert not torch.equal(network(given), network(kept))


def test_a_window_is_drawn_in_the_style_of_the_whole_photo() -> None:
    given, network = _given(), _detail()
    assert torch.equal(network(given, given), network(given))
    assert not torch.equal(network(given, _given(seed=5)), network(given))


def test_the_band_is_made_of_the_noise() -> None:
    given, network = _given(), _detail()
    other = replace(given, noise=fixed_noise(*given.noise.shape[2:], seed=9))
    assert not torch.equal(network(given), network(other))


@pytest.mark.parametrize("name", SIZES)
def test_the_network_is_small(name: str) -> None:
    with torch.device("meta"):
        assert sum(p.numel() for p in Detail(SIZES[name].detail).parameters()) < 0.6e6


@pytest.mark.parametrize("size", [512, 1024])
def test_kept_pixels_of_the_larger_crop_keep_their_bits(model: FaceMug, size: int) -> None:
    photo, mask = _noise(1, 3, size, size), _hole(256)
    picture = model.add_detail(_noise(2, 3, 256, 256, seed=1), photo, mask)
    assert picture.shape == (2, 3, size, size)
    changed = (picture != photo).any(1, keepdim=True)
    inside = torch.nn.functional.interpolate(mask, (size, size)) > 0
    assert not (changed & ~inside).any()
    assert changed[inside.expand(2, -1, -1, -1)].float().mean() > 0.9


def test_detail_is_the_same_every_time(model: FaceMug) -> None:
    edited, photo, mask = _noise(1, 3, 256, 256), _noise(1, 3, 512, 512), _hole(256)
    assert torch.equal(model.add_detail(edited, photo, mask), model.add_detail(edited, photo, mask))


def test_other_sizes_are_refused(model: FaceMug) -> None:
    with pytest.raises(ShapeError, match="512 or 1024"):
        model.add_detail(_noise(1, 3, 256, 256), _noise(1, 3, 256, 256), _hole(256))


def test_without_weights_edits_are_enlarged() -> None:
    edited, mask = _noise(1, 3, 256, 256) / 2, _hole(256)
    picture = tiny_model().add_detail(edited, torch.zeros(1, 3, 512, 512), mask)
    inside = torch.nn.functional.interpolate(mask, (512, 512)).expand(-1, 3, -1, -1) > 0
    assert torch.equal(picture[inside], enlarge(edited, 2).clamp(-1, 1)[inside])


@pytest.mark.parametrize("level", [0.0, 0.02, 0.1])
def test_grain_is_measured(level: float) -> None:
    slope = torch.linspace(-0.5, 0.5, 256).expand(1, 3, 256, 256)
    noise = torch.randn(1, 1, 256, 256, generator=torch.Generator().manual_seed(3)) * level
    everywhere = torch.ones(1, 1, 256, 256, dtype=torch.bool)
    assert grain_level(slope + noise, everywhere) == pytest.approx(level, rel=0.1, abs=1e-3)


def test_a_smooth_edit_becomes_as_grainy_as_the_photo() -> None:
    mask = _hole(256)
    photo = (
        torch.randn(1, 1, 256, 256, generator=torch.Generator().manual_seed(3)).expand(1, 3, -1, -1) * 0.05
    )
    inside = match_grain(torch.zeros(1, 3, 256, 256), photo, mask)
    assert grain_level(inside, mask > 0) == pytest.approx(0.05, rel=0.1)


def test_an_edit_that_is_grainier_than_the_photo_stays() -> None:
    edited = _noise(1, 3, 256, 256)
    assert torch.equal(match_grain(edited, torch.zeros_like(edited), _hole(256)), edited)


@pytest.mark.parametrize(
    ("scale", "size"), [(0.5, 256), (1.4, 256), (1.5, 512), (2.8, 512), (2.9, 1024), (9, 1024)]
)
def test_the_size_follows_the_photo(scale: float, size: int) -> None:
    assert fitting_size(np.diag([scale, scale, 1.0])) == size


def test_a_crop_of_another_size_covers_the_same() -> None:
    matrix = np.array([[3.0, 1.0, 7.0], [-1.0, 3.0, 5.0], [0.0, 0.0, 1.0]])
    np.testing.assert_allclose(sized(matrix, 1024) @ [1024, 512, 1], matrix @ [256, 128, 1])


def _photo(side: int) -> Photo:
    return Photo((_noise(1, 3, side, side) * 127 + 128).byte(), "RGB")


@pytest.mark.parametrize("size", ["auto", 256, 512, 1024])
def test_kept_pixels_of_the_photo_keep_their_bits(model: FaceMug, size: object) -> None:
    photo = _photo(700)
    mask = _hole(700).bool()
    result = PhotoEditor(model).edit(photo, EditRequest(mask=mask, aligned=True, size=size))  # type: ignore[arg-type]
    changed = (result.photos[0].pixels != photo.pixels).any(1, keepdim=True)
    assert not (changed & ~mask).any()
    assert changed[mask].float().mean() > 0.9


def test_the_size_is_chosen_by_the_face_in_the_photo(model: FaceMug) -> None:
    def stages(side: int) -> set[str]:
        request = EditRequest(mask=_hole(side).bool(), aligned=True)
        return set(PhotoEditor(model).edit(_photo(side), request).seconds)

    assert "detail" not in stages(300)
    assert "detail" in stages(600)
