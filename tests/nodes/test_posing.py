"""The node Pose."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from facemug_core.editing.pose import Pose as HeadPose
from facemug_core.errors import FaceNotFoundError
from facemug_core.posing import Poser

from .running import latent_of, run


def test_a_person_who_looks_there_already_keeps_the_bits(model: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(Poser, "read", lambda self, picture: HeadPose(10, -5))
    latent = latent_of(model, 2)
    turned, pictures, report = run("Pose", model=model, latent=latent, yaw=10.0, pitch=-5.0)
    assert torch.equal(turned, latent)
    assert pictures.shape == (2, 256, 256, 3)
    assert report == "yaw +10°, pitch -5°\nyaw +10°, pitch -5°"


def test_a_target_takes_the_place_of_the_angles(model: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(Poser, "read", lambda self, picture: HeadPose(10, -5))
    latent = latent_of(model)
    assert torch.equal(run("Pose", model=model, latent=latent, yaw=30.0, target=latent)[0], latent)
    assert not torch.equal(run("Pose", model=model, latent=latent, yaw=30.0)[0], latent)


def test_a_target_without_a_face_says_so(model: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(Poser, "read", lambda self, picture: None)
    with pytest.raises(FaceNotFoundError, match="`target`"):
        run("Pose", model=model, latent=latent_of(model), target=latent_of(model))
