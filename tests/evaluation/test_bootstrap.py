"""Resamples: with replacement, of the right length, decided by the seed."""

import numpy as np
import pytest

from crosstune.core.metric import Metric
from crosstune.evaluation import bootstrap
from crosstune.evaluation.bootstrap import resampled, resamples_of, taken, with_interval
from crosstune.tasks.registry import make_task
from crosstune.tasks.structured import Structured


def test_resamples_draw_uniformly_with_replacement() -> None:
    draws = np.array(list(resamples_of(50, seed=0, resamples=400)))
    assert draws.shape == (400, 50)
    counts = np.bincount(draws.ravel(), minlength=50)
    assert counts.min() > 300
    assert counts.max() < 500
    # the expected share of distinct examples is 1 - (1 - 1/50)^50
    distinct = np.mean([len(set(row)) for row in draws.tolist()]) / 50
    assert abs(distinct - (1 - 0.98**50)) < 0.01


def test_rows_stay_together() -> None:
    first, second = taken((np.arange(4), np.arange(4)[:, None] * 10), np.array([3, 3, 0, 1]))
    assert first.tolist() == [3, 3, 0, 1]
    assert second.tolist() == [[30], [30], [0], [10]]


def test_the_interval_is_the_middle_95_percent() -> None:
    assert with_interval(7.0, np.arange(1001.0)) == Metric(7.0, 25.0, 975.0)


TASKS = {
    "classes": ("image-classification", [f"class {n % 4}" for n in range(40)]),
    "many classes": ("image-classification", [f"class {n % 200}" for n in range(400)]),
    "several labels": ("text-classification", [["a"] * (n % 2) + ["b"] * (n % 3 > 0) for n in range(40)]),
    "values": ("text-regression", [float(n % 7) for n in range(40)]),
    "texts": ("automatic-speech-recognition", ["one two", "three", "four five six", "seven"] * 10),
}


@pytest.mark.parametrize("name", TASKS)
def test_sums_give_the_figures_of_the_drawn_rows(name: str) -> None:
    task_name, raw = TASKS[name]
    task, random = make_task(task_name, raw), np.random.default_rng(0)
    targets = task.encode(raw)
    if isinstance(task, Structured):
        outputs = np.array([" ".join(random.permutation(text.split())[:2]) for text in raw])
    else:
        outputs = random.normal(size=(len(raw), task.outputs))
    specs = list(task.metrics.values())
    prepared = [spec.prepare(outputs, targets) for spec in specs]
    found = resampled(specs, prepared, seed=3, resamples=60)
    draws = list(resamples_of(len(raw), seed=3, resamples=60))
    expected = [[spec.reduce(*taken(one, index)) for index in draws]
                for spec, one in zip(specs, prepared, strict=True)]  # fmt: skip
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)
    assert sum(spec.parts is not None for spec in specs) >= 3


def test_chunks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    task = make_task("text-regression", [0.0, 1.0, 2.5, 4.0])
    specs = list(task.metrics.values())
    outputs, targets = np.random.default_rng(1).normal(size=(50, 1)), np.linspace(-1, 1, 50)
    prepared = [spec.prepare(outputs, targets) for spec in specs]
    whole = resampled(specs, prepared, seed=0, resamples=30)
    monkeypatch.setattr(bootstrap, "MOST_BYTES", 50 * 8 * 7)
    np.testing.assert_allclose(resampled(specs, prepared, seed=0, resamples=30), whole, rtol=1e-12)


@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_where_nothing_varies_a_correlation_is_zero_in_either_way(offset: float) -> None:
    task = make_task("text-regression", [offset, offset + 1.0, offset + 2.0])
    specs = [task.metrics["pearson"], task.metrics["r2"]]
    targets = task.encode([offset] * 3 + [offset + 1.0] * 2)
    outputs = np.array([[0.5], [0.5], [0.5], [0.7], [-1.0]])
    prepared = [spec.prepare(outputs, targets) for spec in specs]
    found = resampled(specs, prepared, seed=0, resamples=200)
    draws = resamples_of(5, seed=0, resamples=200)
    expected = np.array([[spec.reduce(*taken(one, index)) for spec, one in zip(specs, prepared, strict=True)]
                         for index in draws]).T  # fmt: skip
    assert (expected == 0.0).any()
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)
