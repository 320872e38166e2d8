"""Whoever works with guides knows all kinds of them."""

from __future__ import annotations

from dataclasses import fields
from inspect import signature

import pytest
import torch
from PIL import Image

from facemug_core.cli.options import GuidanceOptions
from facemug_core.conditions import Conditions
from facemug_core.conditions.conditions import NAMES
from facemug_core.conventions import GUIDE_CHANNELS, WORKING_SIZE
from facemug_core.faces.alignment import aligned_matrix
from facemug_core.modalities import MODALITIES, Reading
from facemug_core.pipeline.editor import EditRequest
from facemug_core.training.sample_guides import MAKERS


def test_each_has_channels_and_a_row() -> None:
    assert ("image", *MODALITIES) == tuple(GUIDE_CHANNELS)
    assert set(MODALITIES) <= set(NAMES)


def test_each_is_made_of_training_faces() -> None:
    assert tuple(MAKERS) == tuple(MODALITIES)


@pytest.mark.parametrize("table", [Conditions, EditRequest, GuidanceOptions])
def test_each_has_a_field_where_guides_are_given(table: type) -> None:
    assert set(MODALITIES) <= {field.name for field in fields(table)}


@pytest.mark.parametrize("name", MODALITIES)
def test_each_has_a_strength(name: str) -> None:
    assert f"{name}_strength" in signature(Conditions.build).parameters


@pytest.mark.parametrize("name", MODALITIES)
def test_what_is_read_of_a_picture_becomes_conditions_and_a_picture(name: str) -> None:
    row = MODALITIES[name]
    guide = row.read(Image.new("RGB", (40, 30), (255, 0, 0)), None, Reading(), pytest.fail)
    for matrix in (aligned_matrix((30, 40)), None):
        if matrix is None:
            guide = row.read(Image.new("RGB", (WORKING_SIZE,) * 2, (255, 0, 0)), None, Reading(), pytest.fail)
        values = row.to_crop(guide.values, matrix)
        assert values.shape == (1, GUIDE_CHANNELS[name], WORKING_SIZE, WORKING_SIZE)
        assert row.panel(values[0]).shape == (3, WORKING_SIZE, WORKING_SIZE)
        assert row.panel(torch.zeros_like(values[0])).abs().max() <= 1
