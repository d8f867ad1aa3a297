"""Judging by the grid: oracle, tuned figures, agreement of rankings, verdict and targets, on made-up rows."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from crosstune.core.metric import Metric
from tests.support.benchmark_scripts import benchmark_script

judging = benchmark_script("regret_judge")
grid = benchmark_script("regret_grid")
sets = benchmark_script("regret_sets")
table = benchmark_script("regret_table")

DIGITS, MNIST = sets.SETS["digits"], sets.SETS["mnist-2000"]


def row(model: str, strategy: str, validation: float, test: float | None, **changes: Any) -> Any:
    values = {
        "set": "digits", "configuration": f"lr=1 model={model} strategy={strategy}", "metric": "accuracy",
        "validation": validation, "test": test, "test_low": test, "test_high": test,
        "wall_s": 100.0, "cpu_s": 150.0, "version": "0.1", "commit": "abc", "date": "2026-01-02",
    }  # fmt: skip
    return table.Row(**{**values, **changes})


def fit(name: str, test: float, *, wall_s: float = 60.0, predicted: dict[str, float] | None = None) -> Any:
    values = vars(row("m", "full", 0.9, test, set=name, wall_s=wall_s, configuration="budget=57s"))
    stages = {"training": 30.0, "figures": 4.0}
    return table.Fit(**values, stages=json.dumps(stages), predicted=json.dumps(predicted or {}))


ROWS = [
    row("a", "closed-form", 0.80, 0.81),
    row("a", "full", 0.90, 0.86),
    row("a", "lp-ft", 0.88, 0.92),
    row("b", "full", 0.85, 0.84),
    row("c", "last", 0.70, 0.71),
    row("c", "closed-form", 0.99, None, error="bad-value"),
]


def test_the_oracle_is_the_best_on_test_and_beside_it_stands_the_choice_by_validation() -> None:
    found = judging.oracles(ROWS)["digits"]
    assert found["oracle"] == 0.92
    assert found["configuration"] == "lr=1 model=a strategy=lp-ft"
    assert found["best_on_validation"] == 0.86
    assert found["best_closed_form"] == 0.81
    assert (found["finished"], found["seconds"]) == (5, 500.0)


def test_tuned_figures_take_the_rate_by_validation_and_what_moved_most() -> None:
    figures = judging.tuned_figures([one for one in ROWS if one.test is not None])
    assert figures == {"a": 0.86, "b": 0.84, "c": 0.71}


def test_agreement_is_one_for_the_right_order_and_names_what_the_first_choice_loses() -> None:
    tuned = {"a": 0.9, "b": 0.8, "c": 0.7}
    right = judging.agreement({"a": 3, "b": 2, "c": 1, "unknown": 9}, tuned)
    assert right == {"models": 3, "tau": pytest.approx(1.0), "top1_regret": 0.0}
    wrong = judging.agreement({"a": 1, "b": 2, "c": 3}, tuned)
    assert wrong["tau"] == pytest.approx(-1.0)
    assert wrong["top1_regret"] == pytest.approx(20.0)
    assert judging.agreement({"a": 1}, tuned)["tau"] is None


def test_the_blind_prior_leaves_the_set_itself_out() -> None:
    tuned = {"x": {"a": 0.1, "b": 0.9}, "y": {"a": 0.8, "b": 0.6}, "z": {"a": 0.6, "b": 0.4}, "t": {"m": 1.0}}
    assert judging.elsewhere("x", tuned) == {"a": pytest.approx(0.7), "b": pytest.approx(0.5)}
    assert judging.elsewhere("t", tuned) == {}


def test_rank_is_asked_where_it_exists(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judging, "crosstune", SimpleNamespace())
    assert judging.rank_scores(DIGITS, ["a"]) is None
    asked: list[Any] = []

    def rank(data: str, *, target: str | None, models: list[str]) -> list[SimpleNamespace]:
        asked.append((data, target, models))
        rows = [SimpleNamespace(model=model, score=Metric(n, n, n)) for n, model in enumerate(models)]
        smaller = SimpleNamespace(model=models[-1], score=Metric(-9, -9, -9), pretrained=True)
        control = SimpleNamespace(model=models[0], score=Metric(99, 99, 99), pretrained=False)
        return [*rows, smaller, control]

    monkeypatch.setattr(judging, "crosstune", SimpleNamespace(rank=rank))
    monkeypatch.setattr(judging, "write_set", lambda one: one.name)
    found = judging.ranking({"digits": DIGITS}, ROWS)
    assert asked == [("digits", None, ["a", "b", "c"])]
    assert found["rank"]["digits"]["tau"] == pytest.approx(-1.0)
    assert found["rank"]["mean"]["top1_regret"] == pytest.approx(15.0)
    assert found["other sets"]["mean"]["tau"] is None, "no other set is known"


def test_the_verdict_counts_points_and_shares_of_time() -> None:
    best = judging.oracles(ROWS)
    fits = {"digits": fit("digits", 0.90, predicted={"training": 20.0})}
    side = judging.verdict(fits, best)["digits"]
    assert side["regret"] == pytest.approx(2.0)
    assert side["below_choice_by_validation"] == pytest.approx(-4.0)
    assert side["share_of_time"] == pytest.approx(60 / 500)
    assert side["actual_over_predicted"] == {"training": 1.5}


def side(regret: float, share: float = 0.2, ratio: float | None = None) -> dict[str, Any]:
    ratios = {} if ratio is None else {"training": ratio}
    return {"regret": regret, "share_of_time": share, "actual_over_predicted": ratios}


def test_targets_hold_at_their_limits_and_not_beyond() -> None:
    held = judging.targets_of({"a": side(1.0), "b": side(0.0)}, missing=0, sets=2)
    assert len(held) == 6
    assert all(held.values())
    missed = judging.targets_of({"a": side(1.01, share=0.21, ratio=1.3)}, missing=3, sets=2)
    assert not any(missed.values())
    assert "predicted seconds within 25 %" in missed
    assert not judging.targets_of({}, missing=0, sets=2)["mean regret <= 0.5"]


def test_judging_uses_rows_of_the_grid_only_and_repeats_no_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keywords = {"model": "a", "strategy": "full", "lr": 1}
    work = [(DIGITS, keywords), (DIGITS, {**keywords, "model": "b"}), (MNIST, keywords)]
    budgets: list[tuple[str, float]] = []

    def fit_one(one: Any, budget: float) -> Any:
        budgets.append((one.name, budget))
        values = {**vars(fit(one.name, 0.855, wall_s=39.0)), "configuration": f"budget={budget:.0f}s"}
        return table.Fit(**{**values, "commit": "abc"})

    monkeypatch.setattr(judging, "fit_one", fit_one)
    monkeypatch.setattr(judging, "rank_scores", lambda _, models: dict.fromkeys(models, 0.5))
    monkeypatch.setattr(judging, "commit", lambda: "abc")
    kept = tmp_path / "fits.csv"
    for _ in range(2):
        figures, targets = judging.judge(work, ROWS, limit=None, seconds=None, table=kept)
        assert budgets == [("digits", 0.95 * 0.2 * 200.0)]
    assert figures["mean_regret"] == pytest.approx(0.5)
    assert figures["configurations_missing"] == 1
    assert targets["digits: regret <= 1"]
    assert targets["at most a fifth of the grid's time"]
    assert not targets["the grid is complete"]
    assert not targets["every set judged"]
    monkeypatch.setattr(judging, "commit", lambda: "abc+")
    judging.judge(work, ROWS, limit=None, seconds=None, table=kept)
    assert len(budgets) == 2, "edited sources are judged again"
    assert judging.judge(work, ROWS, limit=0, seconds=None, table=kept)[0]["mean_regret"] is None
