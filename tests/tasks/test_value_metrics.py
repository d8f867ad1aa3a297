"""Metrics of values against scipy and scikit-learn."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import pearsonr, spearmanr
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

from crosstune.tasks.value_metrics import value_metrics

Array = NDArray[Any]


MEAN, SD = 50.0, 4.0


def measured(outputs: Array, targets: Array) -> dict[str, float]:
    return {
        name: spec.reduce(*spec.prepare(outputs, targets)) for name, spec in value_metrics(MEAN, SD).items()
    }


def test_metrics_are_those_of_scipy_and_scikit_learn_in_the_users_units() -> None:
    draw = np.random.default_rng(0)
    targets = draw.normal(size=150).round(1)  # ties
    outputs = (targets + draw.normal(size=150)).round(1)[:, None]
    truth, predicted = targets * SD + MEAN, outputs[:, 0] * SD + MEAN
    ours = measured(outputs, targets)
    assert next(iter(ours)) == "pearson"
    assert ours["pearson"] == pytest.approx(pearsonr(truth, predicted).statistic)
    assert ours["spearman"] == pytest.approx(spearmanr(truth, predicted).statistic)
    assert ours["mae"] == pytest.approx(mean_absolute_error(truth, predicted))
    assert ours["rmse"] == pytest.approx(root_mean_squared_error(truth, predicted))
    assert ours["r2"] == pytest.approx(r2_score(truth, predicted))


def test_spearman_of_a_resample_is_spearman_of_the_resampled_values() -> None:
    draw = np.random.default_rng(1)
    outputs, targets = draw.normal(size=(80, 1)).round(1), draw.normal(size=80).round(1)
    spec, index = value_metrics(MEAN, SD)["spearman"], draw.integers(0, 80, 80)
    resampled = spec.reduce(*(array[index] for array in spec.prepare(outputs, targets)))
    assert resampled == pytest.approx(spearmanr(outputs[index, 0], targets[index]).statistic)


@pytest.mark.parametrize(
    ("outputs", "targets"),
    [
        (np.full((5, 1), 0.1), np.arange(5.0)),
        (np.arange(5.0)[:, None], np.full(5, 0.1)),
        (np.zeros((1, 1)), np.zeros(1)),
    ],
)
def test_constants_correlate_with_nothing(outputs: Array, targets: Array) -> None:
    ours = measured(outputs, targets)
    assert ours["pearson"] == ours["spearman"] == 0.0
    assert np.isfinite(list(ours.values())).all()


def test_perfect_and_reversed_predictions_reach_the_ends() -> None:
    targets = np.random.default_rng(2).normal(size=40)
    same, reverse = measured(targets[:, None], targets), measured(-targets[:, None], targets)
    assert (same["pearson"], same["spearman"], same["r2"]) == pytest.approx((1.0, 1.0, 1.0))
    assert (reverse["pearson"], reverse["spearman"]) == pytest.approx((-1.0, -1.0))


def test_rounding_is_no_association() -> None:
    nearly = 0.1 * (1 + 1e-15 * np.arange(5.0))
    assert measured(nearly[:, None], np.arange(5.0))["pearson"] == 0.0
