"""Short trainings before the last one: what they leave behind, and what they decide."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch

from crosstune import pipeline
from crosstune.core.clock import Budget
from crosstune.core.plan import Plan
from crosstune.core.progress import Silent
from crosstune.core.summary import RunSummary
from crosstune.options import FitOptions
from crosstune.stages.opening import open_planned
from crosstune.stages.prepare import prepare
from crosstune.stages.probe import probe
from crosstune.stages.ranking import Ranking, choose_by_ranking
from crosstune.stages.run import Run, new_folder
from crosstune.stages.trials import try_out
from tests.support.sets import write_texts
from tests.support.tiny import tiny_bert_dir


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trials")
    tiny_bert_dir(folder / "small", layers=2)
    tiny_bert_dir(folder / "other", layers=3, seed=1)
    write_texts(folder / "texts.csv", 120, rated=True)
    return folder


def options(place: Path, **values: Any) -> FitOptions:
    found = {"data": place / "texts.csv", "target": "rating", "engine": "torch", "budget": "none", **values}
    return FitOptions(**{"model": str(place / "small"), **found})


def test_trials_leave_the_model_as_it_was_and_decide_strategy_and_rate(place: Path, tmp_path: Path) -> None:
    run = Run(options(place, trials=4), new_folder(tmp_path / "run"), Budget(None), Silent())
    prepared = prepare(run)
    opened = open_planned(run, prepared)
    probed = probe(run, prepared, opened)
    before = {name: value.clone() for name, value in opened.backbone.model.state_dict().items()}
    chosen = try_out(run, prepared, opened, probed, Ranking())
    after = opened.backbone.model.state_dict()
    assert all(torch.equal(value, after[name]) for name, value in before.items())
    rows = [row for row in run.measurements if row.name.startswith("trial/")]
    assert len(rows) == 4
    assert chosen.measured["lr"].value in {row.detail["lr"] for row in rows if row.detail}
    assert set(chosen.measured["lr"].evidence) == {row.name for row in rows}
    again = Run(run.options, run.folder, Budget(None), Silent(), resumed=True)
    recalled = try_out(again, prepared, opened, probed, Ranking())
    assert recalled.measured == chosen.measured
    assert [row.name for row in again.measurements] == [
        row.name for row in run.measurements[-len(again.measurements) :]
    ]


def test_nothing_is_tried_where_nothing_is_open(place: Path, tmp_path: Path) -> None:
    for number, values in enumerate(
        ({"trials": 0}, {"strategy": "full", "lr": 1e-3}, {"strategy": "closed-form"})
    ):
        run = Run(options(place, **values), new_folder(tmp_path / str(number)), Budget(None), Silent())
        prepared = prepare(run)
        opened = open_planned(run, prepared)
        chosen = try_out(run, prepared, opened, probe(run, prepared, opened), Ranking())
        assert not {"lr", "strategy"} & chosen.measured.keys()
        assert not [row for row in run.measurements if row.name.startswith("trial/")]


def test_a_rate_that_blows_up_loses_and_ends_nothing(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crosstune.planning.trials.FACTORS", (1.0, 1e30))
    run = Run(options(place, trials=2), new_folder(tmp_path / "run"), Budget(None), Silent())
    prepared = prepare(run)
    opened = open_planned(run, prepared)
    chosen = try_out(run, prepared, opened, probe(run, prepared, opened), Ranking())
    tame, wild = (row for row in run.measurements if row.name.startswith("trial/"))
    assert math.isfinite(tame.metric.value)
    assert math.isnan(wild.metric.value) or wild.metric.value < tame.metric.value
    assert chosen.measured["lr"].value == (tame.detail or {})["lr"]


def test_a_run_compares_tries_and_says_so(place: Path, tmp_path: Path) -> None:
    models = (str(place / "small"), str(place / "other"))
    asked = options(place, model="auto", models=models, trials=6, epochs=1.0, out=tmp_path / "run")
    run = pipeline.fit(asked, reporter=Silent())
    summary = RunSummary.from_json(json.loads(run.summary.read_text()))
    assert {row.model for row in summary.ranking} == set(models)
    assert [row.round for row in summary.trials] == [1] * 6 + [2] * 2
    plan = Plan.from_json(json.loads(run.plan.read_text())["decisions"])
    chosen = [row for row in summary.trials if row.chosen]
    assert {(row.lr, row.round) for row in chosen} == {(plan["lr"], 2)}
    assert plan["model"] == chosen[0].model
    assert len(summary.depth) >= 3
    assert {"rank the models", "trials"} <= summary.seconds.keys()


def test_a_second_model_can_win(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from crosstune.stages import trials as stage

    def second(outcomes: Any, rounds: Any) -> Any:
        best = next(one for one in outcomes if one.trial.contender == 1)
        return decide([best], rounds)

    decide = stage.decide
    monkeypatch.setattr(stage, "decide", second)
    models = (str(place / "small"), str(place / "other"))
    asked = options(place, model="auto", models=models, trials=5, epochs=1.0, out=tmp_path / "run")
    run = Run(asked, new_folder(tmp_path / "run"), Budget(None), Silent())
    prepared = prepare(run)
    ranking = choose_by_ranking(run, prepared)
    if not ranking.others:
        pytest.fail("the two tiny models are told apart; the test needs a shortlist of two")
    opened = open_planned(run, prepared, ranking.decisions)
    chosen = try_out(run, prepared, opened, probe(run, prepared, opened), ranking)
    assert chosen.opened.backbone.name != opened.backbone.name
    assert chosen.opened.plan["model"] == ranking.others[0].candidate.model
    assert chosen.probed.place == "second model"
