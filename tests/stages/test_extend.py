"""A run that has ended, extended: the same as one that was asked for all its epochs, or refused by name."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

from crosstune import pipeline
from crosstune.core.errors import BadValue
from crosstune.core.progress import Silent
from crosstune.stages.extend import NotExtendable
from tests.stages.test_resume import Heard, options, outcome, resume_child, steady
from tests.support.chaos import forked
from tests.support.sets import write_texts
from tests.support.tiny import tiny_bert_dir

CONSTANT = {"schedule": "constant", "warmup": 0.0, "extendable": True}
"""At a constant rate the number of epochs says only when to end."""


@pytest.fixture(autouse=True)
def _one_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("CROSSTUNE_CACHE", str(tmp_path / "cache"))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    steady(monkeypatch)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    write_texts(tmp_path / "texts.csv", 90)
    tiny_bert_dir(tmp_path / "bert", layers=2)
    return tmp_path


def made(place: Path, name: str, **values: Any) -> Path:
    return pipeline.fit(options(place, place / name / "run", **values), reporter=Silent()).root


def without_plan(root: Path) -> dict[str, str]:
    found = outcome(root)
    plan = {row["setting"]: row["value"] for row in json.loads(found.pop("plan.json"))["decisions"]}
    return {**found, "plan": json.dumps(plan, sort_keys=True)}


def test_an_extended_run_is_the_longer_run_also_after_a_kill(place: Path) -> None:
    whole = without_plan(made(place, "whole", **CONSTANT, epochs=2))
    root = made(place, "parts", **CONSTANT)
    short = without_plan(root)
    shutil.copytree(root.parent, place / "killed")
    heard = Heard()
    assert pipeline.resume(root, epochs=2, reporter=heard).root == root
    assert without_plan(root) == whole != short
    assert any("from 1 to 2 epochs" in line for line in heard.said)
    about = json.loads((root / "run.json").read_text())
    assert about["finished"]
    assert [row["epochs"] for row in about["extensions"]] == [2.0]
    rows = json.loads((root / "plan.json").read_text())["decisions"]
    (epochs,) = (row for row in rows if row["setting"] == "epochs")
    assert (epochs["value"], epochs["basis"], epochs["replaced"]) == (2.0, "user", 1.0)

    killed = forked(
        lambda: pipeline.resume(place / "killed" / "run", epochs=2, reporter=Silent()),
        place, under=place / "killed", kill_at=70,
    )  # fmt: skip
    assert killed.killed, killed.error
    again = resume_child(place, "killed")
    assert again.code == 0, again.error
    assert without_plan(place / "killed" / "run") == whole

    with pytest.raises(NotExtendable, match="2 epochs are made already"):
        pipeline.resume(root, epochs=2, reporter=Silent())
    (checkpoint,) = (root / "work" / "checkpoints").glob("step-*-end")
    shutil.rmtree(checkpoint)
    with pytest.raises(NotExtendable, match="not whole"):
        pipeline.resume(root, epochs=3, reporter=Silent())
    assert json.loads((root / "run.json").read_text())["finished"], "a refusal changes nothing"


def test_where_nothing_was_trained_or_kept_or_ended_it_is_refused(place: Path) -> None:
    root = made(place, "closed", strategy="closed-form", extendable=True)
    with pytest.raises(NotExtendable, match="nothing was trained"):
        pipeline.resume(root, epochs=2, reporter=Silent())
    about = json.loads((root / "run.json").read_text())
    (root / "run.json").write_text(json.dumps(about | {"finished": None}))
    with pytest.raises(NotExtendable, match="not ended"):
        pipeline.resume(root, epochs=2, reporter=Silent())
    (root / "run.json").write_text(json.dumps(about))
    shutil.rmtree(root / "work")
    with pytest.raises(NotExtendable, match="fit --extendable"):
        pipeline.resume(root, epochs=2, reporter=Silent())
    assert not (root / "work").exists()
    with pytest.raises(BadValue, match="epochs"):
        pipeline.resume(root, epochs=-1, reporter=Silent())
    with pytest.raises(BadValue, match="budget alone"):
        pipeline.resume(root, budget="5m", reporter=Silent())


def test_a_budget_of_the_extension_counts_from_what_is_used(place: Path) -> None:
    root = made(place, "run", **CONSTANT)
    (root / "work" / "clock.json").write_text('{"used": 500.0}')
    pipeline.resume(root, epochs=2, budget="10m", reporter=Silent())
    assert json.loads((root / "run.json").read_text())["options"]["budget"] == 1100.0
    assert pd.read_csv(root / "history.csv")["epoch"].max() == 2.0
