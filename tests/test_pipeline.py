"""The main path from a folder or a file to a run directory that keeps its promises, on tiny models."""

import csv
import json
import math
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from transformers import pipeline as hub_pipeline

from crosstune import pipeline
from crosstune.artifacts.model import load_model
from crosstune.core.errors import BadValue
from crosstune.core.plan import Plan
from crosstune.core.run_dir import RunDir
from crosstune.options import FitOptions
from crosstune.stages.use import NothingToPredict
from tests.support.sets import write_pictures, write_texts
from tests.support.tiny import tiny_bert_dir, tiny_vit_dir

torch.set_num_threads(2)
PROMISED = ("model", "plan.json", "evidence.json", "metrics.json", "predictions.parquet", "bad_items.csv",
            "history.csv", "report.html", "README.md", "run.log")  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pipeline")


@pytest.fixture(scope="module")
def texts(folder: Path) -> RunDir:
    """Fine-tune a tiny BERT on texts, one of which is empty."""
    data = write_texts(folder / "texts.csv", 320)
    with data.open("a", encoding="utf-8") as handle:
        handle.write("   ,good\n")
    settings = {"strategy": "full", "epochs": 10, "lr": 3e-3, "head_lr": 3e-3, "layer_decay": 1.0}
    settings |= {"precision": "fp32", "memory_format": "contiguous"}  # not what is fastest today
    options = FitOptions(
        data=data, model=str(tiny_bert_dir(folder / "bert")), out=folder / "run", budget="none", **settings
    )
    return pipeline.fit(options)


@pytest.fixture(scope="module")
def pictures(folder: Path) -> RunDir:
    """Fit a closed-form head of a tiny timm model on class folders."""
    data = write_pictures(folder / "photos", 30)
    return pipeline.fit(
        FitOptions(
            data=data,
            model="timm:test_efficientnet",
            pretrained=False,
            strategy="closed-form",
            features="head",
            image_size=64,
            out=folder / "photos-run",
            budget="none",
        )
    )


def metrics(run: RunDir) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run.metrics.read_text())
    return found


@pytest.mark.parametrize("name", PROMISED)
def test_the_run_directory_holds_what_is_promised(texts: RunDir, name: str) -> None:
    assert (texts.root / name).exists()


def test_nothing_is_left_behind(texts: RunDir) -> None:
    hidden = [path.name for path in texts.root.iterdir() if path.name.startswith(".")]
    assert hidden == []
    assert not (texts.root / "work").exists()


def test_the_task_is_learnt_and_the_figures_have_intervals(texts: RunDir) -> None:
    found = metrics(texts)
    assert found["primary_metric"] == "accuracy"
    test = found["test"]["accuracy"]
    assert test["low"] <= test["value"] <= test["high"]
    assert test["value"] >= 0.9
    assert "majority class" in found["baselines"]


def test_the_bad_row_is_listed_by_its_line(texts: RunDir) -> None:
    rows = list(csv.DictReader(texts.bad_items.read_text(encoding="utf-8").splitlines()))
    assert len(rows) == 1
    assert "texts.csv:322" in rows[0].values()


def test_the_metric_can_be_computed_again_from_the_predictions(texts: RunDir) -> None:
    table = pd.read_parquet(texts.predictions)
    hits = (table["target"] == table["label"]).mean()
    assert math.isclose(hits, metrics(texts)["test"]["accuracy"]["value"], abs_tol=1e-9)


def test_the_plan_names_a_basis_for_every_setting(texts: RunDir) -> None:
    plan = Plan.from_json(json.loads(texts.plan.read_text())["decisions"])
    assert plan.decision("lr").basis == "user"
    assert plan["strategy"] == "full"
    assert all(decision.because for decision in plan)


def test_the_hubs_own_pipeline_gives_the_same_labels(texts: RunDir) -> None:
    lines = ["a lovely bright day", "the film was awful", "not good", "dull and cold phone"]
    ours = pipeline.predict(texts.root, lines)
    theirs = hub_pipeline("text-classification", model=str(texts.model), device="cpu")(lines)
    for mine, other in zip(ours, theirs, strict=True):
        assert mine["label"] == other["label"]
        assert mine["score"] == pytest.approx(other["score"], abs=1e-4)


def test_a_mistyped_table_is_not_taken_for_a_text(texts: RunDir) -> None:
    with pytest.raises(NothingToPredict, match=r"reviws\.csv"):
        pipeline.predict(texts.root, ["reviws.csv"])


def test_rows_come_in_the_order_of_the_inputs(texts: RunDir, tmp_path: Path) -> None:
    column = load_model(texts.model).inputs[0]
    table = tmp_path / "two.csv"
    table.write_text(f"{column}\nawful bad cold\nlovely bright day\n", encoding="utf-8")
    rows = pipeline.predict(texts.root, ["first text", str(table), "last text"])
    assert [row["origin"] for row in rows] == ["first text", "two.csv:2", "two.csv:3", "last text"]


