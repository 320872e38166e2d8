"""The detail stage: as sharp and as grainy as the photo, and nothing else changes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from facemug_core.errors import ShapeError
from facemug_core.faces.fine_band import enlarge, with_fine_band
from facemug_core.faces.grain import grain_level, match_grain
from facemug_core.model import FaceMug
from facemug_core.photo import Photo
from facemug_core.pipeline.compose import fitting_size, sized
from facemug_core.pipeline.editor import EditRequest, PhotoEditor


def _noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def _hole(side: int, low: float = 0.25, high: float = 0.75) -> torch.Tensor:
    mask = torch.zeros(1, 1, side, side)
    mask[..., int(low * side) : int(high * side), int(low * side) : int(high * side)] = 1
    return mask


def _texture(side: int, period: int) -> torch.Tensor:
    """Rows of light and dark with noise on them, [1, 3, side, side]."""
    rows = torch.sin(2 * torch.pi * torch.arange(side) / period)[:, None].expand(side, side)
    return (rows + _noise(side, side)).expand(1, 3, -1, -1) * 0.2


def _strength(picture: torch.Tensor, where: torch.Tensor) -> float:
    """Root mean square of what a picture has beyond its means of 4 × 4 pixels."""
    band = picture - enlarge(torch.nn.functional.avg_pool2d(picture, 4), 4)
    return float(band[where.expand_as(band)].square().mean().sqrt())


def test_a_smooth_edit_becomes_as_sharp_as_the_photo() -> None:
    photo, mask = _texture(512, 64), _hole(128)
    edited = torch.nn.functional.avg_pool2d(photo, 4)
    drawn = with_fine_band(edited, photo, mask)
    inside = torch.nn.functional.interpolate(mask, (512, 512)) > 0
    assert _strength(enlarge(edited, 4), inside) < 0.2 * _strength(photo, ~inside)
    assert 0.8 < _strength(drawn, inside) / _strength(photo, ~inside) < 1.2


def test_the_edit_stays_what_it_is_at_its_own_size() -> None:
    photo, mask = _texture(512, 64), _hole(128)
    edited = torch.nn.functional.avg_pool2d(_texture(512, 128).flip(3), 4)
    small = torch.nn.functional.avg_pool2d(with_fine_band(edited, photo, mask), 4)
    torch.testing.assert_close(small, edited, atol=0.05, rtol=0)


def test_a_blurred_photo_gets_no_band() -> None:
    photo, mask = enlarge(_texture(128, 16), 4), _hole(128)
    edited = _noise(1, 3, 128, 128, seed=2) / 5
    drawn = with_fine_band(edited, photo, mask)
    assert (drawn - enlarge(edited, 4)).abs().mean() < 0.01


def test_the_photo_under_the_mask_is_not_read() -> None:
    photo, mask = _texture(256, 32), _hole(64)
    inside = torch.nn.functional.interpolate(mask, (256, 256)) > 0
    edited = _noise(1, 3, 64, 64)
    hidden = torch.where(inside, torch.nan, photo)
    drawn = with_fine_band(edited, hidden, mask)
    assert torch.equal(
        drawn[inside.expand(-1, 3, -1, -1)], with_fine_band(edited, photo, mask)[inside.expand(-1, 3, -1, -1)]
    )


def test_where_nothing_is_kept_the_edit_is_enlarged() -> None:
    edited = _noise(1, 3, 64, 64)
    assert torch.equal(
        with_fine_band(edited, _texture(128, 16), torch.ones(1, 1, 64, 64)), enlarge(edited, 2)
    )


def test_no_example_is_laid_everywhere() -> None:
    """Equal blocks of a smooth edit get unequal bands: one for all would be seen as a pattern."""
    photo, mask = _texture(512, 512), _hole(128)
    band = with_fine_band(torch.zeros(1, 3, 128, 128), photo, mask)[..., 200:232, 200:296]
    assert not torch.allclose(band[..., :32], band[..., 32:64], atol=1e-3)


def test_pictures_of_a_batch_do_not_see_each_other() -> None:
    photos, mask = torch.cat([_texture(256, 32), _texture(256, 16)]), _hole(64).expand(2, -1, -1, -1)
    edited = _noise(2, 3, 64, 64)
    both = with_fine_band(edited, photos, mask)
    assert torch.equal(both[1:], with_fine_band(edited[1:], photos[1:], mask[1:]))


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
