"""``benchmarks/regret.py --judge``: ``fit`` and ``rank`` held against the grid. Points are hundredths."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from scipy.stats import weightedtau

import crosstune
from crosstune.core.files import read_json

from regret_grid import Work, parts_of, written
from regret_sets import RealSet, write_set
from regret_table import FITS, Fit, Row, append_row, commit, cpu_seconds, read_rows, today

SHARE = 0.2
"""Of the grid's time: the most that ``fit`` may take."""

GRANTED = 0.95
"""Of that: its budget. The rest is for the start of Python, which a budget does not see, and for the end."""

MOST, MOST_MEAN = 1.0, 0.5
"""Points of regret, for a set and on average."""

PUBLIC = {
    "package:efficientnet-lite0": 75.1,
    "package:efficientnet-lite1": 76.7,
    "package:efficientnet-lite2": 77.6,
}
"""PRIOR: ImageNet top-1 as published with the weights. Texts have no such common figure."""

EVERYTHING = ("full", "lp-ft")
"""Strategies that move all weights."""

Scores = Mapping[str, float]


# --- the oracle --------------------------------------------------------------------------------------------


def by_set(rows: Iterable[Row]) -> dict[str, list[Row]]:
    """Group the rows that have figures."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        if row.test is not None and row.validation is not None:
            found.setdefault(row.set, []).append(row)
    return found


def oracles(rows: Iterable[Row]) -> dict[str, dict[str, Any]]:
    """Say for each set what is best on test (the oracle), and what choosing by validation would give."""
    found = {}
    for name, ours in by_set(rows).items():
        best = max(ours, key=lambda row: row.test or 0.0)
        chosen = max(ours, key=lambda row: row.validation or 0.0)
        closed = [row.test or 0.0 for row in ours if strategy_of(row) == "closed-form"]
        found[name] = {
            "oracle": best.test,
            "configuration": best.configuration,
            "best_on_validation": chosen.test,
            "its_configuration": chosen.configuration,
            "best_closed_form": max(closed, default=None),
            "finished": len(ours),
            "seconds": sum(row.seconds for row in ours),
            "cpu_seconds": sum(row.cpu_s for row in ours),
        }
    return found


def strategy_of(row: Row) -> str:
    """Say what moved."""
    return parts_of(row.configuration)["strategy"]


# --- which model -------------------------------------------------------------------------------------------


def tuned_figures(rows: Sequence[Row]) -> dict[str, float]:
    """Give the test figure of each model when it is fine-tuned, at the rate that validation chooses.

    Everything moves, or, for a model too large for that in this grid, what moved most widely.
    """
    found = {}
    for model in {parts_of(row.configuration)["model"] for row in rows}:
        ours = [row for row in rows if parts_of(row.configuration)["model"] == model]
        trained = [row for row in ours if strategy_of(row) != "closed-form"]
        full = [row for row in trained if strategy_of(row) in EVERYTHING]
        if trained:
            found[model] = max(full or trained, key=lambda row: row.validation or 0.0).test or 0.0
    return found


def agreement(scores: Scores, tuned: Scores) -> dict[str, float | int | None]:
    """Compare scores with tuned figures: weighted Kendall tau, and the points lost by taking the first."""
    models = sorted(scores.keys() & tuned.keys())
    if len(models) < 2:
        return {"models": len(models), "tau": None, "top1_regret": None}
    ours, true = [scores[model] for model in models], [tuned[model] for model in models]
    first = max(models, key=lambda model: scores[model])
    tau = float(weightedtau(ours, true).statistic)
    return {"models": len(models), "tau": tau, "top1_regret": 100 * (max(true) - tuned[first])}


def elsewhere(name: str, tuned: Mapping[str, Scores]) -> dict[str, float]:
    """Score models blind to the set: their mean tuned figure on the other sets that know them all."""
    models = tuned[name].keys()
    others = [figures for other, figures in tuned.items() if other != name and models <= figures.keys()]
    return {model: fmean(figures[model] for figures in others) for model in models} if others else {}


def rank_scores(one: RealSet, models: Sequence[str]) -> dict[str, float] | None:
    """Ask ``crosstune.rank`` for the score of each model; ``None`` where there is no such function yet.

    A model that is ranked at several input sizes counts with its best; random weights are left out.
    """
    rank = getattr(crosstune, "rank", None)
    if rank is None:
        return None
    found: dict[str, float] = {}
    for row in rank(write_set(one), target=one.target, models=models):
        if getattr(row, "pretrained", True):
            score = float(getattr(row.score, "value", row.score))
            found[row.model] = max(score, found.get(row.model, float("-inf")))
    return found


def ranking(sets: Mapping[str, RealSet], rows: Iterable[Row]) -> dict[str, Any]:
    """Compare ``rank``, public figures and the other sets with tuned results; by set, and the means."""
    tuned = {name: tuned_figures(ours) for name, ours in by_set(rows).items()}
    found: dict[str, dict[str, Any]] = {"rank": {}, "public": {}, "other sets": {}}
    for name, figures in tuned.items():
        if len(figures) < 2:
            continue
        scores = rank_scores(sets[name], sorted(figures))
        if scores is not None:
            found["rank"][name] = agreement(scores, figures)
        found["public"][name] = agreement(PUBLIC, figures)
        found["other sets"][name] = agreement(elsewhere(name, tuned), figures)
    return {"tuned": tuned, **{who: {**table, "mean": _means(table)} for who, table in found.items()}}


def _means(table: Mapping[str, Mapping[str, Any]]) -> dict[str, float | None]:
    means: dict[str, float | None] = {}
    for key in ("tau", "top1_regret"):
        values = [row[key] for row in table.values() if row[key] is not None]
        means[key] = fmean(values) if values else None
    return means


# --- fit ---------------------------------------------------------------------------------------------------


def fit_one(one: RealSet, budget: float) -> Fit:
    """Run ``crosstune fit`` in a process of its own, with an empty cache and no option but the budget."""
    data = write_set(one)
    with tempfile.TemporaryDirectory(prefix="crosstune-regret-") as folder:
        out = Path(folder) / "run"
        environment = {**os.environ, "CROSSTUNE_CACHE": str(Path(folder) / "cache")}
        command = [sys.executable, "-m", "crosstune", "fit", str(data), "--out", str(out)]
        command += ["--budget", f"{budget:.0f}s", *(["--target", one.target] if one.target else [])]
        started, cpu = time.perf_counter(), cpu_seconds()
        subprocess.run(command, check=True, env=environment)
        wall_s, cpu_s = time.perf_counter() - started, cpu_seconds() - cpu
        found, summary = read_json(out / "metrics.json"), read_json(out / "summary.json")
        decisions = {row["setting"]: row["value"] for row in read_json(out / "plan.json")["decisions"]}
    test = found["test"][one.metric]
    chosen = {key: decisions.get(key) for key in ("model", "strategy", "last_blocks", "lr", "image_size")}
    return Fit(
        set=one.name,
        configuration=f"budget={budget:.0f}s",
        metric=one.metric,
        validation=round(found["validation"][one.metric]["value"], 5),
        test=round(test["value"], 5),
        test_low=round(test["low"], 5),
        test_high=round(test["high"], 5),
        wall_s=round(wall_s, 1),
        cpu_s=round(cpu_s, 1),
        version=crosstune.__version__,
        commit=commit(),
        date=today(),
        shipped=summary["shipped"],
        plan=written({key: value for key, value in chosen.items() if value is not None}),
        stages=json.dumps({stage: round(seconds, 2) for stage, seconds in found["seconds"].items()}),
        predicted=json.dumps(summary.get("predicted_seconds") or {}),
    )


def fitted(one: RealSet, budget: float, table: Path) -> tuple[Fit, bool]:
    """Give what ``fit`` reaches, and whether it ran now: a row of this very commit and budget is kept."""
    now = commit()
    for row in read_rows(table, Fit):
        if (row.set, row.commit, row.configuration) == (one.name, now, f"budget={budget:.0f}s"):
            if not now or now.endswith("+"):
                break
            return row, False
    row = fit_one(one, budget)
    append_row(table, row)
    return row, True


def foreseen(row: Fit) -> dict[str, float]:
    """Give actual over predicted seconds of each stage that the plan foresaw."""
    actual, predicted = json.loads(row.stages or "{}"), json.loads(row.predicted or "{}")
    return {stage: actual[stage] / predicted[stage] for stage in predicted if stage in actual}


def verdict(fits: Mapping[str, Fit], best: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Say for each set how many points ``fit`` is below the oracle, and what share of the time it took."""
    return {
        name: {
            "regret": 100 * (best[name]["oracle"] - (row.test or 0.0)),
            "below_choice_by_validation": 100 * (best[name]["best_on_validation"] - (row.test or 0.0)),
            "fit": row.test,
            "interval": [row.test_low, row.test_high],
            "share_of_time": row.wall_s / best[name]["seconds"],
            "share_of_processor_time": row.cpu_s / best[name]["cpu_seconds"],
            "seconds": row.wall_s,
            "shipped": row.shipped,
            "plan": row.plan,
            "actual_over_predicted": foreseen(row),
        }
        for name, row in fits.items()
    }


