"""The depth curve: the same figures with and without shared moments, in the order of the blocks."""

import numpy as np

from crosstune.core.clock import Budget
from crosstune.core.progress import Silent
from crosstune.core.settings import Settings
from crosstune.probing.candidates import Problem
from crosstune.probing.depth import depth_curve
from crosstune.probing.matrix import Matrix, Standardised, measure_scale
from crosstune.probing.moments import measure_moments
from crosstune.tasks.registry import make_task
from tests.support.pooled import pooled


def test_blocks_that_see_more_score_more() -> None:
    truth = np.random.default_rng(0).integers(0, 3, 400)
    features = pooled(np.eye(3)[truth] * 3)
    train, validation = features.rows(slice(300)), features.rows(slice(300, None))
    task = make_task("image-classification", [f"c{one}" for one in truth])
    targets = task.linear_targets(truth)
    made = Problem(
        task=task,
        train_encoded=truth[:300],
        validation_encoded=truth[300:],
        targets=targets[:300],
        validation_targets=targets[300:],
        settings=Settings(),
        deadline=Budget(),
        reporter=Silent(),
    )
    matrix = Matrix((train.blocks,))
    moments = measure_moments(Standardised(matrix, measure_scale(matrix)), made.targets)
    curve, fits = depth_curve(made, train, validation, moments)
    assert [row.name for row in curve] == [f"closed-form/ridge@layer.{index}" for index in range(3)]
    values = [row.metric.value for row in curve]
    assert values == sorted(values)
    assert values[-1] - values[0] > 0.2
    assert [row.metric.value for row in depth_curve(made, train, validation, None)[0]] == values
    assert [row.detail["width"] for row in curve if row.detail] == [4, 6, 8]
    assert [(one.index, one.columns) for one in fits] == [
        (0, slice(0, 4)),
        (1, slice(4, 10)),
        (2, slice(10, 18)),
    ]
    assert [one.fit.weight.shape for one in fits] == [(3, 4), (3, 6), (3, 8)]
