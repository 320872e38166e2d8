"""Sizes of all networks: the budgets of the light model, the known sizes of the full one, and the docs."""

from pathlib import Path

import pytest

from benchmarks.count_networks import Count, columns_beside, count_published, count_size, table
from facemug_core.config import FULL, LIGHT

DOCS = Path(__file__).parents[1] / "docs" / "networks.md"


@pytest.fixture(scope="module")
def light() -> dict[str, Count]:
    return count_size(LIGHT)


@pytest.fixture(scope="module")
def full() -> dict[str, Count]:
    return count_size(FULL)


@pytest.mark.parametrize(
    ("network", "millions"),
    [("style encoder", 5.0), ("latent warping", 4.5), ("discriminator (training)", 4.0)],
)
def test_light_networks_keep_their_budget(light, network, millions):
    assert light[network].parameters <= millions * 1e6


def test_light_encoder_is_cheap_to_run(light):
    assert light["style encoder"].multiply_adds < 0.65e9


@pytest.mark.parametrize(
    ("network", "millions"),
    [
        ("style encoder", 267.1),
        ("latent warping", 10.5),
        ("feature bank, 1024 px picture", 28.3),
        ("mapping network", 2.1),
        ("discriminator (training)", 28.9),
    ],
)
def test_full_networks_have_the_published_sizes(full, network, millions):
    assert full[network].parameters / 1e6 == pytest.approx(millions, abs=0.06)


def test_full_networks_have_as_many_parameters_as_their_published_files(full):
    for network, millions in count_published().items():
        assert f"{full[network].parameters / 1e6:.2f} M" == millions


def test_the_bank_without_its_last_levels_costs_half(full):
    assert full["feature bank, maps to 256 px"].multiply_adds < (
        full["feature bank, 1024 px picture"].multiply_adds / 2
    )


def test_documented_tables_are_current(light, full):
    docs = DOCS.read_text(encoding="utf-8")
    for config, counts in ((LIGHT, light), (FULL, full)):
        assert table(counts, columns_beside(config)) in docs, (
            "run python -m benchmarks.count_networks and paste its tables"
        )
