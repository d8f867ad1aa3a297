"""A soup across trials: greedy, of the same model only, and never below the tuned model on validation."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from crosstune import pipeline
from crosstune.core.clock import Budget
from crosstune.core.evidence import Measurement
from crosstune.core.metric import Metric
from crosstune.core.plan import Basis, Decision
from crosstune.core.progress import Silent
from crosstune.options import FitOptions
from crosstune.planning.make import with_defaults
from crosstune.stages.bench import finalist
from crosstune.stages.opening import open_planned
from crosstune.stages.prepare import Prepared, prepare
from crosstune.stages.probe import probe
from crosstune.stages.run import Run, new_folder
from crosstune.stages.soup import take_soup
from crosstune.stages.trials import Chosen
from crosstune.training.judge import whole
from crosstune.training.snapshot import mean, write
from tests.support.sets import write_pictures
from tests.support.tiny import tiny_vit_dir


def row(name: str, model: str) -> Measurement:
    return Measurement(name=name, candidate=name, figure="accuracy", metric=Metric(0.5, 0.4, 0.6), examples=9,
                       seed=0, seconds=1.0, detail={"model": model})  # fmt: skip


@pytest.fixture
def parts(tmp_path: Path) -> tuple[Run, Prepared, Chosen]:
    data = write_pictures(tmp_path / "photos", 16)
    body = tiny_vit_dir(tmp_path / "vit")
    options = FitOptions(data=data, model=str(body), features="head", engine="torch", trial_soup=True,
                         strategy="full", out=tmp_path / "run", budget="none")  # fmt: skip
    run = Run(options, new_folder(tmp_path / "run"), Budget(None), Silent())
    prepared = prepare(run)
    opened = open_planned(run, prepared)
    names = ("trial/1.1", "trial/1.2", "trial/1.3")
    chosen = Chosen(
        opened=opened, probed=probe(run, prepared, opened),
        measured={"strategy": Decision("strategy", "full", Basis.MEASURED, "trials", names)},
    )  # fmt: skip
    return run, prepared, chosen


def test_finalists_of_the_model_are_mixed_in_where_validation_does_not_fall(
    parts: tuple[Run, Prepared, Chosen],
) -> None:
    run, prepared, chosen = parts
    backbone = chosen.opened.backbone
    plan = with_defaults(chosen.opened.plan, run.options.settings_overrides())
    start = whole(backbone)
    same = {name: one.clone() for name, one in start.items()}
    write(finalist(run, "trial/1.1"), same)  # a twin of the tuned model: the figure cannot fall
    write(finalist(run, "trial/1.2"), {"classifier.bias": torch.tensor([0.0, 0.0, 1e6])})  # one answer to all
    write(finalist(run, "trial/1.3"), same)
    run.measurements += [row("trial/1.1", chosen.opened.label), row("trial/1.2", chosen.opened.label)]
    run.measurements += [row("trial/1.3", "another model")]
    found = take_soup(run, prepared, chosen, plan, start, deadline=Budget())
    decision = found.decision("soup")
    kept = str(decision.value).split(" + ")
    assert "trial/1.3" not in decision.evidence
    assert "trial/1.3" not in kept
    weights = {"tuned": start, "trial/1.1": same}
    weights["trial/1.2"] = {**start, "classifier.bias": torch.tensor([0.0, 0.0, 1e6])}
    expected = mean([weights[name] for name in kept])
    held = whole(backbone)
    assert all(torch.equal(one, expected[name]) for name, one in held.items())
    scores = [
        float(word.strip(","))
        for word in decision.because.split()
        if word.strip(",").replace(".", "").isdigit()
    ]
    assert scores[0] >= scores[1]
    assert np.isfinite(scores).all()


def test_without_trials_there_is_no_soup_and_the_plan_says_so(
    parts: tuple[Run, Prepared, Chosen],
) -> None:
    run, prepared, chosen = parts
    plan = with_defaults(chosen.opened.plan, run.options.settings_overrides())
    bare = Chosen(opened=chosen.opened, probed=chosen.probed)
    before = whole(chosen.opened.backbone)
    found = take_soup(run, prepared, bare, plan, before, deadline=Budget())
    assert found.decision("soup").value == "none"
    assert all(torch.equal(one, before[name]) for name, one in whole(chosen.opened.backbone).items())


def test_a_run_keeps_its_finalists_for_the_soup(tmp_path: Path) -> None:
    options = FitOptions(
        data=write_pictures(tmp_path / "photos", 16), model=str(tiny_vit_dir(tmp_path / "vit")),
        engine="torch", features="head", epochs=1, trials=2, trial_soup=True,
        out=tmp_path / "run", budget="none",
    )  # fmt: skip
    run = pipeline.fit(options)
    decisions = json.loads(run.plan.read_text())["decisions"]
    (soup,) = [row for row in decisions if row["setting"] == "soup"]
    assert soup["basis"] == "measured"
    assert soup["evidence"] == ["trial/1.1", "trial/1.2"]
    assert soup["value"] != "none"
