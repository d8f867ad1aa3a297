"""Words tagged, from a file to a report: the whole path, and what transformers makes of the model."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import crosstune
from crosstune.core.tags import entities
from crosstune.core.words import marked
from tests.support.tagging import tagged_rows, tiny_tagger_dir, write_rows

TASK = "token-classification"
FAST: dict[str, Any] = {
    "budget": "none", "trials": 0, "strategy": "full", "batch_size": 4, "epochs": 12.0, "lr": 3e-3,
}  # fmt: skip


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    return tagged_rows(90)


@pytest.fixture(scope="module")
def run(rows: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    model = tiny_tagger_dir(folder / "model")
    data = write_rows(folder / "rows.jsonl", rows)
    crosstune.fit(data, model=str(model), out=folder / "run", **FAST)
    return folder / "run"


def test_the_figures_are_those_of_the_predictions(run: Path) -> None:
    found = json.loads((run / "metrics.json").read_text())
    assert (found["task"], found["primary_metric"]) == (TASK, "f1")
    table = pd.read_parquet(run / "predictions.parquet")
    right = ours = theirs = 0
    for tags, target in zip(table["tags"], table["target"], strict=True):
        given, there = set(entities(list(tags))), set(entities(list(target)))
        right, ours, theirs = right + len(given & there), ours + len(given), theirs + len(there)
    assert found["test"]["f1"]["value"] == pytest.approx(2 * right / (ours + theirs))
    assert found["test"]["precision"]["value"] == pytest.approx(right / ours)
    assert found["test"]["recall"]["value"] == pytest.approx(right / theirs)
    assert found["test"]["f1"]["value"] > 0.3  # without any training 0.1 at most
    assert set(found["test"]) == {"f1", "precision", "recall", "f1/LOC", "f1/PER"}


def test_the_page_and_the_card_say_what_was_measured(run: Path) -> None:
    assert "F1 over entities on the test split" in (run / "report.html").read_text()
    assert 'aggregation_strategy="first"' in (run / "README.md").read_text()


@pytest.mark.parametrize("strategy", ["first", "simple"])
def test_predict_and_transformers_find_the_same_entities(run: Path, strategy: str) -> None:
    from transformers import pipeline

    texts = ["ada was seen in london.", "the film, byron ada and london!", "very good"]
    if strategy == "first":  # words of several pieces as well: `simple` reads untrained pieces there
        texts += ["mary alan, rome oslo!", "unseen words: oslo"]
    ours = crosstune.predict(run, texts)
    tag = pipeline(TASK, model=str(run / "model"), aggregation_strategy=strategy)
    for text, row in zip(texts, ours, strict=True):
        theirs = [(one["start"], one["end"], one["entity_group"]) for one in tag(text)]
        assert [(one["start"], one["end"], one["label"]) for one in row["entities"]] == theirs
        assert all(text[one["start"] : one["end"]] == one["text"] for one in row["entities"])
        assert len(row["tags"]) == len(marked(text).split())
    assert any(row["entities"] for row in ours)


def test_rows_of_words_are_predicted_and_evaluated(
    run: Path, rows: list[dict[str, Any]], tmp_path: Path
) -> None:
    odd = {"tokens": ["ada"], "tags": ["B-X"]}
    data = write_rows(tmp_path / "more.jsonl", [*tagged_rows(20, seed=1), odd])
    found = crosstune.predict(run, [str(data)])
    assert [len(row["tags"]) for row in found[:20]] == [len(row["tokens"]) for row in tagged_rows(20, seed=1)]
    whole = crosstune.evaluate(run, data, max_bad=0.5)
    assert whole["f1"].value > 0.3
    assert np.isfinite(whole["f1"].low)


def test_long_texts_are_cut_for_training_and_put_together_in_answers(
    rows: list[dict[str, Any]], tmp_path: Path
) -> None:
    joined = [
        {key: [one for row in rows[start : start + 15] for one in row[key]] for key in ("tokens", "tags")}
        for start in range(0, 90, 5)
    ]
    data = write_rows(tmp_path / "rows.jsonl", joined)
    model = tiny_tagger_dir(tmp_path / "model")
    done = crosstune.fit(data, model=str(model), out=tmp_path / "run", **{**FAST, "epochs": 2.0})
    table = pd.read_parquet(done.root / "predictions.parquet")
    assert min(map(len, table["target"])) > 64
    assert [len(tags) for tags in table["tags"]] == [len(tags) for tags in table["target"]]
    assert "parts of at most 64 tokens" in (done.root / "run.log").read_text()