def judge(
    work: Work, rows: Iterable[Row], *, limit: int | None, seconds: float | None, table: Path = FITS
) -> tuple[dict[str, Any], dict[str, bool]]:
    """Fit every set that the grid knows, rank its models, and hold both to the targets."""
    wanted = {(one.name, written(keywords)) for one, keywords in work}
    sets = {one.name: one for one, _ in work}
    rows = [row for row in rows if (row.set, row.configuration) in wanted]
    best = oracles(rows)
    started, runs, fits = time.perf_counter(), 0, {}
    for name, oracle in best.items():
        over = seconds is not None and time.perf_counter() - started >= seconds
        if over or (limit is not None and runs >= limit):
            break
        fits[name], ran = fitted(sets[name], GRANTED * SHARE * oracle["seconds"], table)
        runs += ran
    sides = verdict(fits, best)
    missing = len(wanted) - len({(row.set, row.configuration) for row in rows})
    figures = {
        "sets": sides,
        "mean_regret": fmean(side["regret"] for side in sides.values()) if sides else None,
        "oracles": best,
        "ranking": ranking(sets, rows),
        "configurations_missing": missing,
    }
    return figures, targets_of(sides, missing=missing, sets=len(sets))


def targets_of(sides: Mapping[str, Mapping[str, Any]], *, missing: int, sets: int) -> dict[str, bool]:
    """Give the targets of the judging; one that could not be looked at does not hold."""
    regrets = [side["regret"] for side in sides.values()]
    ratios = [ratio for side in sides.values() for ratio in side["actual_over_predicted"].values()]
    held = {f"{name}: regret <= {MOST:g}": side["regret"] <= MOST for name, side in sides.items()}
    held[f"mean regret <= {MOST_MEAN:g}"] = bool(regrets) and fmean(regrets) <= MOST_MEAN
    shares = [side["share_of_time"] for side in sides.values()]
    held["at most a fifth of the grid's time"] = all(share <= SHARE for share in shares)
    held["every set judged"] = len(sides) == sets
    held["the grid is complete"] = missing == 0
    if ratios:
        held["predicted seconds within 25 %"] = all(0.75 <= ratio <= 1.25 for ratio in ratios)
    return held
