"""Continued pretraining ships only where it wins, says so, and survives being broken off bit for bit."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

from crosstune import pipeline
from crosstune.artifacts.model import load_model
from crosstune.core import interruption
from crosstune.core.clock import used_before
from crosstune.core.metric import Metric
from crosstune.core.progress import Silent
from crosstune.core.run_dir import RunDir
from crosstune.frozen.engines import registry, torch_engine
from crosstune.options import FitOptions
from crosstune.sources.base import OpenOptions
from crosstune.sources.registry import open_model
from crosstune.stages import pretraining, ship
from crosstune.training.pretrain import Pretraining
from tests.support.sets import write_texts
from tests.support.tiny import random_texts, tiny_bert_dir

WINS, UNSURE = Metric(0.1, 0.05, 0.15), Metric(0.1, -0.05, 0.15)
NAME = "fine-tuned (head) after continued pretraining"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pretraining")
    write_texts(folder / "texts.csv", 90)
    pd.DataFrame({"text": random_texts(30, seed=5)}).to_csv(folder / "more.csv", index=False)
    tiny_bert_dir(folder / "bert", layers=2)
    return folder


@pytest.fixture(autouse=True)
def _steady(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Measure no speed, and reload in this process, which costs less than a fresh one."""

    def here(model: Path, parts: Any, *, engine: str = "auto") -> list[Any]:
        return [load_model(model).outputs(items, engine=engine) for items in parts]

    monkeypatch.setenv("CROSSTUNE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(ship, "fresh_outputs", here)
    monkeypatch.setattr(torch_engine, "rate", lambda *_, **__: 1000.0)
    monkeypatch.setattr(registry, "rate", lambda *_, **__: 1000.0)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def fit(place: Path, out: Path, **values: Any) -> RunDir:
    """Train the head alone, so that whatever moves in the body is from the pretraining."""
    fixed: dict[str, Any] = {
        "strategy": "head", "epochs": 1, "lr": 1e-3, "batch_size": 16, "precision": "fp32", "engine": "torch",
        "features": "head", "budget": "none", "pretrain_on": str(place / "more.csv"), "pretrain_epochs": 1.0,
    }  # fmt: skip
    options = FitOptions(data=place / "texts.csv", model=str(place / "bert"), out=out, **fixed, **values)
    return pipeline.fit(options, reporter=Silent())


def decided(run: RunDir) -> dict[str, Any]:
    rows = {row["setting"]: row for row in json.loads(run.plan.read_text())["decisions"]}
    found: dict[str, Any] = rows["continued_pretraining"]
    return found


def body(folder: Path) -> dict[str, torch.Tensor]:
    model = load_model(folder).backbone.model if (folder / "crosstune.json").exists() else open_model(
        str(folder), OpenOptions(task="text-classification", outputs=2)
    ).model  # fmt: skip
    return {name: one for name, one in model.state_dict().items() if name.startswith("bert.encoder")}


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(one[name], other[name]) for name in one)


def told(run: RunDir) -> dict[str, Any]:
    """Give what a run leaves, without times."""
    files = {
        name: hashlib.sha256((run.root / name).read_bytes()).hexdigest()
        for name in ("model/model.safetensors", "predictions.parquet")
    }
    rows = json.loads(run.evidence.read_text())
    evidence = [{**row, "seconds": 0} for row in rows if "speed/" not in row["name"]]
    return {**files, "plan": run.plan.read_text(), "evidence": evidence}


def test_where_it_wins_it_ships_and_resumes_bit_for_bit(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pretraining, "difference", lambda *_: WINS)
    run = fit(place, tmp_path / "run")
    decision, summary = decided(run), json.loads(run.summary.read_text())
    assert (decision["value"], decision["basis"]) == ("kept", "measured")
    assert "0.1" in decision["because"]
    assert summary["shipped"] == NAME
    assert "fine-tuned (head)" in summary["candidates"]
    assert not same(body(run.model), body(place / "bert"))
    expected = told(run)
    names = {row["name"] for row in expected["evidence"]}
    assert {"masked/before", "masked/new head alone", "masked/after"} == set(decision["evidence"]) <= names
    assert not (run.root / "work").exists()
    assert "continued_pretraining" in run.report.read_text()

    made, asked = Pretraining._make_step, interruption._state

    def ended(one: Pretraining) -> None:
        made(one)
        if one.step == 2:
            monkeypatch.setattr(asked, "number", 15)

    def ended_later(*_: Any, **__: Any) -> Any:
        raise interruption.Interrupted(15)

    for number, (owner, name, value) in enumerate(
        ((Pretraining, "_make_step", ended), (pretraining, "carry_out", ended_later))
    ):
        out = tmp_path / f"broken-{number}"
        with monkeypatch.context() as patch:
            patch.setattr(owner, name, value)
            with pytest.raises(interruption.Interrupted):
                fit(place, out)
        monkeypatch.setattr(asked, "number", None)
        if name == "_make_step":  # what pretraining has used is known there only
            assert used_before(out / "work" / "pretrained" / "masked") > used_before(out / "work")
        assert told(pipeline.resume(out, reporter=Silent())) == expected


def test_where_it_does_not_clearly_win_the_training_without_it_ships(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pretraining, "difference", lambda *_: UNSURE)
    run = fit(place, tmp_path / "run")
    summary = json.loads(run.summary.read_text())
    assert decided(run)["value"] == "left out"
    assert summary["shipped"] != NAME
    assert NAME in summary["candidates"]
    assert "Continued pretraining was tried and left out" in summary["comparison"]
    assert same(body(run.model), body(place / "bert"))


def test_what_cannot_be_carried_out_is_left_out_and_said(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise pretraining.OutOfMemory("a step of continued pretraining", size=1, failure="no room")

    monkeypatch.setattr(pretraining, "pretrain", broken)
    run = fit(place, tmp_path / "run")
    assert decided(run)["value"] == "left out"
    assert "memory ran out" in decided(run)["because"]
