"""The gap inside a run: measured, written, shown, and a warning where it is large."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

from crosstune import pipeline
from crosstune.core.gap import Gap, GapLevel
from crosstune.core.run_dir import RunDir
from crosstune.data.errors import CheckFailed
from crosstune.options import FitOptions
from crosstune.stages import gap_inside
from crosstune.stages.gap_inside import gap_findings
from tests.support.sample_gap import picture_gap, text_gap
from tests.support.sets import write_texts
from tests.support.tiny import tiny_bert_dir

torch.set_num_threads(2)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write texts whose test split ends in another way."""
    folder = tmp_path_factory.mktemp("data")
    write_texts(folder / "train.csv", 120)
    write_texts(folder / "test.csv", 60, seed=1)
    shifted = pd.read_csv(folder / "test.csv")
    shifted["text"] += " zzz zzz zzz zzz"
    shifted.to_csv(folder / "test.csv", index=False)
    return folder


@pytest.fixture(autouse=True)
def time_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a slow machine look at as many rows as a quick one."""
    monkeypatch.setattr(gap_inside, "SECONDS", 1e9)


def fit(data: Path, tmp_path: Path, **more: Any) -> RunDir:
    model = str(tiny_bert_dir(tmp_path / "bert"))
    asked = {"strategy": "closed-form", "features": "head", "budget": "none", **more}
    return pipeline.fit(FitOptions(data=data, model=model, out=tmp_path / "run", **asked))


def test_a_shifted_test_split_is_told_everywhere(data: Path, tmp_path: Path) -> None:
    run = fit(data, tmp_path)
    summary = json.loads(run.summary.read_text(encoding="utf-8"))
    gap = Gap.from_json(summary["gap"])
    assert gap.level is GapLevel.LARGE
    assert (gap.first.name, gap.second.name, gap.second.sampled) == ("train", "test", 60)
    assert gap.differing[0].name in ("characters", "words")
    assert [code for _, code, _ in summary["findings"] if code == "domain-gap"] == ["domain-gap"]
    assert "differs most" in run.report.read_text(encoding="utf-8")
    assert run.log.read_text(encoding="utf-8").count("train and test lie far apart") == 1
    with pytest.raises(CheckFailed, match="domain-gap"):
        fit(data, tmp_path / "strict", strict=True)


def test_too_few_test_rows_are_said_to_be_too_few(data: Path, tmp_path: Path) -> None:
    frame = pd.read_csv(data / "test.csv").head(20)
    (tmp_path / "small").mkdir()
    frame.to_csv(tmp_path / "small" / "test.csv", index=False)
    pd.read_csv(data / "train.csv").to_csv(tmp_path / "small" / "train.csv", index=False)
    run = fit(tmp_path / "small", tmp_path)
    assert json.loads(run.summary.read_text(encoding="utf-8"))["gap"] is None
    assert "20 rows of test are too few" in run.log.read_text(encoding="utf-8")


def test_a_machine_that_is_too_slow_measures_nothing_and_says_so(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gap_inside, "SECONDS", 0.0)
    run = fit(data, tmp_path, strict=True)
    assert "0 rows of test are too few" in run.log.read_text(encoding="utf-8")


def test_only_a_large_gap_is_a_finding() -> None:
    assert gap_findings(text_gap()) == []
    (finding,) = gap_findings(picture_gap())
    assert (finding.severity, finding.code) == ("warning", "domain-gap")
    assert "`strategy=full`" in finding.fix
