"""Runs on sets with planted defects: training goes on with the rest, and figures are given without leaks."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
import torch

from crosstune import pipeline
from crosstune.core.progress import Silent
from crosstune.core.run_dir import RunDir
from crosstune.data.errors import CheckFailed
from crosstune.options import FitOptions
from tests.data.planted import plant_pictures, plant_texts
from tests.support.tiny import tiny_bert_dir

torch.set_num_threads(2)


def judged(run: RunDir, bad: dict[str, str], leaked: int) -> dict[str, Any]:
    """Hold a run against what was planted; returns its summary."""
    rows = {row["item"]: row["code"] for row in csv.DictReader(run.bad_items.read_text().splitlines())}
    assert rows == bad
    figures = json.loads(run.metrics.read_text())
    clean = figures["test_without_leaks"]
    assert clean["leaked"] == leaked
    assert clean["metrics"]["accuracy"]["value"] > 0
    summary: dict[str, Any] = json.loads(run.summary.read_text())
    assert summary["counts"]["test"] == clean["rows"] + leaked
    words = f"{leaked} test examples have a copy"
    assert words in run.report.read_text()
    assert words in run.card.read_text()
    return summary


def test_pictures_train_on_the_rest(tmp_path: Path) -> None:
    planted = plant_pictures(tmp_path / "data")
    options = {
        "data": planted.folder,
        "model": "timm:test_efficientnet",
        "pretrained": False,
        "budget": "none",
    }
    options |= {"strategy": "closed-form", "features": "head", "image_size": 32}
    with pytest.raises(CheckFailed, match="too-many-bad-rows"):
        pipeline.fit(FitOptions(**options, out=tmp_path / "refused"))
    run = pipeline.fit(FitOptions(**options, out=tmp_path / "run", max_bad=0.1))
    judged(run, planted.bad, leaked=8)


def test_texts_train_on_the_rest_and_evaluate_says_what_was_set_aside(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    planted = plant_texts(tmp_path / "data")
    options = {"data": planted.folder, "target": "label", "inputs": ("text",), "budget": "none"}
    options |= {"model": str(tiny_bert_dir(tmp_path / "bert")), "strategy": "closed-form", "features": "head"}
    options["max_length"] = 8
    run = pipeline.fit(FitOptions(**options, out=tmp_path / "run", max_bad=0.1))
    summary = judged(run, planted.bad, leaked=7)
    assert "long-texts" in [code for _, code, _ in summary["findings"]]

    said: list[str] = []

    class Listener(Silent):
        def warn(self, text: str) -> None:
            said.append(text)

    out = tmp_path / "figures.json"
    data = planted.folder / "test.csv"
    with pytest.raises(CheckFailed, match="too-many-bad-rows"):
        pipeline.evaluate(run.root, data, max_bad=0.0)
    pipeline.evaluate(run.root, data, out=out, max_bad=0.1, reporter=Listener())
    aside = json.loads(out.read_text())["set_aside"]
    assert aside == {"unknown-class": 2, "empty-text": 2}
    between = json.loads(out.read_text())["between"]
    assert {name: between[name] for name in ("repeated", "contradicting", "seen")} == {
        "repeated": 0, "contradicting": 0, "seen": 1,
    }  # fmt: skip
    assert between["without_seen"].keys() == json.loads(out.read_text())["metrics"].keys()
    assert said[0] == "4 of 71 labelled rows of all were set aside: 2 unknown-class, 2 empty-text"
    assert "1 of 67 rows have exactly the content of a row that the run was trained" in said[1]


def test_strict_ends_a_run_before_training(tmp_path: Path) -> None:
    planted = plant_pictures(tmp_path / "data")
    with pytest.raises(CheckFailed, match="duplicates-across-splits"):
        pipeline.fit(FitOptions(data=planted.folder, out=tmp_path / "run", max_bad=0.1, strict=True))
