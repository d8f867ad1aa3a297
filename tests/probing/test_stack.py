"""A stack: shares by brute force, its answers part by part, its refit, blocks that know different things."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import minimize

from crosstune.core.clock import Budget
from crosstune.core.settings import Settings
from crosstune.probing.heads import FittedHead, fit_heads, refit, training_moments
from crosstune.probing.matrix import Matrix
from crosstune.probing.ridge import ridge_solve
from crosstune.probing.stack import combined, worth
from crosstune.tasks.base import Task
from crosstune.tasks.registry import make_task
from tests.support.pooled import Pooled

RANDOM = np.random.default_rng(0)


def narrow_and_wide(rows: int, width: int = 60) -> tuple[Task, Pooled, NDArray[Any]]:
    """Give a narrow block that knows most about three classes before a wide one of weak hints."""
    random = np.random.default_rng(1)
    truth = random.integers(0, 3, rows)
    clear = np.eye(3)[truth] * 2 + random.normal(size=(rows, 3))
    weak = np.eye(3)[truth] @ random.normal(size=(3, width)) * 0.25 + random.normal(size=(rows, width))
    blocks = tuple(one.astype(np.float32) for one in (clear, weak))
    task = make_task("image-classification", ["a", "b", "c"])
    return task, Pooled(head_input=blocks[1], blocks=blocks, names=("narrow", "wide")), truth


def fitted(task: Task, pool: Pooled, truth: NDArray[Any], rows: int, **settings: Any) -> list[FittedHead]:
    first, rest = slice(rows), slice(rows, None)
    return fit_heads(
        task, pool.rows(first), truth[first], pool.rows(rest), truth[rest], settings=Settings(**settings),
        deadline=Budget(60),
    )  # fmt: skip


def named(heads: list[FittedHead], kind: str, reads: str = "all") -> FittedHead:
    return next(one for one in heads if (one.head.kind, one.head.features) == (kind, reads))


def test_shares_are_those_of_non_negative_least_squares() -> None:
    targets = RANDOM.normal(size=(40, 2))
    answers = [targets * 0.5 + RANDOM.normal(size=(40, 2)), RANDOM.normal(size=(40, 2)), -targets]
    shares = worth(answers, targets)

    def error(weights: NDArray[np.float64]) -> float:
        return float(np.sum((sum(w * one for w, one in zip(weights, answers, strict=True)) - targets) ** 2))

    best = minimize(error, np.full(3, 0.3), bounds=[(0, None)] * 3, tol=1e-12)
    np.testing.assert_allclose(shares, best.x, atol=1e-4)
    assert shares[2] == 0.0
    np.testing.assert_array_equal(worth([np.zeros((4, 2))] * 2, np.ones((4, 2))), [0.0, 0.0])


def test_heads_add_up() -> None:
    features, mean = RANDOM.normal(size=(9, 5)), np.array([0.3, 0.7])
    members = [
        (slice(0, 2), (RANDOM.normal(size=(2, 2)), RANDOM.normal(size=2))),
        (slice(0, 5), (RANDOM.normal(size=(2, 5)), RANDOM.normal(size=2))),
    ]
    weight, bias = combined(members, np.array([0.4, 0.8]), mean, 5)
    expected = mean + sum(
        share * (features[:, columns] @ own.T + constant - mean)
        for share, (columns, (own, constant)) in zip((0.4, 0.8), members, strict=True)
    )
    np.testing.assert_allclose(features @ weight.T + bias, expected)


@pytest.mark.parametrize("rows", [30, 400])
def test_a_narrow_block_is_not_drowned_by_a_wide_one(rows: int) -> None:
    """With fewer rows than columns (the 63 of both) and with more."""
    task, pool, truth = narrow_and_wide(rows + 600)
    heads = fitted(task, pool, truth, rows)
    stack, whole = named(heads, "stack"), named(heads, "ridge")
    assert stack.name == "stack, all blocks"
    assert {part.block for part in stack.parts} >= {0}
    assert stack.value >= whole.value - 0.02
    if rows == 30:
        assert stack.value > whole.value + 0.05
    held_out = np.concatenate(pool.rows(slice(rows, None)).blocks, axis=1)
    np.testing.assert_allclose(stack.head(held_out), stack.validation_outputs, atol=1e-4)
    assert stack.left_out is not None
    assert stack.left_out_rows is not None
    left_out = (stack.left_out.argmax(axis=1) == truth[stack.left_out_rows]).mean()
    assert left_out == pytest.approx(stack.value, abs=0.12)


@pytest.mark.parametrize("rows", [30, 400])
def test_a_refit_on_the_same_rows_is_the_same_head_and_on_more_rows_part_by_part(rows: int) -> None:
    task, pool, truth = narrow_and_wide(rows + 100)
    stack = named(fitted(task, pool, truth, rows), "stack")
    train, validation = pool.rows(slice(rows)), pool.rows(slice(rows, None))
    known = training_moments(task, train, truth[:rows], Settings()).get("all")
    again = refit(task, stack, [train], [truth[:rows]], moments=known)
    np.testing.assert_allclose(again.weight, stack.head.weight, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(again.bias, stack.head.bias, rtol=1e-5, atol=1e-7)
    more = refit(task, stack, [train, validation], [truth[:rows], truth[rows:]])
    targets = task.linear_targets(truth)
    outputs = np.zeros((len(truth), 3)) + targets.mean(axis=0)
    for part in stack.parts:
        blocks = pool.blocks if part.block is None else (pool.blocks[part.block],)
        weight, bias = ridge_solve(Matrix((blocks,)), targets, part.penalty)
        answers = np.concatenate(blocks, axis=1) @ weight.T + bias
        outputs += part.share * (answers - targets.mean(axis=0))
    everything = np.concatenate(pool.blocks, axis=1)
    found = (more(everything) - stack.shifts) / stack.scale
    np.testing.assert_allclose(found, outputs, atol=1e-3 if rows == 400 else 1e-5)


def test_values_are_stacked_as_well_and_a_named_kind_is_not() -> None:
    _, pool, truth = narrow_and_wide(300)
    values = truth * 2.0 + np.random.default_rng(2).normal(size=300) * 0.1
    task = make_task("image-regression", values.tolist())
    encoded = task.encode(values.tolist())
    heads = fitted(task, pool, encoded, 150)
    assert named(heads, "stack").value >= named(heads, "ridge").value - 0.02
    assert "stack" not in {one.head.kind for one in fitted(task, pool, encoded, 150, closed_form="ridge")}
