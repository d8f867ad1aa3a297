"""What a continued pretraining reads: training texts and others, none that is judged on, none twice."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from crosstune.core.clock import Budget
from crosstune.core.errors import DoesNotApply
from crosstune.core.progress import Silent
from crosstune.options import FitOptions
from crosstune.stages import pretraining_texts as module
from crosstune.stages.methods import hold_model_to_what_was_asked, hold_to_what_was_asked
from crosstune.stages.opening import open_planned
from crosstune.stages.prepare import prepare
from crosstune.stages.pretraining_texts import pretraining_texts
from crosstune.stages.run import Run, new_folder
from crosstune.stages.use import NothingToPredict
from tests.support.sets import write_pictures, write_texts
from tests.support.tiny import tiny_bert_dir, tiny_llama_dir


def run_for(tmp_path: Path, **values: Any) -> Run:
    data = values.pop("data", None) or write_texts(tmp_path / "texts.csv", 60)
    options = FitOptions(data=data, engine="torch", budget="none", out=tmp_path / "run", **values)
    return Run(options, new_folder(tmp_path / "run"), Budget(None), Silent())


def test_texts_of_validation_and_test_and_repeated_ones_are_left_out(tmp_path: Path) -> None:
    more = tmp_path / "more.csv"
    run = run_for(tmp_path, model=str(tiny_bert_dir(tmp_path / "bert")), pretrain_on=str(more))
    prepared = prepare(run)
    parts = {split: items.batch(range(len(items))) for split, items in prepared.items.items()}
    fresh = ["the phone was new to us", "a warm day and a bright film"]
    rows = [*fresh, fresh[0], *parts["train"][:5], *parts["validation"][:4], *parts["test"][:3]]
    pd.DataFrame({"text": rows, "label": "?"}).to_csv(more, index=False)
    found = pretraining_texts(run, prepared, open_planned(run, prepared), str(more))
    judged = {*parts["validation"], *parts["test"]}
    expected = [text for text in dict.fromkeys([*parts["train"], *rows]) if text not in judged]
    assert found.learned.raw == expected
    assert found.unlabelled == 2
    assert found.training == len(expected) - 2
    assert found.evaluated == 7 + sum(text in judged for text in parts["train"])
    total = len(parts["train"]) + len(rows)
    assert found.repeated == total - found.evaluated - len(expected)
    assert found.held_out.raw == parts["validation"]
    assert f"{found.evaluated} that validation or test hold too" in found.words


def test_a_folder_of_tables_is_read_whole(tmp_path: Path) -> None:
    (tmp_path / "more" / "deep").mkdir(parents=True)
    for name, text in (("b.csv", "a phone"), ("deep/a.jsonl", "a film")):
        frame = pd.DataFrame({"text": [text]})
        path = tmp_path / "more" / name
        frame.to_csv(path, index=False) if path.suffix == ".csv" else frame.to_json(
            path, orient="records", lines=True
        )
    (tmp_path / "more" / "notes.md").write_text("nothing to read")
    run = run_for(tmp_path, model=str(tiny_bert_dir(tmp_path / "bert")), pretrain_on=str(tmp_path / "more"))
    prepared = prepare(run)
    opened = open_planned(run, prepared)
    hold_model_to_what_was_asked(run, prepared, opened)
    found = pretraining_texts(run, prepared, opened, str(tmp_path / "more"))
    assert found.learned.raw[-2:] == ["a phone", "a film"]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"pretrain_epochs": 3.0}, "pretrain_epochs=3 without pretrain_on"),
        ({"mask_share": 0.3, "pretrain_lr": 1e-3}, "pretrain_lr=0.001, mask_share=0.3"),
        ({"pretrain_on": "more.csv", "strategy": "closed-form"}, "strategy=closed-form"),
        ({"pretrain_on": "more.csv", "trial_soup": True}, "trial_soup=true"),
        ({"pretrain_on": "more.csv", "keep_at_least": 0.9}, "keep_at_least=0.9"),
    ],
)
def test_what_cannot_act_is_refused(tmp_path: Path, values: dict[str, Any], words: str) -> None:
    run = run_for(tmp_path, **values)
    with pytest.raises(DoesNotApply, match=words):
        hold_to_what_was_asked(run, prepare(run))


def test_defaults_that_a_recipe_names_ask_for_nothing(tmp_path: Path) -> None:
    run = run_for(tmp_path, pretrain_epochs=10.0, pretrain_lr=1e-4, mask_share=0.15)
    hold_to_what_was_asked(run, prepare(run))


def test_pictures_and_several_processes_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = write_pictures(tmp_path / "photos", 8)
    run = run_for(tmp_path / "one", data=pictures, pretrain_on="more.csv")
    with pytest.raises(DoesNotApply, match="only texts have tokens to mask"):
        hold_to_what_was_asked(run, prepare(run))
    run = run_for(tmp_path, pretrain_on="more.csv")
    prepared = prepare(run)
    monkeypatch.setattr(module, "launched", lambda: type("Two", (), {"world": 2}))
    with pytest.raises(DoesNotApply, match="2 processes"):
        hold_to_what_was_asked(run, prepared)


@pytest.mark.parametrize(
    ("model", "place", "error", "words"),
    [
        (tiny_llama_dir, "texts.csv", DoesNotApply, "model type `llama`"),
        (tiny_bert_dir, "nowhere.csv", NothingToPredict, "nowhere.csv"),
        (tiny_bert_dir, "mistyped", NothingToPredict, "mistyped"),
        (tiny_bert_dir, "model", NothingToPredict, "model"),  # a folder without a table
    ],
)
def test_the_model_and_the_place_are_looked_at_before_time_is_spent(
    tmp_path: Path, model: Any, place: str, error: type[Exception], words: str
) -> None:
    run = run_for(tmp_path, model=str(model(tmp_path / "model")), pretrain_on=str(tmp_path / place))
    prepared = prepare(run)
    with pytest.raises(error, match=words):
        hold_model_to_what_was_asked(run, prepared, open_planned(run, prepared))
