"""A run of the whole pipeline, killed in every stage and taken up again."""

import json
import os
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

from crosstune import pipeline
from crosstune.artifacts.model import load_model
from crosstune.core.clock import Budget
from crosstune.core.progress import Silent
from crosstune.evaluation import paired, scores
from crosstune.frozen import passes
from crosstune.frozen.engines import registry, torch_engine
from crosstune.options import FitOptions
from crosstune.stages import ship
from crosstune.stages.resume import NotARun, RunInUse, alone, asked_options, begin, read_asked, take_up
from crosstune.stages.run import Run, new_folder
from crosstune.training.errors import ResumeMismatch
from tests.support.chaos import Ended, forked, sha256
from tests.support.sets import write_texts
from tests.support.tiny import tiny_bert_dir

KEPT = (
    "model/model.safetensors",
    "predictions.parquet",
    "metrics.json",
    "plan.json",
    "history.csv",
    "evidence.json",
)


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
    steady(monkeypatch)
    yield
    torch.set_num_threads(threads)


def options(place: Path, out: Path, **values: Any) -> FitOptions:
    fixed: dict[str, Any] = {
        "strategy": "full", "epochs": 1, "average": "soup", "evals_per_epoch": 2, "lr": 1e-3,
        "batch_size": 16, "precision": "fp32", "engine": "torch", "memory_format": "contiguous",
        "checkpoint_every": 0, "features": "head", "budget": "none",
    }  # fmt: skip
    return FitOptions(data=place / "texts.csv", model=str(place / "bert"), out=out, **{**fixed, **values})


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
        os.environ["CROSSTUNE_CACHE"] = str(root / "cache")
        pipeline.fit(options(place, root / "run", **values), reporter=Silent())

    return forked(work, tmp_path, under=root, kill_at=kill_at)


def resume_child(tmp_path: Path, name: str) -> Ended:
    root = tmp_path / name

    def work() -> None:
        os.environ["CROSSTUNE_CACHE"] = str(root / "cache")
        pipeline.resume(root / "run")  # its own reporter writes run.log and shows nothing

    return forked(work, tmp_path, under=root)


MOMENTS = 20
"""Kills in ``make test``; ``benchmarks/chaos.py`` makes hundreds."""


def moments(events: tuple[str, ...], count: int) -> list[int]:
    """Choose events to kill before: every rename of ``model/``, the rest spread over the whole run."""
    renames = [i for i, event in enumerate(events) if event in ("os.rename model", "os.rename .model.new")]
    spread = [round((i + 0.5) * len(events) / (count - len(renames))) for i in range(count - len(renames))]
    return sorted({*renames, *spread})


@pytest.mark.slow
def test_a_run_killed_in_any_stage_ends_as_if_it_had_not_been_killed(place: Path, tmp_path: Path) -> None:
    whole = fit_child(place, tmp_path, "whole")
    assert whole.code == 0, whole.error
    expected = outcome(tmp_path / "whole" / "run")
    chosen = moments(whole.events, MOMENTS)
    wrong: dict[str, Any] = {}
    taken_up = 0
    for moment in chosen:
        name = f"killed-{moment}"
        broken = fit_child(place, tmp_path, name, moment)
        assert broken.killed, broken.error
        if not (tmp_path / name / "run" / "run.json").exists():
            continue  # nothing was asked yet, so nothing can be lost
        taken_up += 1
        again = resume_child(tmp_path, name)
        found = outcome(tmp_path / name / "run") if again.code == 0 else {}
        differing = [key for key, value in expected.items() if found.get(key) != value]
        if differing:
            wrong[f"{moment} {whole.events[moment]}"] = again.error or differing
        shutil.rmtree(tmp_path / name)
    assert wrong == {}
    assert taken_up >= MOMENTS - 2


