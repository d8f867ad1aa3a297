"""The probe against refits without each row, the drop against counting, the share against division."""

import numpy as np
import pytest

from crosstune.probing.matrix import Matrix, Standardised, measure_scale
from crosstune.probing.probe_drop import kept_share, probe_drop, probe_hits
from crosstune.probing.ridge import ridge_loo


def test_hits_are_those_of_refits_without_the_row() -> None:
    draw = np.random.default_rng(0)
    classes = np.repeat([0, 1, 4], 8)  # names with a gap
    features = (draw.normal(size=(24, 6)) + 0.7 * classes[:, None]).astype(np.float32)
    matrix, targets = Matrix(((features,),)), np.eye(3)[np.repeat([0, 1, 2], 8)]
    penalty = ridge_loo(matrix, targets).penalty
    scale = measure_scale(matrix)
    values = Standardised(matrix, scale).matrix.take(np.arange(24)) * 1.0
    values = scale.apply(values.astype(np.float64))
    hits = []
    for row in range(24):
        kept = np.delete(np.arange(24), row)
        mean, answer = values[kept].mean(axis=0), targets[kept].mean(axis=0)
        x = values[kept] - mean
        weight = np.linalg.solve(x.T @ x + penalty * np.eye(6), x.T @ (targets[kept] - answer))
        hits.append(int(((values[row] - mean) @ weight + answer).argmax()) == row // 8)
    assert probe_hits(features, classes).tolist() == hits
    assert 0 < sum(hits) < 24


def test_one_class_is_always_answered() -> None:
    assert probe_hits(np.zeros((3, 2), np.float32), np.zeros(3, np.int64)).all()


def test_the_drop_is_counted_and_paired() -> None:
    before = np.array([True] * 8 + [False] * 2)
    after = np.array([True] * 5 + [False] * 5)
    found = probe_drop(before, after)
    assert (found.before.value, found.after.value) == (0.8, 0.5)
    assert found.drop.value == pytest.approx(0.3)
    assert found.drop.low <= 0.3 <= found.drop.high
    same = probe_drop(before, before)
    assert (same.drop.low, same.drop.value, same.drop.high) == (0.0, 0.0, 0.0)  # only a paired one is so sure
    assert same.before.low < same.before.high
    with pytest.raises(ValueError, match="10 answers before and 9 after"):
        probe_drop(before, after[:9])


def test_the_share_is_the_mean_over_sets() -> None:
    assert kept_share([0.8, 0.5], [0.4, 0.5]) == pytest.approx(0.75)
    assert kept_share([0.0, 0.5], [0.3, 0.25]) == pytest.approx(0.5)
    assert kept_share([], []) == 1.0
