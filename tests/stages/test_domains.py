"""A run whose rows come from domains: figures for each, one held out, and what the choices looked at."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from crosstune import pipeline
from crosstune.artifacts.model import load_model
from crosstune.core.run_dir import RunDir
from crosstune.core.summary import RunSummary
from crosstune.data.errors import BadDomains
from crosstune.data.read import read
from crosstune.options import FitOptions
from tests.support.sets import write_texts
from tests.support.tiny import tiny_bert_dir


def write_domains(path: Path, rows: int = 160) -> Path:
    """Write rated texts of a large domain, a small one whose ratings are turned round, and a third."""
    with write_texts(path, rows, rated=True).open(encoding="utf-8") as handle:
        found = list(csv.DictReader(handle))
    for number, row in enumerate(found):
        row["place"] = "abroad" if number % 4 == 0 else "home"
        row["place"] = "away" if number % 5 == 0 else row["place"]
        if row["place"] == "abroad":
            row["rating"] = str(-float(row["rating"]))
    with path.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.DictWriter(handle, ["text", "rating", "place"])
        writer.writeheader()
        writer.writerows(found)
    return path


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("domains")
    tiny_bert_dir(folder / "bert", layers=2)
    write_domains(folder / "texts.csv")
    return folder


def options(place: Path, out: str, **values: Any) -> FitOptions:
    fixed = {
        "target": "rating",
        "domain": "place",
        "strategy": "closed-form",
        "engine": "torch",
        "budget": "none",
    }
    return FitOptions(data=place / "texts.csv", model=str(place / "bert"), out=place / out, **fixed | values)


@pytest.fixture(scope="module")
def run(place: Path) -> RunDir:
    return pipeline.fit(options(place, "run", held_out_domain="away", select_by="worst-domain"))


def test_figures_of_each_domain_are_those_of_its_rows(run: RunDir) -> None:
    found = json.loads(run.metrics.read_text())
    table = pd.read_parquet(run.predictions)
    for row in found["domains"]["rows"]:
        if row["split"] == "test":
            rows = table[table["domain"] == row["domain"]]
            assert row["rows"] == len(rows)
            by_hand = np.corrcoef(rows["value"], rows["target"])[0, 1]
            assert row["metrics"]["pearson"]["value"] == pytest.approx(by_hand, abs=1e-5)
    tested = {row["domain"]: row for row in found["domains"]["rows"] if row["split"] == "test"}
    assert set(tested) == {"home", "abroad"}
    values = [row["metrics"]["pearson"]["value"] for row in tested.values()]
    assert found["domains"]["worst"]["test"]["pearson"]["value"] == min(values)
    assert found["domains"]["mean"]["test"]["pearson"]["value"] == pytest.approx(np.mean(values))
    assert found["domains"]["worst_domain"]["test"] == min(
        tested, key=lambda one: values[list(tested).index(one)]
    )


def test_the_held_out_domain_is_never_trained_on_and_stands_apart(run: RunDir, place: Path) -> None:
    found = json.loads(run.metrics.read_text())
    outside = pd.read_parquet(run.out_of_domain_predictions)
    assert set(outside["domain"]) == {"away"}
    assert len(outside) == 32
    assert found["out_of_domain"]["held_out"] == ["away"]
    assert found["out_of_domain"]["rows"] == 32
    by_hand = np.corrcoef(outside["value"], outside["target"])[0, 1]
    assert found["out_of_domain"]["metrics"]["pearson"]["value"] == pytest.approx(by_hand, abs=1e-5)
    assert set(found["out_of_domain"]["baselines"]) == {"mean", "TF-IDF + linear"}
    assert not set(outside["origin"]) & set(pd.read_parquet(run.predictions)["origin"])
    # The same task, fitted on the training rows alone, whatever the other domain holds.
    inside = [row for row in read(place / "texts.csv").splits["all"] if row["place"] != "away"]
    counts = json.loads(run.summary.read_text())["counts"]
    assert counts["train"] + counts["validation"] + counts["test"] == len(inside)
    assert load_model(run.root).task.name == "text-regression"


def test_choices_looked_at_the_worst_domain_and_the_plan_says_so(run: RunDir) -> None:
    summary = RunSummary.from_json(json.loads(run.summary.read_text()))
    decision = summary.plan.decision("select_by")
    assert (decision.value, decision.basis.value) == ("worst-domain", "user")
    evidence = json.loads(run.evidence.read_text())
    heads = [row for row in evidence if row["name"].startswith("closed-form/")]
    assert {row["figure"] for row in heads} == {"worst-domain pearson"}
    assert summary.domains is not None
    assert summary.domains.select_by == "worst-domain"
    page = run.report.read_text()
    assert "Domain by domain" in page
    assert "On the held-out domain away" in page
    log = run.log.read_text()
    assert "held-out domain away: pearson" in log
    assert "worst domain" in log


def test_a_run_without_domains_says_nothing_of_them(place: Path) -> None:
    found = pipeline.fit(options(place, "plain", domain=None))
    metrics = json.loads(found.metrics.read_text())
    assert not {"domains", "out_of_domain"} & metrics.keys()
    assert not found.out_of_domain_predictions.exists()
    assert "domain" not in pd.read_parquet(found.predictions).columns


def test_what_cannot_be_done_is_said_before_anything_is_computed(place: Path) -> None:
    with pytest.raises(BadDomains, match="did you mean `--held-out-domain abroad`"):
        pipeline.fit(options(place, "wrong", held_out_domain=("abraod", "nowhere")))
    with pytest.raises(BadDomains, match="--select-by mean-domain without --domain"):
        pipeline.fit(options(place, "without", domain=None, select_by="mean-domain"))
