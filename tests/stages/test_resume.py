"""A run of the whole pipeline, killed in every stage and taken up again."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

from crosstune import pipeline
from crosstune.artifacts.model import load_model
from crosstune.core.errors import UserError
from crosstune.core.progress import Silent
from crosstune.options import FitOptions
from crosstune.stages import ship
from crosstune.stages.resume import NotARun, RunInUse, alone, begin, read_asked, take_up
from crosstune.training.errors import ResumeMismatch
from tests.support.chaos import Ended, forked, sha256
from tests.support.sets import write_texts
from tests.support.tiny import tiny_bert_dir

KEPT = ("model/model.safetensors", "predictions.parquet", "metrics.json", "plan.json", "history.csv", "evidence.json")


class Heard(Silent):
    """Remembers what was said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, text: str) -> None:
        """Remember."""
        self.said.append(text)

    warn = say


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("resume")
    write_texts(folder / "texts.csv", 90)
    tiny_bert_dir(folder / "bert", layers=2)
    return folder


@pytest.fixture(autouse=True)
def _one_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("CROSSTUNE_CACHE", str(tmp_path / "cache"))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def options(place: Path, out: Path, **values: Any) -> FitOptions:
    fixed = {"strategy": "full", "epochs": 1, "lr": 1e-3, "batch_size": 16, "precision": "fp32", "engine": "torch",
             "memory_format": "contiguous", "checkpoint_every": 0, "budget": "none"}  # fmt: skip
    return FitOptions(
        data=place / "texts.csv", model=str(place / "bert"), out=out, **{**fixed, **values}
    )


def test_a_finished_run_says_so_and_stays_as_it_is(place: Path, tmp_path: Path) -> None:
    run = pipeline.fit(options(place, tmp_path / "run", strategy="closed-form", features="head"))
    before = {path: sha256(path) for path in run.root.rglob("*") if path.is_file() and path.name != "run.log"}
    heard = Heard()
    assert pipeline.resume(run.root, reporter=heard).root == run.root
    assert "nothing is left to do" in heard.said[0]
    after = {path: sha256(path) for path in run.root.rglob("*") if path.is_file() and path.name != "run.log"}
    assert after == before


def outcome(root: Path) -> dict[str, str]:
    """Hash what a run leaves; of JSON and CSV without the times."""
    found = {}
    for name in KEPT:
        path = root / name
        if path.suffix == ".json":
            found[name] = json.dumps(timeless(json.loads(path.read_text())), sort_keys=True)
        elif path.suffix == ".csv":
            found[name] = pd.read_csv(path).drop(columns="seconds").to_csv()
        else:
            found[name] = sha256(path)
    return found


def timeless(value: Any) -> Any:
    """Leave out seconds, and measurements of speed."""
    if isinstance(value, dict):
        return {key: timeless(one) for key, one in value.items() if key != "seconds"}
    if isinstance(value, list):
        return [timeless(one) for one in value if not (isinstance(one, dict) and _is_speed(one))]
    return value


def _is_speed(row: dict[str, Any]) -> bool:
    return str(row.get("name", "")).startswith("speed/")


def fresh_outputs_here(model: Path, parts: Any, *, engine: str = "auto") -> list[Any]:
    """Stand in for a fresh process, which costs seconds: the saved model, reopened in this one."""
    return [load_model(model).outputs(items, engine=engine) for items in parts]


def fit_child(place: Path, tmp_path: Path, name: str, kill_at: int | None = None, **values: Any) -> Ended:
    """Fit in a child with a cache of its own, so that each run makes its own frozen pass."""
    root = tmp_path / name

    def work() -> None:
        ship.fresh_outputs = fresh_outputs_here
        os.environ["CROSSTUNE_CACHE"] = str(root / "cache")
        pipeline.fit(options(place, root / "run", **values), reporter=Silent())

    return forked(work, tmp_path, under=root, kill_at=kill_at)


def resume_child(tmp_path: Path, name: str) -> Ended:
    root = tmp_path / name

    def work() -> None:
        ship.fresh_outputs = fresh_outputs_here
        os.environ["CROSSTUNE_CACHE"] = str(root / "cache")
        pipeline.resume(root / "run", reporter=Silent())

    return forked(work, tmp_path, under=root)
