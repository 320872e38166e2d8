"""Loading a model."""

from __future__ import annotations

import pytest

from facemug_core.errors import WeightsMissingError

from .running import run


def test_the_full_size_says_what_to_bring_and_where() -> None:
    with pytest.raises(WeightsMissingError) as caught:
        run("LoadModel", size="full")
    said = str(caught.value)
    for word in ("stylegan2.safetensors", "e4e_ffhq_encode.pt", "full_generator.safetensors"):
        assert word in said
