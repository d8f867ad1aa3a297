"""All heads together: order, settings, ties, refits, class weights, and small or degenerate data."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from crosstune.core.clock import Budget
from crosstune.core.errors import BadValue
from crosstune.core.settings import Settings
from crosstune.probing.heads import FittedHead, fit_heads, refit, training_moments
from crosstune.tasks.base import Task
from crosstune.tasks.registry import make_task
from tests.support.pooled import Pooled, pooled


def classes(rows: int = 240, count: int = 3) -> tuple[Task, Pooled, NDArray[Any]]:
    truth = np.random.default_rng(0).integers(0, count, rows)
    task = make_task("image-classification", [f"c{one:04d}" for one in range(count)])
    return task, pooled(np.eye(count)[truth] * 3), task.encode([f"c{one:04d}" for one in truth])


def fitted(task: Task, pool: Pooled, encoded: NDArray[Any], **settings: Any) -> list[FittedHead]:
    half = len(encoded) // 2
    return fit_heads(
        task,
        pool.rows(slice(half)),
        encoded[:half],
        pool.rows(slice(half, None)),
        encoded[half:],
        settings=Settings(**settings),
        deadline=Budget(60),
    )


def test_candidates_come_best_first_and_their_outputs_are_their_own() -> None:
    task, features, encoded = classes()
    heads = fitted(task, features, encoded)
    assert {(one.head.kind, one.head.features) for one in heads} == {
        (kind, reads) for kind in ("ridge", "logistic", "blend") for reads in ("head", "all")
    } | {("stack", "all")}
    assert [one.value for one in heads] == sorted((one.value for one in heads), reverse=True)
    held_out = features.rows(slice(120, None))
    for one in heads:
        np.testing.assert_allclose(one.head(held_out.read(one)), one.validation_outputs, atol=1e-5)
        hits = (one.validation_outputs.argmax(1) == encoded[120:]).mean()
        assert one.value == pytest.approx(hits)
        assert one.metric.low <= one.value <= one.metric.high
        assert one.value > 0.8


def test_measurements_hold_every_candidate_and_the_depth_curve_once() -> None:
    task, features, encoded = classes()
    heads = fitted(task, features, encoded)
    rows = {row.candidate: row for one in heads for row in one.measurements}
    assert sum(len(one.measurements) for one in heads) == len(rows) == 7 + 3
    curve = [rows[f"ridge@layer.{index}"].metric.value for index in range(3)]
    assert curve == sorted(curve)
    assert curve[2] == pytest.approx(rows["ridge@head"].metric.value, abs=0.02)
    assert {row.figure for row in rows.values()} == {"accuracy"}


def test_a_head_with_its_own_input_is_a_third_source() -> None:
    task, features, encoded = classes()
    own = replace(features, head_input=np.tanh(features.head_input))
    assert {one.head.features for one in fitted(task, own, encoded)} == {"head", "last", "all"}


@pytest.mark.parametrize("kind", ["ridge", "logistic"])
@pytest.mark.parametrize("reads", ["head", "last", "all"])
def test_settings_choose_the_candidate(kind: str, reads: str) -> None:
    task, features, encoded = classes()
    heads = fitted(task, features, encoded, closed_form=kind, features=reads)
    assert [(one.head.kind, one.head.features) for one in heads] == [(kind, reads)]


def test_confidence_is_calibrated() -> None:
    task, features, encoded = classes(rows=2000)
    noisy = encoded.copy()
    noisy[::5] = (noisy[::5] + 1) % 3
    for one in fitted(task, features, noisy):
        spec = task.metrics["calibration-error"]
        assert spec.reduce(*spec.prepare(one.validation_outputs, noisy[1000:])) < 0.1


def test_a_refit_by_moments_is_the_refit_of_all_rows() -> None:
    task, features, encoded = classes(rows=400)
    parts = [features.rows(slice(250)), features.rows(slice(250, None))]
    split = [encoded[:250], encoded[250:]]
    sums = training_moments(task, parts[0], split[0], Settings())
    assert set(sums) == {"head", "all"}
    for one in fit_heads(task, parts[0], split[0], parts[1], split[1], settings=Settings(), moments=sums):
        known = sums[one.head.features]
        quick, plain = refit(task, one, parts, split, moments=known), refit(task, one, parts, split)
        outputs = plain(features.read(one))
        np.testing.assert_allclose(quick(features.read(one)), outputs, atol=0.05 * np.abs(outputs).max())


def test_refit_on_more_rows_keeps_penalty_and_scale() -> None:
    task, features, encoded = classes()
    parts = [features.rows(slice(120)), features.rows(slice(120, None))]
    for one in fitted(task, features, encoded):
        same = refit(task, one, parts[:1], [encoded[:120]])
        np.testing.assert_allclose(same.weight, one.head.weight, atol=0.05 * np.abs(one.head.weight).max())
        more = refit(task, one, parts, [encoded[:120], encoded[120:]])
        assert (more.kind, more.features, more.penalty) == (
            one.head.kind,
            one.head.features,
            one.head.penalty,
        )
        assert (more(features.read(one)).argmax(1) == encoded).mean() > 0.8


def test_values_give_ridge_and_its_stack_in_scaled_units() -> None:
    truth = np.random.default_rng(0).normal(50, 10, size=200)
    task = make_task("image-regression", truth.tolist())
    features = pooled((truth[:, None] - 50) / 10)
    heads = fitted(task, features, task.encode(truth.tolist()))
    assert {one.head.kind for one in heads} == {"ridge", "stack"}
    scale, shift = task.affine()
    predicted = scale * heads[0].validation_outputs[:, 0] + shift
    assert np.corrcoef(predicted, truth[100:])[0, 1] > 0.9
    assert np.abs(predicted - truth[100:]).mean() < 5
    with pytest.raises(BadValue, match="logistic regression needs classes"):
        fitted(task, features, task.encode(truth.tolist()), closed_form="logistic")


def test_several_labels_use_the_threshold_of_a_calibrated_sigmoid() -> None:
    draw = np.random.default_rng(0)
    truth = draw.uniform(size=(400, 3)) < [0.5, 0.3, 0.1]
    raw = [[name for name, there in zip("abc", row, strict=True) if there] for row in truth]
    task = make_task("image-classification", raw)
    heads = fitted(task, pooled(truth * 3.0), task.encode(raw))
    assert {one.head.kind for one in heads} == {"ridge", "logistic", "blend", "stack"}
    for one in heads:
        assert ((one.validation_outputs > 0) == truth[200:]).mean() > 0.85
    assert heads[0].value > 0.8


def test_class_weights_move_the_intercepts_only() -> None:
    task, features, encoded = classes(rows=400)
    plain = fitted(task, features, encoded, closed_form="ridge", features="all")[0].head
    weighted = fitted(
        task, features, encoded, closed_form="ridge", features="all", class_weights={"c0002": 5.0}
    )[0].head
    expected = np.log([1, 1, 5])
    np.testing.assert_allclose(weighted.weight, plain.weight)
    np.testing.assert_allclose(weighted.bias - plain.bias, expected - expected.mean(), atol=1e-9)


@pytest.mark.parametrize("rows", [2, 6, 20])
def test_fewer_rows_than_columns(rows: int) -> None:
    task, features, encoded = classes(rows=2 * rows)
    for one in fitted(task, features, encoded):
        assert np.isfinite(one.validation_outputs).all()


def test_one_column_one_block_and_constant_features() -> None:
    task, features, encoded = classes(rows=100)
    single = Pooled(features.head_input[:, :1], (features.head_input[:, :1],), ("only",))
    heads = fitted(task, single, encoded)
    assert {one.head.features for one in heads} == {"head"}
    flat = Pooled(np.ones((100, 4), np.float32), (np.ones((100, 4), np.float32),), ("only",))
    most = np.bincount(encoded[:50]).argmax()
    for one in fitted(task, flat, encoded):
        assert (one.validation_outputs.argmax(1) == most).all()


def test_a_class_with_one_example_and_a_thousand_classes() -> None:
    task, features, encoded = classes(rows=120)
    encoded = np.where(encoded == 2, 0, encoded)
    encoded[3] = 2
    assert fitted(task, features, encoded)[0].head.weight.shape[0] == 3

    many, wide, truth = classes(rows=400, count=1000)
    for one in fitted(many, wide, truth, features="head"):
        assert one.head.weight.shape == (1000, 8)
        assert np.isfinite(one.validation_outputs).all()


def test_broken_features_are_named() -> None:
    task, features, encoded = classes()
    features.blocks[1][7, 2] = np.nan
    with pytest.raises(ValueError, match=r"layer\.1"):
        fitted(task, features, encoded)