def steady(monkeypatch: pytest.MonkeyPatch) -> None:
    """Measure no speed, draw fewer resamples, save the frozen pass after each batch."""
    monkeypatch.setattr(passes, "_SAVE_EVERY", 0.0)
    monkeypatch.setattr(ship, "fresh_outputs", fresh_outputs_here)
    monkeypatch.setattr(torch_engine, "rate", lambda *_, **__: 1000.0)
    monkeypatch.setattr(registry, "rate", lambda *_, **__: 1000.0)
    for function in (scores.score, paired.paired_difference):
        fewer = {**(function.__kwdefaults__ or {}), "resamples": 40}
        monkeypatch.setattr(function, "__kwdefaults__", fewer)


def broken_off(place: Path, tmp_path: Path, **values: Any) -> Path:
    """Leave a run that was killed when it had its plan."""
    name, root = "broken", tmp_path / "broken"
    whole = forked(
        lambda: pipeline.fit(options(place, tmp_path / "w" / "run", **values)), tmp_path, under=tmp_path / "w"
    )
    moment = next(i for i, event in enumerate(whole.events) if event.startswith("os.rename .choices"))
    assert fit_child(place, tmp_path, name, moment, **values).killed
    return root / "run"


def test_what_cannot_be_taken_up_is_said(place: Path, tmp_path: Path) -> None:
    with pytest.raises(NotARun, match=r"run\.json"):
        pipeline.resume(tmp_path)
    (tmp_path / "run.json").write_text('{"format": 99, "options": {}}')
    with pytest.raises(NotARun, match="another format"):
        pipeline.resume(tmp_path)
    frame = pd.read_csv(place / "texts.csv")
    run = Run(
        FitOptions(data=frame, epochs=2, out=tmp_path / "run"),
        new_folder(tmp_path / "run"),
        Budget(),
        Silent(),
    )
    begin(run)
    about = read_asked(run.folder.root)
    with pytest.raises(NotARun, match="DataFrame in memory"):
        asked_options(run.folder.root, about)
    again = take_up(run.folder.root, asked_options(run.folder.root, about, frame), Silent())
    assert again.options.settings_overrides() == {"epochs": 2.0}
    with alone(run), pytest.raises(RunInUse), alone(again):
        pass


def test_a_worker_that_outlives_a_killed_run_does_not_hold_its_lock(place: Path, tmp_path: Path) -> None:
    run = Run(options(place, tmp_path / "run"), new_folder(tmp_path / "run"), Budget(), Silent())
    said = tmp_path / "worker"

    def work() -> None:
        with alone(run):
            worker = os.fork()
            if worker == 0:
                time.sleep(60)
                os._exit(0)
            said.write_text(str(worker))
            os.kill(os.getpid(), signal.SIGKILL)

    assert forked(work, tmp_path, under=tmp_path / "nothing").killed
    try:
        with alone(run):
            os.kill(int(said.read_text()), 0)  # it is still there
    finally:
        os.kill(int(said.read_text()), signal.SIGKILL)


def test_data_that_has_changed_is_an_error(place: Path, tmp_path: Path) -> None:
    here = tmp_path / "place"
    shutil.copytree(place, here)
    root = broken_off(here, tmp_path)
    text = (here / "texts.csv").read_text()
    (here / "texts.csv").write_text(text.replace("good\n", "bad\n", 1))
    with pytest.raises(ResumeMismatch, match="data is not what it was"):
        pipeline.resume(root, reporter=Silent())


def test_with_a_budget_decisions_and_time_used_are_read_back(place: Path, tmp_path: Path) -> None:
    root = broken_off(place, tmp_path, budget="10m")
    journal = json.loads((root / "work" / "clock.json").read_text())
    assert journal["used"] > 0
    (root / "work" / "clock.json").write_text('{"used": 500.0}')
    run = take_up(root, asked_options(root, read_asked(root)), Silent())
    assert 95 < run.budget.left() < 100
    heard = Heard()
    done = pipeline.resume(root, reporter=heard)
    assert any("taking up the run" in line for line in heard.said)
    assert not any(line.startswith("strategy =") for line in heard.said)
    assert json.loads(done.metrics.read_text())["seconds"]["total"] > 500
