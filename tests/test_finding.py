"""Finding directions in codes where the truth is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch

pytest.importorskip("sklearn")

from facemug_core.editing.directions import Linear
from facemug_core.editing.finding import (
    find_components,
    find_factors,
    find_from_examples,
    find_from_values,
    standardized,
)
from facemug_core.errors import InputError
from facemug_core.latents import broadcast
from tests.tiny import tiny_bank

GENERATOR = np.random.default_rng(0)
CODES = GENERATOR.normal(size=(600, 512)) * np.concatenate([np.full(20, 1.0), np.full(492, 0.01)])


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


def axis(i: int) -> np.ndarray:
    return np.eye(512)[i]


def test_standardized_values_are_normal_scores() -> None:
    values = standardized(np.exp(GENERATOR.normal(size=(500, 1)) * 3))
    assert abs(values.mean()) < 0.01
    assert abs(values.std() - 1) < 0.05


def test_missing_values_are_the_mean() -> None:
    assert standardized(np.array([[1.0], [np.nan], [3.0]]))[1, 0] == 0


def test_direction_of_a_measurement_is_found() -> None:
    (found,) = find_from_values(CODES, standardized(CODES[:, :1]))
    assert cosine(found, axis(0)) > 0.95


def test_correlated_measurements_are_told_apart() -> None:
    values = np.stack([CODES[:, 0], CODES[:, 0] + CODES[:, 1]], 1)
    _, together = find_from_values(CODES, standardized(values), loose=1e6)
    _, apart = find_from_values(CODES, standardized(values), loose=0.01)
    assert abs(cosine(apart, axis(0))) < 0.2 < cosine(together, axis(0))


def test_step_is_predicted_to_be_one_deviation() -> None:
    (found,) = find_from_values(CODES, standardized(CODES[:, :1]), ridge=1e-3)
    assert abs(found[0] - CODES[:, 0].std()) < 0.2


def test_direction_of_examples_goes_from_without_to_with() -> None:
    codes = torch.from_numpy(CODES).float()
    order = codes[:, 3].argsort()
    without, with_it = broadcast(codes[order[:100]]), broadcast(codes[order[-100:]])
    direction = find_from_examples(with_it, without, (0, 8))
    assert direction.layers == (0, 8)
    assert cosine(direction.vector.numpy(), axis(3)) > 0.9


def test_few_examples_are_refused() -> None:
    codes = broadcast(torch.from_numpy(CODES[:5]).float())
    with pytest.raises(InputError, match="at least 4"):
        find_from_examples(codes, codes[:3])


def test_components_come_strongest_first_two_deviations_long() -> None:
    codes = CODES.copy()
    codes[:, 7] *= 5
    first, second = find_components(torch.from_numpy(codes), 2)
    assert abs(cosine(first.vector.numpy(), axis(7))) > 0.99
    assert abs(float(first.vector.norm()) - 2 * codes[:, 7].std(ddof=1)) < 0.2
    assert first.vector.norm() > second.vector.norm()


def test_more_components_than_codes_are_refused() -> None:
    with pytest.raises(InputError, match="9 components"):
        find_components(torch.from_numpy(CODES[:5]), 9)


def test_factors_are_orthogonal_and_of_length_one() -> None:
    bank = tiny_bank()
    found = find_factors([weight for code in range(18) for weight in bank.modulation(code)], 3)
    vectors = torch.stack([direction.vector for direction in found])
    torch.testing.assert_close(vectors @ vectors.T, torch.eye(3), atol=1e-4, rtol=0)


def test_first_factor_changes_the_modulation_most() -> None:
    bank = tiny_bank()
    weights = [weight for code in range(4) for weight in bank.modulation(code)]
    rows = torch.cat([weight / weight.norm(dim=1, keepdim=True) for weight in weights])
    first, last = (d.vector for d in (find_factors(weights, 512)[0], find_factors(weights, 512)[-1]))
    assert (rows @ first).norm() > (rows @ last).norm()


def test_factors_keep_their_layers() -> None:
    (found,) = find_factors(tiny_bank().modulation(3), 1, (3, 4))
    assert isinstance(found, Linear)
    assert found.layers == (3, 4)
