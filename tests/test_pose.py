"""Head pose: read off meshes, and reached along directions."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from facemug_core.cli import main
from facemug_core.editing.directions import Linear
from facemug_core.editing.pose import POSE_LAYERS, Pose, pose_from_mesh, turn_to


def head(yaw: float) -> np.ndarray:
    """Mesh of a head whose nose stands out as far as the published fit says, turned about the vertical."""
    mesh = np.zeros((468, 2))
    turn = math.radians(yaw)
    width, depth = 100.0, 2 * 0.753 * 50.0
    mesh[[33, 133, 362, 263], 1] = 100
    mesh[[13, 14], 1] = 200
    mesh[234, 0], mesh[454, 0] = 128 - width / 2 * math.cos(turn), 128 + width / 2 * math.cos(turn)
    mesh[1] = 128 + depth * math.sin(turn), 100 + 0.592 * 100
    return mesh


@pytest.mark.parametrize("yaw", [-30, 0, 20])
def test_yaw_is_read_in_degrees(yaw: float) -> None:
    pose = pose_from_mesh(head(yaw))
    assert pose.yaw == pytest.approx(yaw, abs=0.01)
    assert pose.pitch == pytest.approx(0, abs=0.01)


def directions() -> tuple[Linear, Linear]:
    return Linear(torch.eye(512)[0]), Linear(torch.eye(512)[1])


def looked(slope: float):
    """A bank in which a unit along the first axis is so many degrees of yaw, the second of pitch."""

    def look(codes: torch.Tensor) -> Pose:
        return Pose(5 + slope * codes[0, 0, 0].item(), -3 + slope * codes[0, 0, 1].item())

    return look


@pytest.mark.parametrize("slope", [7.0, 12.0, 20.0])
def test_a_pose_is_reached_whatever_a_step_along_the_directions_turns(slope: float) -> None:
    look = looked(slope)
    reached = look(turn_to(torch.zeros(1, 18, 512), Pose(-9, 4), look, *directions()))
    assert reached.yaw == pytest.approx(-9, abs=0.5)
    assert reached.pitch == pytest.approx(4, abs=0.5)


def test_only_the_codes_of_the_pose_are_moved() -> None:
    codes = torch.randn(1, 18, 512)
    turned = turn_to(codes, Pose(20, 0), looked(12.0), *directions())
    assert torch.equal(turned[:, POSE_LAYERS[1] :], codes[:, POSE_LAYERS[1] :])


def test_a_face_that_is_not_seen_is_left_as_it_is() -> None:
    codes = torch.randn(1, 18, 512)
    assert torch.equal(turn_to(codes, Pose(20, 0), lambda _: None, *directions()), codes)


def test_a_turn_too_far_to_be_seen_as_a_face_ends_where_one_was_seen() -> None:
    def look(codes: torch.Tensor) -> Pose | None:
        seen = looked(12.0)(codes)
        return seen if abs(seen.yaw) < 25 else None

    reached = look(turn_to(torch.zeros(1, 18, 512), Pose(60, 0), look, *directions()))
    assert reached is not None
    assert 15 < reached.yaw < 25


def test_a_move_that_errs_does_not_replace_one_that_was_nearer() -> None:
    poses = iter([Pose(0, 0), Pose(19, 0), *[Pose(-30, 0)] * 9])
    made: list[torch.Tensor] = []

    def look(codes: torch.Tensor) -> Pose:
        made.append(codes)
        return next(poses)

    assert torch.equal(turn_to(torch.zeros(1, 18, 512), Pose(20, 0), look, *directions()), made[1])


def test_the_command_asks_for_one_pose(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for options in ([], ["--frontal", "--yaw", "10"]):
        assert main(["pose", "photo.png", *options, "-o", str(tmp_path / "out.png")]) == 2
        assert "--target PHOTO, or --frontal, or --yaw and --pitch" in capsys.readouterr().err
