"""The proxy A-distance: about zero on random splits, near two where sets lie apart, honest about groups."""

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from crosstune.core.errors import BadValue
from crosstune.probing.domain_classifier import domain_rule, weighted_auc
from crosstune.probing.sides import Sides


def noise(rows: int, width: int, seed: int) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(size=(rows, width)).astype(np.float32)


def test_random_splits_are_not_told_apart() -> None:
    rules = [domain_rule(noise(150, 12, seed), Sides.of(90, 60), seed=seed) for seed in range(8)]
    assert abs(np.mean([rule.auc.value for rule in rules]) - 0.5) < 0.05
    assert abs(np.mean([2 * (1 - 2 * rule.error) for rule in rules])) < 0.12
    assert np.mean([rule.distance.value for rule in rules]) < 0.2
    assert sum(rule.auc.low > 0.5 for rule in rules) <= 2


@pytest.mark.parametrize("width", [20, 300])
def test_a_shift_is_found_whatever_the_sizes(width: int) -> None:
    values = noise(160, width, 3)
    values[120:, :10] += 2.0
    rule = domain_rule(values, Sides.of(120, 40))
    assert rule.distance.value == pytest.approx(2 * (1 - 2 * rule.error))
    assert 1.5 < rule.distance.low <= rule.distance.value <= rule.distance.high <= 2.0
    assert rule.auc.value == pytest.approx(roc_auc_score(np.arange(160) >= 120, rule.margins))
    assert rule.margins[120:].mean() > 0 > rule.margins[:120].mean()


def test_the_larger_set_does_not_win_by_its_size() -> None:
    rule = domain_rule(noise(330, 10, 5), Sides.of(300, 30))
    wrong = (rule.margins > 0) != (np.arange(330) >= 300)
    assert rule.error == pytest.approx((wrong[:300].mean() + wrong[300:].mean()) / 2)
    assert 0.3 < rule.error < 0.7


def test_rows_of_one_group_do_not_answer_for_each_other() -> None:
    draw = np.random.default_rng(0)
    groups = np.repeat(np.arange(24), 10)  # two dozen films, ten frames each, no difference between the sets
    values = (draw.normal(size=(24, 30))[groups] * 2 + draw.normal(size=(240, 30)) * 0.3).astype(np.float32)
    alone = domain_rule(values, Sides.of(120, 120))
    whole = domain_rule(values, Sides.of(120, 120, groups.tolist()))
    assert alone.distance.value > 1.5
    assert whole.distance.low == 0.0
    assert whole.auc.high - whole.auc.low > 2 * (alone.auc.high - alone.auc.low)


def test_one_group_that_is_a_whole_set_is_an_error() -> None:
    with pytest.raises(BadValue, match="one group holds all rows of a set"):
        domain_rule(noise(20, 3, 0), Sides.of(10, 10, [*range(10), *[10] * 10]))


def test_the_weighted_auc_is_that_of_repeated_rows_and_halves_ties() -> None:
    draw = np.random.default_rng(2)
    values, second = draw.integers(0, 6, 50).astype(np.float64), draw.random(50) > 0.4
    weights = draw.integers(0, 4, (5, 50)).astype(np.float64)
    expected = [
        roc_auc_score(np.repeat(second, row.astype(int)), np.repeat(values, row.astype(int)))
        for row in weights
    ]
    assert weighted_auc(values, second, weights) == pytest.approx(expected)
