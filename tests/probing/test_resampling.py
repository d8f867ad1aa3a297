"""Resamples of whole groups, and intervals of the right width."""

import numpy as np
import pytest

from crosstune.probing.resampling import bootstrapped, draws, jackknifed, mean_figure
from crosstune.tasks.base import MetricSpec

SPEC = MetricSpec(
    name="mean", higher_is_better=True, prepare=lambda outputs, _targets: (outputs,), reduce=np.mean
)


def test_whole_groups_are_drawn() -> None:
    groups = np.array([0, 1, 1, 2, 2, 2])
    for rows in draws(groups, seed=0, resamples=20):
        counts = np.bincount(rows, minlength=6)
        assert counts[1] == counts[2]
        assert counts[3] == counts[4] == counts[5]
        assert counts[[0, 1, 3]].sum() == 3
    alone = [rows.tolist() for rows in draws(np.arange(6), seed=0, resamples=2)]
    assert [len(rows) for rows in alone] == [6, 6]
    assert alone[0] != alone[1]
    assert alone == [rows.tolist() for rows in draws(np.arange(6), seed=0, resamples=2)]


def test_copies_in_one_group_do_not_narrow_an_interval() -> None:
    values = np.random.default_rng(0).normal(size=400)

    def mean(rows: np.ndarray | None) -> float:
        return float(np.mean(values if rows is None else values[rows]))

    alone = bootstrapped(mean, np.arange(400), seed=0)
    assert alone.high - alone.low == pytest.approx(2 * 1.96 * values.std() / 20, rel=0.15)
    values = np.repeat(values, 4)
    copied = bootstrapped(mean, np.repeat(np.arange(400), 4), seed=0)
    assert copied.high - copied.low == pytest.approx(alone.high - alone.low, rel=0.15)
    naive = bootstrapped(mean, np.arange(1600), seed=0)
    assert naive.high - naive.low < 0.65 * (copied.high - copied.low)


def test_a_figure_that_is_not_a_number_has_no_interval() -> None:
    metric = bootstrapped(lambda _rows: np.nan, np.arange(5), seed=0)
    assert np.isnan([metric.value, metric.low, metric.high]).all()
    sometimes = bootstrapped(lambda rows: 1.0 if rows is None or 0 in rows else np.nan, np.arange(3), seed=0)
    assert (sometimes.low, sometimes.high) == (1.0, 1.0)


def test_the_jackknife_of_a_mean_is_its_standard_error() -> None:
    values = np.random.default_rng(0).normal(size=2000)
    groups, widths = np.arange(2000), []
    for seed in range(20):
        metric = jackknifed(0.0, lambda rows: float(values[rows].mean()), groups, seed=seed)
        assert metric.low == -metric.high
        widths.append(metric.high / 1.96)
    assert np.mean(widths) == pytest.approx(values.std() / np.sqrt(2000), rel=0.15)
    one = jackknifed(3.0, lambda _rows: 0.0, np.zeros(4, int), seed=0)
    assert (one.value, one.low, one.high) == (3.0, 3.0, 3.0)


def test_the_figures_of_several_heads_are_averaged() -> None:
    heads = [(np.array([1.0, 3.0]),), (np.array([5.0, 7.0]),)]
    assert mean_figure(SPEC, heads) == 4.0
    assert mean_figure(SPEC, heads, np.array([1])) == 5.0
