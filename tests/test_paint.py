"""Paint on a photo, told apart into strokes and colors."""

from __future__ import annotations

import torch

from facemug_core.conditions import painted_over, split_paint

GRAY = torch.zeros(1, 3, 40, 40)


def painted(brightness: float) -> torch.Tensor:
    """A gray photo with a band of gray paint."""
    picture = GRAY.clone()
    picture[..., 10:14, :] = 2 * brightness - 1
    return picture


def test_what_differs_is_paint_and_compression_noise_is_not() -> None:
    noise = GRAY + 0.01 * torch.rand(GRAY.shape, generator=torch.Generator().manual_seed(0))
    assert not painted_over(noise, GRAY).any()
    assert painted_over(painted(0.1), GRAY).sum() == 4 * 40


def test_dark_paint_is_a_stroke_and_light_paint_a_color() -> None:
    where = painted_over(painted(0.1), GRAY)
    assert torch.equal(split_paint(painted(0.1), where)[0], where)
    assert not split_paint(painted(0.9), where)[0].any()
    assert torch.equal(split_paint(painted(0.9), where)[1].any(1, keepdim=True).float(), where)


def test_without_a_threshold_all_paint_is_color() -> None:
    picture = painted(0.0)
    sketch, color = split_paint(picture, painted_over(picture, GRAY), dark=0.0)
    assert not sketch.any()
    assert (color == -1).sum() == 3 * 4 * 40


def test_the_soft_edge_of_a_stroke_is_no_color() -> None:
    picture = painted(0.1)
    picture[..., 14:16, :] = -0.3
    sketch, color = split_paint(picture, painted_over(picture, GRAY))
    assert sketch.any()
    assert not color.any()


def test_mid_gray_paint_is_a_color() -> None:
    where = torch.ones(1, 1, 40, 40)
    assert (split_paint(GRAY, where)[1] != 0).all()


def test_thin_dark_paint_is_a_stroke_without_its_soft_edge() -> None:
    where = torch.zeros(1, 1, 40, 40)
    where[..., 10:14, :], where[..., [9, 14], :] = 0.4, 0.1
    sketch, color = split_paint(painted(0.1), where)
    assert torch.equal(sketch, (where == 0.4).float())
    assert not color.any()
