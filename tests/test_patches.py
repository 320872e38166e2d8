"""Patches of a color map, and the parts of a face that they are meant for."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from facemug_core.compositing.paint import meant, patches
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


def test_paint_on_lips_is_not_for_the_teeth_between_them() -> None:
    here = meant(patches(*painted((RED, *MOUTH))), FACE)
    assert (here[..., TEETH[0], TEETH[1]] == 0).all()
    assert (here[..., 18, 14:34] == 1).all()


def test_paint_on_the_teeth_alone_is_for_them() -> None:
    assert (meant(patches(*painted((RED, *TEETH))), FACE)[..., TEETH[0], TEETH[1]] == 1).all()


def test_paint_beyond_the_hair_is_not_for_the_background() -> None:
    shown = parts(hair=(slice(0, 16), slice(8, 40)), background=(slice(0, 48), slice(0, 8)))
    here = meant(patches(*painted((RED, slice(0, 16), slice(4, 40)))), shown)
    assert (here[..., :16, 4:8] == 0).all()
    assert (here[..., :16, 8:40] == 1).all()


def test_paint_on_hair_does_not_fade_onto_the_skin_beside_it() -> None:
    shown = parts(hair=(slice(0, 16), slice(8, 40)))
    here = meant(patches(*painted((RED, slice(0, 16), slice(8, 40)))), shown)
    assert (here[..., 17:, :] == 0).all()


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**31))
def test_where_nothing_is_painted_everything_is_meant(seed: int) -> None:
    shares = torch.rand(2, 19, 12, 12, generator=torch.Generator().manual_seed(seed)).softmax(1)
    nothing = torch.zeros(2, 1, SIDE, SIDE)
    assert torch.equal(meant(nothing, shares), torch.ones_like(nothing))
