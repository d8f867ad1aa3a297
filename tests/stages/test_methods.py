"""What was asked for and cannot act ends the run before time is spent, with the reason."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from crosstune import pipeline
from crosstune.core.clock import Budget
from crosstune.core.errors import DoesNotApply
from crosstune.core.progress import Silent
from crosstune.options import FitOptions
from crosstune.stages.methods import (
    hold_model_to_what_was_asked,
    hold_to_what_was_asked,
    warn_of_idle_methods,
)
from crosstune.stages.opening import open_planned
from crosstune.stages.prepare import prepare
from crosstune.stages.run import Run, new_folder
from crosstune.stages.use import NothingToPredict
from tests.support.sets import write_pictures, write_texts
from tests.support.tiny import tiny_bert_dir


def run_for(tmp_path: Path, **values: Any) -> Run:
    data = values.pop("data", None) or write_texts(tmp_path / "texts.csv", 40)
    options = FitOptions(data=data, engine="torch", budget="none", out=tmp_path / "run", **values)
    return Run(options, new_folder(tmp_path / "run"), Budget(None), Silent())


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"l2_sp": 0.1, "strategy": "head"}, "moves no weight of the body"),
        ({"l2_sp_head": 0.1}, "l2_sp_head=0.1 without l2_sp"),
        ({"surgical_part": "first"}, "strategy=left open"),
        ({"surgical_part": "first", "strategy": "full"}, "strategy=full"),
        ({"coral": 1.0}, "no column of domains"),
        ({"group_dro": 0.01}, "no column of domains"),
        ({"lora_variant": "dora"}, "lora_variant=dora, strategy=left open"),
        ({"lora_variant": "rslora", "strategy": "full"}, "lora_variant=rslora, strategy=full"),
        ({"trial_soup": True, "trials": 0}, "trials=0"),
        ({"trial_soup": True, "strategy": "full", "lr": 1e-3}, "strategy and lr are named"),
        ({"adapt_to": "there", "strategy": "closed-form"}, "a strategy that trains"),
    ],
)
def test_an_option_that_cannot_act_is_an_error(tmp_path: Path, values: dict[str, Any], words: str) -> None:
    run = run_for(tmp_path, **values)
    with pytest.raises(DoesNotApply, match=words):
        hold_to_what_was_asked(run, prepare(run))


def test_one_domain_in_training_is_none_to_compare(tmp_path: Path) -> None:
    table, path = pd.read_csv(write_texts(tmp_path / "texts.csv", 80)), tmp_path / "sources.csv"
    table.assign(source=["ab"[row // 2 % 2] for row in range(80)]).to_csv(path, index=False)
    asked = {"data": path, "domain": "source", "inputs": "text", "coral": 1.0}
    run = run_for(tmp_path / "both", **asked)
    hold_to_what_was_asked(run, prepare(run))
    run = run_for(tmp_path / "one", held_out_domain="b", **asked)
    with pytest.raises(DoesNotApply, match="the same domain"):
        hold_to_what_was_asked(run, prepare(run))


def test_the_pipeline_asks_before_it_ranks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "choose_by_ranking", lambda *_: pytest.fail("time was spent"))
    data = write_texts(tmp_path / "texts.csv", 40)
    with pytest.raises(DoesNotApply):
        pipeline.fit(FitOptions(data=data, out=tmp_path / "run", l2_sp=0.1, strategy="lora"))


def test_a_model_without_batchnorm_has_no_statistics_to_adapt(tmp_path: Path) -> None:
    more = write_texts(tmp_path / "more.csv", 80)
    run = run_for(tmp_path, model=str(tiny_bert_dir(tmp_path / "bert")), adapt_to=str(more))
    prepared = prepare(run)
    with pytest.raises(DoesNotApply, match="without a BatchNorm"):
        hold_model_to_what_was_asked(run, prepared, open_planned(run, prepared))


def test_few_rows_and_none_are_refused(tmp_path: Path) -> None:
    data, few = write_pictures(tmp_path / "photos", 8), write_pictures(tmp_path / "few", 5)
    for place, error, words in (
        (few, DoesNotApply, "15 rows"),
        (tmp_path / "no-table.csv", NothingToPredict, "none of the inputs"),
        (tmp_path / "photos" / "empty", NothingToPredict, "none of the inputs"),
    ):
        (tmp_path / "photos" / "empty").mkdir(exist_ok=True)
        where = tmp_path / place.name
        run = run_for(where, data=data, model="timm:test_efficientnet", pretrained=False, image_size=64,
                      adapt_to=str(place))  # fmt: skip
        prepared = prepare(run)
        with pytest.raises(error, match=words):
            hold_model_to_what_was_asked(run, prepared, open_planned(run, prepared))


def test_methods_that_had_no_part_are_named(tmp_path: Path) -> None:
    run = run_for(tmp_path, l2_sp=0.1, trial_soup=True)
    warn_of_idle_methods(run)
    assert run.warnings == ["l2_sp, trial_soup had no part in this run, because nothing was trained"]
    quiet = run_for(tmp_path / "other", data=tmp_path / "texts.csv")
    warn_of_idle_methods(quiet)
    assert quiet.warnings == []