def test_a_timm_model_loads_in_the_hubs_own_pipeline(pictures: RunDir, folder: Path) -> None:
    files = [str(path) for path in sorted((folder / "photos").rglob("*.png"))[::10]]
    ours = pipeline.predict(pictures.root, files)
    classify = hub_pipeline("image-classification", model=str(pictures.model), device="cpu")
    for mine, other in zip(ours, classify(files), strict=True):
        assert mine["label"] == other[0]["label"]
        assert mine["score"] == pytest.approx(other[0]["score"], abs=1e-4)


def test_evaluate_on_the_same_rows_gives_the_same_figure(pictures: RunDir, folder: Path) -> None:
    found = pipeline.evaluate(pictures.root, folder / "photos")
    rows = pipeline.predict(pictures.root, [str(folder / "photos")])
    hits = [Path(row["origin"]).parent.name == row["label"] for row in rows]
    assert len(hits) == 90
    assert found["accuracy"].value == pytest.approx(sum(hits) / len(hits))


def test_predict_gives_one_row_for_each_row_in(pictures: RunDir, folder: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\n not a picture")
    good = folder / "photos" / "red" / "000.png"
    rows = pipeline.predict(pictures.root, [str(good), str(broken), str(good)], out=tmp_path / "rows.jsonl")
    assert [bool(row["error"]) for row in rows] == [False, True, False]
    assert rows[0]["label"] == rows[2]["label"] == "red"
    assert "label" not in rows[1]
    absent = pipeline.predict(pictures.root, [str(tmp_path / "absent.png"), str(good)])
    assert [bool(row["error"]) for row in absent] == [True, False]
    assert len((tmp_path / "rows.jsonl").read_text().splitlines()) == 3


def test_a_pass_over_some_rows_is_in_the_plan_and_in_the_evidence(folder: Path) -> None:
    options = {"target": "rating", "model": str(tiny_bert_dir(folder / "bert3")), "strategy": "closed-form"}
    data = write_texts(folder / "some.csv", 160, rated=True)
    run = pipeline.fit(FitOptions(data=data, out=folder / "some", budget="none", pass_rows=60, **options))
    plan = Plan.from_json(json.loads(run.plan.read_text())["decisions"])
    assert (plan["pass_rows"], plan.decision("pass_rows").basis) == (60, "user")
    rows = {row["name"]: row["examples"] for row in json.loads(run.evidence.read_text())}
    assert rows["speed/frozen-pass"] == 60 + json.loads(run.summary.read_text())["counts"]["validation"]


def test_a_head_over_all_blocks_is_reloaded_too(folder: Path) -> None:
    data = write_texts(folder / "rated.csv", 160, rated=True)
    run = pipeline.fit(
        FitOptions(
            data=data,
            target="rating",
            model=str(tiny_bert_dir(folder / "bert2")),
            strategy="closed-form",
            features="all",
            out=folder / "rated-run",
            budget="none",
        )
    )
    model = load_model(run.model)
    assert model.head is not None
    assert metrics(run)["test"]["pearson"]["value"] > 0.8
    values = [row["value"] for row in pipeline.predict(run.root, ["good great lovely", "awful bad cold"])]
    assert values[0] > 1.0
    assert values[1] < -1.0


def test_values_come_back_in_the_users_units_from_the_hubs_own_loader(folder: Path) -> None:
    data = write_texts(folder / "rated2.csv", 120, rated=True)
    run = pipeline.fit(
        FitOptions(
            data=data,
            target="rating",
            model=str(tiny_bert_dir(folder / "bert3")),
            strategy="closed-form",
            features="head",
            out=folder / "rated-run2",
            budget="none",
        )
    )
    line = "good great lovely"
    ours = pipeline.predict(run.root, [line])[0]["value"]
    classify = hub_pipeline(
        "text-classification", model=str(run.model), device="cpu", function_to_apply="none"
    )
    assert classify(line)[0]["score"] == pytest.approx(ours, abs=1e-4)


def test_fine_tuning_competes_with_the_closed_form_head(folder: Path) -> None:
    data = write_pictures(folder / "more", 24)
    run = pipeline.fit(
        FitOptions(
            data=data,
            model=str(tiny_vit_dir(folder / "vit")),
            epochs=1,
            out=folder / "vit-run",
            budget="none",
        )
    )
    found = json.loads((run.root / "summary.json").read_text())
    assert any(name.startswith("fine-tuned") for name in found["candidates"])
    assert any(name.startswith("closed-form") for name in found["candidates"])
    assert found["comparison"]


def test_a_full_run_directory_is_refused(texts: RunDir, folder: Path) -> None:
    with pytest.raises(BadValue, match="not empty"):
        pipeline.fit(FitOptions(data=folder / "texts.csv", out=texts.root))
