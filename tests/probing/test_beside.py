"""Scores beside the deciding one: the same as their definitions, with intervals of a sensible width."""

import numpy as np
import pytest

from crosstune.probing.beside import feature_scores, source_scores
from crosstune.probing.h_score import h_score
from crosstune.probing.logme import logme
from crosstune.probing.matrix import Matrix
from crosstune.probing.sample import Sample
from crosstune.probing.source_head import leep, nce
from crosstune.probing.system import System, measure_system
from crosstune.tasks.registry import make_task

TASK = make_task("image-classification", ["a", "b", "c"])


def problem(rows: int, width: int, seed: int = 0) -> tuple[Sample, System]:
    means = np.random.default_rng(99).normal(size=(3, width))
    draw = np.random.default_rng(seed)
    labels = draw.integers(0, 3, rows)
    values = (means[labels] + 3 * draw.normal(size=(rows, width))).astype(np.float32)
    return Sample(TASK, labels, None, 0), measure_system(Matrix(((values,),)))


@pytest.mark.parametrize(("rows", "width"), [(120, 10), (40, 70)])
def test_they_are_their_definitions_on_standardised_features(rows: int, width: int) -> None:
    sample, system = problem(rows, width)
    found = {name: (metric, detail) for name, metric, detail, _ in feature_scores(sample, system)}
    centred = sample.targets - sample.targets.mean(axis=0)
    assert found["logme"][0].value == pytest.approx(logme(system.values, centred), rel=1e-3)
    metric, detail = found["h-score"]
    assert metric.value == pytest.approx(h_score(system.values, sample.encoded), rel=1e-6)
    assert detail is not None
    assert detail["noise_floor"] == pytest.approx(2 * min(width, rows - 1) / (rows - 1))


def test_intervals_are_about_as_wide_as_other_samples_spread() -> None:
    rows = [list(feature_scores(*problem(300, 10, seed))) for seed in range(20)]
    for index in (0, 1):
        metrics = [row[index][1] for row in rows]
        spread = np.std([metric.value for metric in metrics])
        width = np.mean([metric.high - metric.low for metric in metrics]) / (2 * 1.96)
        assert 0.6 < width / spread < 1.7, rows[0][index][0]


def test_one_class_or_constant_features_have_neither() -> None:
    sample, system = problem(30, 4)
    one = Sample(TASK, np.zeros(30, int), None, 0)
    assert list(feature_scores(one, system)) == []
    constant = measure_system(Matrix(((np.ones((30, 4), np.float32),),)))
    assert list(feature_scores(sample, constant)) == []


def test_values_have_no_h_score() -> None:
    task = make_task("text-regression", [1.0, 2.0])
    _, system = problem(30, 4)
    sample = Sample(task, np.random.default_rng(0).normal(size=30), None, 0)
    assert [row[0] for row in feature_scores(sample, system)] == ["logme"]


def test_many_classes_are_sampled() -> None:
    task = make_task("image-classification", [f"c{one:04}" for one in range(300)])
    _, system = problem(300, 4)
    (name, _, detail, _), _ = feature_scores(Sample(task, np.arange(300), None, 0), system)
    assert (name, detail) == ("logme", {"columns": 100})


def test_source_scores_come_with_intervals_and_groups_widen_them() -> None:
    draw = np.random.default_rng(0)
    labels = np.repeat(draw.integers(0, 3, 60), 5)
    theta = np.repeat(draw.dirichlet(np.ones(4), 60), 5, axis=0)
    alone = {name: metric for name, metric, _ in source_scores(Sample(TASK, labels, None, 0), theta)}
    groups = np.repeat(np.arange(60), 5)
    grouped = {name: metric for name, metric, _ in source_scores(Sample(TASK, labels, groups, 0), theta)}
    for name, score in (("leep", leep), ("nce", nce)):
        assert alone[name].value == grouped[name].value == pytest.approx(score(theta, labels))
        widths = [one[name].high - one[name].low for one in (alone, grouped)]
        assert 0 < widths[0] < widths[1]
