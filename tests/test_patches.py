"""Patches of a color map, and the parts of a face that they are meant for."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from facemug_core.compositing.paint import PLAIN, meant, painted_parts, patches, unshaded
from facemug_core.conventions import LABELS

SIDE = 48
RED, BLUE = torch.tensor([0.8, -0.6, -0.6]), torch.tensor([-0.6, -0.6, 0.8])


def painted(*boxes: tuple[torch.Tensor, slice, slice]) -> tuple[torch.Tensor, torch.Tensor]:
    """A color map [1, 3, S, S] and its strength [1, 1, S, S]."""
    color, weight = torch.zeros(1, 3, SIDE, SIDE), torch.zeros(1, 1, SIDE, SIDE)
    for shade, rows, columns in boxes:
        color[..., rows, columns] = shade[:, None, None]
        weight[..., rows, columns] = 1
    return color, weight


def parts(**boxes: tuple[slice, slice]) -> torch.Tensor:
    """Shares of the classes [1, 19, S, S]: skin, and boxes of other classes."""
    labels = torch.full((1, SIDE, SIDE), LABELS.index("skin"))
    for name, (rows, columns) in boxes.items():
        labels[:, rows, columns] = LABELS.index(name)
    return torch.nn.functional.one_hot(labels, len(LABELS)).permute(0, 3, 1, 2).float()


def parts_of(shares: torch.Tensor) -> torch.Tensor:
    """Shares of the painted parts, from shares of the classes."""
    return painted_parts(shares, torch.empty(1, 3, SIDE, SIDE))


TEETH = slice(22, 26), slice(18, 30)
FACE = parts(u_lip=(slice(16, 22), slice(12, 36)), l_lip=(slice(26, 32), slice(12, 36)), mouth=TEETH)
MOUTH = slice(16, 32), slice(12, 36)


def test_what_is_not_painted_is_in_no_patch() -> None:
    assert not patches(*painted()).any()
    found = patches(*painted((RED, *MOUTH)))
    assert (found > 0).float().sum() == 16 * 24
    assert (found[found <= 0] == -1).all()


def test_beside_the_patches_is_the_nearest_one() -> None:
    found = patches(*painted((RED, slice(4, 20), slice(4, 12)), (BLUE, slice(4, 20), slice(30, 40))))
    assert found[0, 0, 10, 14] == -found[0, 0, 10, 6]
    assert found[0, 0, 10, 28] == -found[0, 0, 10, 34]


def test_colors_and_places_tell_patches_apart() -> None:
    left, right = (slice(4, 20), slice(4, 12)), (slice(4, 20), slice(30, 40))
    beside = (slice(4, 20), slice(12, 20))
    found = patches(*painted((RED, *left), (RED, *right), (BLUE, *beside)))
    numbers = [found[0, 0, 10, column].item() for column in (6, 34, 14)]
    assert len(set(numbers)) == 3


def in_a_row(*shades: torch.Tensor) -> list[float]:
    """Labels of patches that touch, one for each shade."""
    columns = [slice(8 * i, 8 * i + 8) for i in range(len(shades))]
    found = patches(
        *painted(*((shade, slice(4, 20), one) for shade, one in zip(shades, columns, strict=True)))
    )
    return found[0, 0, 10, 4 : 8 * len(shades) : 8].tolist()


def test_every_channel_tells_patches_apart() -> None:
    assert len(set(in_a_row(RED, RED.roll(1), BLUE, torch.full((3,), -1.0)))) == 4


def test_shades_a_fifth_of_the_range_apart_are_two_patches() -> None:
    assert len(set(in_a_row(torch.full((3,), -0.2), torch.full((3,), 0.2)))) == 2


def test_shades_that_are_nearly_the_same_are_one_patch() -> None:
    assert len(set(in_a_row(torch.full((3,), 0.15), torch.full((3,), 0.25)))) == 1


def test_black_and_thin_paint_is_a_patch() -> None:
    color, weight = painted((torch.full((3,), -1.0), *MOUTH))
    assert (patches(color, 0.1 * weight) > 0).sum() == 16 * 24


def test_paint_that_touches_at_a_corner_is_one_patch() -> None:
    found = patches(*painted((RED, slice(4, 8), slice(4, 8)), (RED, slice(8, 12), slice(8, 12))))
    assert found.max() == 1


@pytest.mark.parametrize(("rows", "share"), [(13, 0.0), (15, 0.2), (17, 0.6), (20, 1.0)])
def test_a_part_is_painted_too_if_it_fills_nearly_as_much_of_the_patch(rows: int, share: float) -> None:
    """Above 70 % of the main part's area it begins to be painted, and is from 95 % on."""
    shown = parts(hair=(slice(0, 20), slice(8, 40)))
    here = meant(patches(*painted((RED, slice(0, 20 + rows), slice(8, 40)))), parts_of(shown))
    torch.testing.assert_close(here[..., 20 : 20 + rows, 8:40], torch.full((1, 1, rows, 32), share))


