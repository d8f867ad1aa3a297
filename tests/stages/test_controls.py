"""Controls: every arm is a training like the run's own, all is recalled, the report says the answer."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from crosstune import pipeline
from crosstune.core.errors import BadValue
from crosstune.core.run_dir import RunDir
from crosstune.core.summary import RunSummary
from crosstune.options import FitOptions
from crosstune.planning.controls import (
    FROZEN,
    FROZEN_RANDOM,
    NO_BODY,
    OWN,
    RAW,
    TUNED,
    TUNED_RANDOM,
)
from crosstune.stages import controls
from crosstune.stages.run import Run
from crosstune.stages.trials import try_out
from tests.support.sets import write_pictures
from tests.support.tiny import tiny_bert_dir, tiny_vit_dir

pytestmark = pytest.mark.slow  # twelve tiny trainings

ASKED = {"controls": True, "control_seeds": 2, "budget": "none", "engine": "torch", "strategy": "fpt"}
SMALL = {"image_size": 16, "patch": 4, "epochs": 2.0, "trials": 2, "precision": "fp32", "extendable": True}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("controls")
    tiny_bert_dir(place / "bert", layers=1)
    tiny_vit_dir(place / "vit", layers=1)
    write_pictures(place / "photos", 12, side=16)
    return place


RATES: dict[str, float | None] = {}
"""The rate that each arm and seed was given, ``None`` where it made a sweep."""


def try_out_noted(sub: Run, *rest: Any) -> Any:
    RATES[sub.folder.root.name] = sub.options.settings_overrides().get("lr")
    return try_out(sub, *rest)


@pytest.fixture(scope="module")
def run(folder: Path) -> RunDir:
    """Fit a tiny text body on pictures, with all controls; a tiny ViT is the model of the data's own kind."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(controls, "_own_model", lambda *_: str(folder / "vit"))
        patch.setattr(controls, "try_out", try_out_noted)
        return pipeline.fit(options(folder))


def options(folder: Path, **values: Any) -> FitOptions:
    place = {"data": folder / "photos", "model": str(folder / "bert"), "out": folder / "run"}
    return FitOptions(**{**place, **ASKED, **SMALL, **values})


def summary(run: RunDir) -> RunSummary:
    return RunSummary.from_json(json.loads(run.summary.read_text()))


def test_every_arm_has_its_seeds_its_sweep_and_an_interval(run: RunDir) -> None:
    found = summary(run).controls
    assert found
    rows = {row.name: row for row in found.rows}
    assert list(rows) == [FROZEN, FROZEN_RANDOM, TUNED, TUNED_RANDOM, NO_BODY, OWN, RAW]
    assert (found.seeds, found.skipped) == (2, ())
    assert found.examples == summary(run).counts["test"]
    for name, row in rows.items():
        trained = name != RAW
        assert len(row.values) == (2 if trained else 1)
        assert row.metric.low <= row.metric.value <= row.metric.high
        assert row.metric.value == pytest.approx(sum(row.values) / len(row.values))
        assert len(row.swept) == 2 * trained
        assert not trained or row.lr in [rate for rate, _ in row.swept]
    moves = {name: (row.strategy, row.pretrained) for name, row in rows.items() if row.model}
    assert moves == {
        FROZEN: ("fpt", True), FROZEN_RANDOM: ("fpt", False), TUNED: ("orca", True),
        TUNED_RANDOM: ("full", False), NO_BODY: ("full", False), OWN: ("lp-ft", True),
    }  # fmt: skip


def test_only_the_arm_that_is_the_run_itself_takes_over_its_sweep(run: RunDir) -> None:
    found = summary(run).controls
    assert found
    own = next(row for row in found.rows if row.name == FROZEN)
    trials = [row for row in json.loads(run.evidence.read_text()) if row["name"].startswith("trial/1.")]
    assert own.swept == tuple((row["detail"]["lr"], row["metric"]["value"]) for row in trials)
    swept = {name for name, rate in RATES.items() if rate is None}
    assert swept == {name for name in RATES if name.endswith("-0")} - {"frozen-body-0"}
    assert RATES["frozen-body-0"] == own.lr


def test_the_question_is_about_the_runs_own_strategy_and_answered_in_one_sentence(run: RunDir) -> None:
    found = summary(run).controls
    assert found
    pairs = [(gain.ours, gain.theirs) for gain in found.gains]
    rest = [(FROZEN, other) for other in (NO_BODY, RAW, OWN)]
    assert pairs == [(FROZEN, FROZEN_RANDOM), (TUNED, TUNED_RANDOM), *rest]
    rows = {row.name: row.metric.value for row in found.rows}
    for gain in found.gains:
        assert gain.metric.value == pytest.approx(rows[gain.ours] - rows[gain.theirs])
    for page in (run.report, run.card):
        sentences = re.findall(r"Pretraining on texts [^.]*?by|Pretraining on texts", page.read_text())
        assert len(sentences) == 1, page
    card = run.card.read_text()
    assert "only crosstune loads this model" in card
    assert "import crosstune" in card
    assert "from transformers import pipeline" not in card


def test_a_run_that_is_taken_up_recalls_its_controls(
    run: RunDir, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run kept its work folder (``extendable``); its record says again that it goes on."""
    before = summary(run).controls
    about = json.loads(run.options.read_text())
    run.options.write_text(json.dumps(about | {"finished": None}))
    monkeypatch.setattr(controls, "_own_model", lambda *_: str(folder / "vit"))
    monkeypatch.setattr(controls, "_train", lambda *_: pytest.fail("an arm was trained again"))
    pipeline.resume(run.root)
    after = summary(run).controls
    assert before
    assert after
    assert [row.values for row in after.rows] == [row.values for row in before.rows]
    assert after.gains == before.gains


def test_controls_of_a_model_that_reads_such_data_anyway_are_an_error(folder: Path, tmp_path: Path) -> None:
    own = {"model": str(folder / "vit"), "out": tmp_path / "run", "strategy": None, "patch": None}
    with pytest.raises(BadValue, match="change their modality"):
        pipeline.fit(options(folder, **own, image_size=None))
