"""Calibration: the scale and shifts minimise the log loss, and degenerate outputs stay finite."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit, softmax

from crosstune.probing.calibration import LARGEST, SMALLEST, fit_scale, log_loss


def test_one_scale_minimises_the_log_loss() -> None:
    draw = np.random.default_rng(0)
    outputs = draw.normal(size=(4000, 5))
    truth = np.array([draw.choice(5, p=row) for row in softmax(7 * outputs, axis=1)])
    targets = np.eye(5)[truth]
    scale, shifts = fit_scale("classes", outputs, targets)
    best = minimize(lambda x: log_loss("classes", x[0] * outputs, targets), [1.0])
    assert scale == pytest.approx(best.x[0], rel=1e-3)
    assert scale == pytest.approx(7, rel=0.1)
    assert not shifts.any()


def test_labels_get_one_scale_and_a_shift_each() -> None:
    draw = np.random.default_rng(0)
    outputs = draw.normal(size=(5000, 3))
    true_shifts = np.array([-3.0, 0.0, 1.0])
    targets = (draw.uniform(size=outputs.shape) < expit(4 * outputs + true_shifts)).astype(float)
    scale, shifts = fit_scale("multi-label", outputs, targets)
    assert scale == pytest.approx(4, rel=0.1)
    np.testing.assert_allclose(shifts, true_shifts, atol=0.25)


@pytest.mark.parametrize("rows", [1, 2, 50])
def test_perfect_useless_and_wrong_outputs_have_a_defined_scale(rows: int) -> None:
    targets = np.eye(2)[np.arange(rows) % 2]
    assert fit_scale("classes", targets, targets)[0] > 10
    assert fit_scale("classes", targets, targets)[0] <= LARGEST
    assert SMALLEST <= fit_scale("classes", -targets, targets)[0] < 0.01
    assert np.isfinite(fit_scale("classes", np.zeros_like(targets), targets)[0])
    for outputs in (targets, -targets, np.zeros_like(targets)):
        scale, shifts = fit_scale("multi-label", outputs, targets)
        assert SMALLEST <= scale <= LARGEST
        assert np.isfinite(shifts).all()


def test_a_label_that_never_occurs_gets_a_low_finite_shift() -> None:
    outputs = np.random.default_rng(0).normal(size=(200, 2)) * 0.1
    targets = np.zeros((200, 2))
    targets[::3, 0] = 1
    _, shifts = fit_scale("multi-label", outputs, targets)
    assert -8 < shifts[1] < -3


def test_values_are_left_alone_and_many_outputs_are_thinned_out() -> None:
    assert fit_scale("values", np.ones((3, 1)), np.ones((3, 1)))[0] == 1.0
    outputs = np.tile([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]], (100_000, 1))
    targets = np.tile([[1.0, 0.0]], (300_000, 1))
    assert fit_scale("classes", outputs, targets)[0] == pytest.approx(np.log(2), rel=0.02)


def test_rare_labels_keep_rows_that_have_them() -> None:
    draw = np.random.default_rng(0)
    outputs = draw.normal(size=(3_000, 400)) * 0.1
    targets = (draw.uniform(size=outputs.shape) < 0.02).astype(float)
    _, shifts = fit_scale("multi-label", outputs, targets)
    assert np.std(shifts) < 0.25  # 500 rows, as 200,000 outputs would leave, give 0.36
    assert np.mean(expit(shifts)) == pytest.approx(0.02, abs=0.002)
