"""What every registered task promises, checked on every one of them.

A new task needs one entry in ``EXAMPLES``: training targets by a name of the case.
"""

import json
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from crosstune.core.errors import UnknownName
from crosstune.core.settings import Settings
from crosstune.tasks.base import Task
from crosstune.tasks.registry import make_task, task_from_json, task_names

Fitted = tuple[Task, list[Any], NDArray[Any], NDArray[Any]]


CLASSES = {
    "single label": ["cat", "dog", "cat", "horse", "cat", "dog", "cat", "horse"],
    "several labels": [["a"], ["a", "b"], [], ["c"], ["a"], ["b", "c"], ["a", "b", "c"], []],
}
VALUES = {"values": [1.5, 2, -3.0, 8, 0.25, 100, 7, -1]}
EXAMPLES = {
    "image-classification": CLASSES,
    "text-classification": CLASSES,
    "image-regression": VALUES,
    "text-regression": VALUES,
    "audio-classification": CLASSES,
    "audio-regression": VALUES,
}
CASES = [(name, case) for name, cases in EXAMPLES.items() for case in cases]
SIGNED = {"pearson", "spearman"}
UNBOUNDED = {"log-loss", "mae", "rmse"}


def test_every_registered_task_is_checked_here() -> None:
    assert set(EXAMPLES) >= set(task_names())


@pytest.fixture(params=CASES, ids="/".join)
def fitted(request: pytest.FixtureRequest) -> Fitted:
    """A fitted task, its raw and encoded targets, and some head outputs."""
    name, case = request.param
    raw = EXAMPLES[name][case]
    task = make_task(name, raw)
    outputs = np.random.default_rng(0).normal(size=(len(raw), task.outputs)).astype(np.float32)
    return task, raw, task.encode(raw), outputs


def test_targets_have_one_entry_for_each_example(fitted: Fitted) -> None:
    task, raw, encoded, _ = fitted
    assert len(encoded) == len(raw)
    assert len(task.encode(raw[:3])) == 3
    np.testing.assert_array_equal(task.encode(raw[:3]), encoded[:3])
    linear = task.linear_targets(encoded)
    assert (linear.shape, linear.dtype) == ((len(raw), task.outputs), np.float64)
    assert task.linear_kind() in ("classes", "multi-label", "values")


def test_every_loss_is_finite_with_a_gradient_and_adds_up(fitted: Fitted) -> None:
    task, _, encoded, outputs = fitted
    for name in ("auto", *task.losses):
        loss = task.make_loss(Settings(loss=name), encoded)
        logits = torch.from_numpy(outputs).double().requires_grad_()
        targets = torch.from_numpy(encoded)
        whole = loss(logits, targets)
        assert whole.total.shape == whole.weight.shape == ()
        whole.total.backward()
        assert torch.isfinite(whole.total)
        assert torch.isfinite(logits.grad).all()
        assert logits.grad.abs().sum() > 0
        parts = [loss(logits[rows], targets[rows]) for rows in (slice(0, 3), slice(3, 8))]
        torch.testing.assert_close(whole.total, parts[0].total + parts[1].total)
        torch.testing.assert_close(whole.weight, parts[0].weight + parts[1].weight)
        assert not whole.weight.requires_grad


def test_the_first_loss_is_the_default_and_an_unknown_one_is_named(fitted: Fitted) -> None:
    task, _, encoded, outputs = fitted
    logits, targets = torch.from_numpy(outputs), torch.from_numpy(encoded)
    default = task.make_loss(Settings(), encoded)(logits, targets)
    first = task.make_loss(Settings(loss=task.losses[0]), encoded)(logits, targets)
    assert torch.equal(default.total, first.total)
    with pytest.raises(UnknownName):
        task.make_loss(Settings(loss="no-such-loss"), encoded)


def test_soft_targets_where_there_are_classes(fitted: Fitted) -> None:
    task, _, encoded, outputs = fitted
    if task.linear_kind() == "values":
        return
    one_hot = torch.from_numpy(task.linear_targets(encoded)).float()
    mixed = 0.3 * one_hot + 0.7 * one_hot.flip(0)
    logits = torch.from_numpy(outputs)
    for name in task.losses:
        loss = task.make_loss(Settings(loss=name), encoded)
        hard = loss(logits, torch.from_numpy(encoded))
        same = loss(logits, one_hot)
        torch.testing.assert_close(same.total, hard.total)
        torch.testing.assert_close(same.weight, hard.weight)
        # every loss is linear in the targets
        turned, both = loss(logits, one_hot.flip(0)), loss(logits, mixed)
        torch.testing.assert_close(both.total, 0.3 * same.total + 0.7 * turned.total)


def test_decoding_gives_one_json_row_for_each_example(fitted: Fitted) -> None:
    task, _, _, outputs = fitted
    rows = task.decode(outputs)
    assert len(rows) == len(outputs)
    assert json.loads(json.dumps(rows, allow_nan=False)) == rows
    assert task.decode(outputs[:0]) == []


def test_metrics_are_in_range_and_finite(fitted: Fitted) -> None:
    task, _, encoded, outputs = fitted
    perfect = (task.linear_targets(encoded) - 0.5) * 1e3
    constant = np.zeros_like(outputs)
    for name, spec in task.metrics.items():
        assert spec.name == name
        for given in (outputs, perfect, constant, np.full_like(outputs, 1e6)):
            arrays = spec.prepare(given, encoded)
            assert all(len(array) == len(encoded) for array in arrays)
            value = spec.reduce(*arrays)
            assert isinstance(value, float)
            low = -1.0 if name in SIGNED else -np.inf if name == "r2" else 0.0
            high = np.inf if name in UNBOUNDED else 1.0
            assert low <= value <= high
            assert np.isfinite(value)
        right, wrong = (spec.reduce(*spec.prepare(each, encoded)) for each in (perfect, -perfect))
        if task.linear_kind() != "values":
            assert (right > wrong) == spec.higher_is_better


def test_json_round_trip_is_exact(fitted: Fitted) -> None:
    task, raw, encoded, outputs = fitted
    again = task_from_json(json.loads(json.dumps(task.to_json(), allow_nan=False)))
    assert again == task
    assert again.decode(outputs) == task.decode(outputs)
    np.testing.assert_array_equal(again.encode(raw), encoded)


def test_the_affine_map_is_that_of_decode(fitted: Fitted) -> None:
    task, _, _, outputs = fitted
    scale, shift = task.affine()
    assert task.folded().affine() == (1.0, 0.0)
    moved = outputs.astype(np.float64) * scale + shift
    assert task.folded().decode(moved) == task.decode(outputs)
    if task.linear_kind() == "values":
        assert [row["value"] for row in task.decode(outputs)] == pytest.approx(moved[:, 0].tolist())
    else:
        assert (scale, shift) == (1.0, 0.0)


def test_the_hub_config_names_every_output(fitted: Fitted) -> None:
    task, _, _, _ = fitted
    config = task.hub_config()
    assert sorted(config["id2label"]) == list(range(task.outputs))
    assert {config["label2id"][label]: label for label in config["label2id"]} == config["id2label"]
    assert config["problem_type"] in (
        "single_label_classification",
        "multi_label_classification",
        "regression",
    )


def test_instances_are_immutable(fitted: Fitted) -> None:
    task, _, _, _ = fitted
    with pytest.raises((AttributeError, TypeError)):
        task.name = "other"