def test_a_sliver_of_another_part_of_the_face_is_painted_along() -> None:
    shown = parts(u_lip=(slice(16, 32), slice(12, 36)), mouth=(slice(22, 26), slice(20, 28)))
    assert (meant(patches(*painted((RED, *MOUTH))), parts_of(shown))[..., 16:32, 12:36] == 1).all()


def test_a_sliver_of_skin_is_not_painted_along_with_hair() -> None:
    shown = parts(hair=(slice(0, 20), slice(8, 40)))
    here = meant(patches(*painted((RED, slice(0, 22), slice(8, 40)))), parts_of(shown))
    assert (here[..., 20:22, 8:40] == 0).all()


def test_paint_on_lips_is_not_for_the_teeth_between_them() -> None:
    here = meant(patches(*painted((RED, *MOUTH))), parts_of(FACE))
    assert (here[..., TEETH[0], TEETH[1]] == 0).all()
    assert (here[..., 18, 14:34] == 1).all()


def test_paint_on_the_teeth_alone_is_for_them() -> None:
    assert (meant(patches(*painted((RED, *TEETH))), parts_of(FACE))[..., TEETH[0], TEETH[1]] == 1).all()


def test_paint_beyond_the_hair_is_not_for_the_background() -> None:
    shown = parts(hair=(slice(0, 16), slice(8, 40)), background=(slice(0, 48), slice(0, 8)))
    here = meant(patches(*painted((RED, slice(0, 16), slice(4, 40)))), parts_of(shown))
    assert (here[..., :16, 4:8] == 0).all()
    assert (here[..., :16, 8:40] == 1).all()


def test_paint_on_hair_does_not_fade_onto_the_skin_beside_it() -> None:
    shown = parts(hair=(slice(0, 16), slice(8, 40)))
    here = meant(patches(*painted((RED, slice(0, 16), slice(8, 40)))), parts_of(shown))
    assert (here[..., 17:, :] == 0).all()


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**31))
def test_where_nothing_is_painted_everything_is_meant(seed: int) -> None:
    shares = torch.rand(2, 19, 12, 12, generator=torch.Generator().manual_seed(seed)).softmax(1)
    nothing = torch.zeros(2, 1, SIDE, SIDE)
    assert torch.equal(meant(nothing, parts_of(shares)), torch.ones_like(nothing))


def test_the_resampled_border_of_two_colors_is_no_patch() -> None:
    color, weight = painted((RED, slice(None), slice(0, 24)), (BLUE, slice(None), slice(24, 48)))
    color[..., 23], color[..., 24] = RED[:, None] + (RED - BLUE)[:, None] / 10, (RED + BLUE)[:, None] / 2
    found = patches(color, weight)
    assert (found[..., 23:25] < 0).all()
    left, right = found[..., :23].unique(), found[..., 25:].unique()
    assert len(left) == len(right) == 1
    assert 0 < left != right > 0


def test_a_thin_line_of_another_color_is_a_patch() -> None:
    color, weight = painted((RED, slice(None), slice(None)), (BLUE, slice(None), slice(20, 21)))
    assert (patches(color, weight) > 0).all()


def shaded() -> torch.Tensor:
    """A picture [1, 3, S, S] that is lighter on the left, 0 on average."""
    return torch.linspace(0.5, -0.5, SIDE).expand(1, 3, SIDE, SIDE)


def test_under_paint_of_one_color_a_part_has_its_mean_color() -> None:
    color, weight = painted((RED, slice(None), slice(SIDE // 2, SIDE)))
    found = unshaded(shaded(), color * weight, weight, parts_of(parts()))
    torch.testing.assert_close(found, torch.zeros_like(found), atol=1e-3, rtol=0)


def test_under_paint_of_many_colors_a_part_keeps_its_shading() -> None:
    color = 0.9 * shaded().sign()
    found = unshaded(shaded(), color, torch.ones(1, 1, SIDE, SIDE), parts_of(parts()))
    torch.testing.assert_close(found, shaded(), atol=2 * PLAIN, rtol=0)


def test_a_part_without_paint_keeps_its_bits() -> None:
    color, weight = painted()
    assert torch.equal(unshaded(shaded(), color, weight, parts_of(parts())), shaded())


def test_parts_have_means_of_their_own() -> None:
    color, weight = painted((RED, slice(None), slice(None)))
    hair = parts(hair=(slice(None), slice(0, SIDE // 2)))
    found = unshaded(shaded(), color, weight, parts_of(hair))
    torch.testing.assert_close(found[..., 0], shaded()[..., : SIDE // 2].mean(3), atol=1e-3, rtol=0)
    torch.testing.assert_close(found[..., -1], shaded()[..., SIDE // 2 :].mean(3), atol=1e-3, rtol=0)
