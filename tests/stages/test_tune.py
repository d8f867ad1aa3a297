"""What is shipped after a training."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from crosstune import pipeline
from crosstune.core.plan import Basis, Decision, Plan
from crosstune.options import FitOptions
from crosstune.stages import tune
from crosstune.training.result import TrainResult
from tests.support.sets import write_texts
from tests.support.tiny import tiny_bert_dir


def test_a_named_strategy_without_a_step_does_not_ship_its_random_head(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained = tune.train_planned

    def without_a_step(*given: Any, **named: Any) -> TrainResult:
        return replace(trained(*given, **named), steps=0)

    monkeypatch.setattr(tune, "train_planned", without_a_step)
    run = pipeline.fit(FitOptions(
        data=write_texts(tmp_path / "texts.csv", 60), model=str(tiny_bert_dir(tmp_path / "bert", layers=1)),
        out=tmp_path / "run", budget="none", engine="torch", strategy="full", epochs=1, trials=0,
    ))  # fmt: skip
    about = json.loads(run.summary.read_text())
    assert about["shipped"].startswith("closed-form")
    assert "no room for a step of training" in about["comparison"]
    assert any("no room for a step of training" in warning for warning in about["warnings"])


def test_the_plan_names_the_model_that_ships() -> None:
    def plan(basis: Basis = Basis.MEASURED, **values: Any) -> Plan:
        return Plan(tuple(Decision(name, value, basis, name) for name, value in values.items()))

    first = plan(model="a", image_size=96, pass_rows=None)
    second = plan(model="b", image_size=128, pass_rows=500, lr=0.1, answer_size=160)
    found = tune._of_what_ships(second, first)
    assert {one.setting: one.value for one in found.decisions} == {
        "model": "a", "image_size": 96, "pass_rows": None, "lr": 0.1
    }  # fmt: skip
    assert tune._of_what_ships(found, first) == found
    asked = plan(Basis.USER, model="a", answer_size=160)
    assert tune._of_what_ships(asked, first)["answer_size"] == 160
