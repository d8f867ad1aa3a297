"""What was forgotten, from two bodies and from a whole tiny run; a share that must be kept."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from crosstune import pipeline
from crosstune.artifacts.model import load_model
from crosstune.core.errors import CannotKeep
from crosstune.core.forgetting import Forgetting
from crosstune.core.plan import Basis, Decision, Plan
from crosstune.core.run_dir import RunDir
from crosstune.data.unrelated import choose
from crosstune.data.unrelated.base import Held, UnrelatedSet
from crosstune.options import FitOptions
from crosstune.planning.facts import ModelFacts
from crosstune.planning.seconds import forgetting_seconds
from crosstune.stages import ship
from crosstune.stages.forgetting import LEAST_ROWS, affordable_rows, compare, unmoved
from crosstune.stages.outcome import Tuned
from crosstune.stages.watch import accuracies
from tests.support.sets import write_texts
from tests.support.tiny import random_texts, tiny_backbone, tiny_bert_dir

FACTS = ModelFacts(name="m", width=8, shares=(1.0,), convolutional=False, pretrained=True, pass_seconds=0.01)
TEXTS = random_texts(40)
SET = UnrelatedSet(
    name="lengths", question="long or short", raw=tuple(TEXTS),
    classes=np.array([int(len(text.split()) > 8) for text in TEXTS], np.int64),
)  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunDir:
    """Tune a tiny BERT at a high rate; what ships is reopened here, as a fresh process costs seconds."""
    folder = tmp_path_factory.mktemp("forgetting")
    fixed = {"strategy": "full", "features": "head", "closed_form": "ridge", "epochs": 1, "lr": 1e-2}
    data = write_texts(folder / "texts.csv", 90)
    model = str(tiny_bert_dir(folder / "bert", layers=2))
    options = FitOptions(data=data, model=model, out=folder / "run", budget="none", engine="torch", **fixed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ship, "fresh_outputs", reopened_here)
        return pipeline.fit(options)


def reopened_here(model: Path, parts: Any, *, engine: str = "auto") -> list[Any]:
    return [load_model(model).outputs(items, engine=engine) for items in parts]


def found_in(run: RunDir) -> Forgetting:
    return Forgetting.from_json(json.loads(run.summary.read_text())["forgetting"])


def test_the_same_body_has_forgotten_nothing(tmp_path: Path) -> None:
    backbone = tiny_backbone("bert", 3, tmp_path)
    found = compare(backbone, backbone, [SET], Held(TEXTS[:12]), cache=tmp_path / "cache")
    assert found.kept == 1.0
    assert [row.drop.value for row in found.probes] == [0.0]
    assert [one.change for one in found.blocks] == [0.0] * len(backbone.blocks)
    assert [one.alignment for one in found.blocks] == pytest.approx([1.0] * len(backbone.blocks))
    assert found.divergence is not None
    assert found.divergence.value == pytest.approx(0.0, abs=1e-9)


def test_a_language_model_is_asked_for_the_next_token_of_texts_that_are_not_the_runs_own(
    tmp_path: Path,
) -> None:
    base, tuned = tiny_backbone("llama", 2, tmp_path), tiny_backbone("llama", 2, tmp_path)
    for one in (base, tuned):
        one.model.config.tie_word_embeddings = True
    with torch.no_grad():
        tuned.model.base_model.get_input_embeddings().weight.mul_(2.0)
    own = replace(SET, name="the run's own", own=True)
    found = compare(base, tuned, [SET, own], Held(TEXTS[:12]), cache=tmp_path / "cache").language
    assert found
    assert found.texts == len(SET)
    assert found.rise.value == pytest.approx(found.after.value - found.before.value)
    assert found.rise.low > 0
    assert compare(base, tuned, [own], Held(TEXTS[:12]), cache=tmp_path / "cache").language is None


def test_only_the_block_that_moved_has_changed(tmp_path: Path) -> None:
    base, tuned = tiny_backbone("bert", 3, tmp_path), tiny_backbone("bert", 3, tmp_path)
    last = tuned.model.get_submodule(tuned.blocks[-2].modules[-1])
    with torch.no_grad():
        for parameter in last.parameters():
            parameter.mul_(1.5)
    found = compare(base, tuned, [SET], Held(TEXTS[:12]), cache=tmp_path / "cache")
    changes = [one.change for one in found.blocks]
    assert changes[-2] == pytest.approx(0.5, abs=1e-6)
    assert changes[:-2] + changes[-1:] == [0.0] * (len(changes) - 1)
    assert [one.alignment for one in found.blocks[:-2]] == pytest.approx([1.0] * (len(changes) - 2))
    assert found.blocks[-1].alignment < 0.9999
    assert found.divergence is not None
    assert found.divergence.value > 1e-6
    row = found.probes[0]
    assert row.before.value == pytest.approx(accuracies(base, [SET])[0])
    assert row.after.value == pytest.approx(accuracies(tuned, [SET])[0])


def test_a_run_reports_what_its_shipped_body_has_lost(run: RunDir) -> None:
    found = found_in(run)
    points = {one.alpha: one for one in found.line}
    assert sorted(points) == pytest.approx([0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1])
    assert [one.alpha for one in found.line if one.chosen] == [1.0]
    assert points[0.0].kept == 1.0
    assert found.kept == pytest.approx(points[1.0].kept)  # two ways: in memory, and out of model/
    assert found.line_words.startswith("the body alone moves")
    assert min(one.change for one in found.blocks) > 0
    assert found.divergence is not None
    assert found.divergence.value > 0
    assert found.source_classes == 2
    names = ["descriptions of data sets (scikit-learn)", "the manual of Python"]
    assert [row.name for row in found.probes] == names


def test_it_stands_in_report_evidence_and_log(run: RunDir) -> None:
    assert 'id="forgotten"' in run.report.read_text(encoding="utf-8")
    names = [row["name"] for row in json.loads(run.evidence.read_text())]
    for name in ("interpolation/0.5", "forgetting/divergence", "forgetting/block/stem"):
        assert name in names
    assert any(name.startswith("forgetting/probe/") for name in names)
    assert "a linear probe keeps" in run.log.read_text(encoding="utf-8")


def test_what_moves_nothing_has_nothing_to_choose_from(tmp_path: Path) -> None:
    with pytest.raises(CannotKeep, match="no weight of the body moves"):
        FitOptions(data="x.csv", keep_at_least=0.9, strategy="head")
    with pytest.raises(CannotKeep, match="random weights"):
        FitOptions(data="x.csv", keep_at_least=0.9, pretrained=False)
    assert FitOptions(data="x.csv", keep_at_least=0.9, strategy="lora").keep_at_least == 0.9


def test_rows_go_with_the_time_that_is_left() -> None:
    most, least = choose.ROWS, LEAST_ROWS
    needed = forgetting_seconds(FACTS, 2 * 4 * most)
    assert affordable_rows(3, FACTS, float("inf"), 0.0) == most
    assert affordable_rows(3, FACTS, needed, 0.0) == most
    assert affordable_rows(3, FACTS, needed, 5.0) == 0
    assert least < 300


def test_why_nothing_was_forgotten(tmp_path: Path) -> None:
    backbone = tiny_backbone("bert", 2, tmp_path)

    def tuned(strategy: str, shipped: str, *, trained: bool = True) -> Tuned:
        plan = Plan((Decision("strategy", strategy, Basis.USER, "so"),))
        model = type("Model", (), {"backbone": backbone})()
        result = object() if trained else None
        return Tuned(model=model, expected=np.zeros(1), plan=plan, shipped=shipped, comparison="",
                     candidates={}, result=result)  # type: ignore[arg-type]  # fmt: skip

    assert unmoved(tuned("full", "fine-tuned (full)")) == ""
    assert "no weight of the body moved" in unmoved(tuned("closed-form", "closed-form head", trained=False))
    assert "no weight of the body moved" in unmoved(tuned("head", "fine-tuned (head)"))
    assert "was not better" in unmoved(tuned("full", "closed-form head (ridge)"))
    backbone.pretrained = False
    assert "random weights" in unmoved(tuned("full", "fine-tuned (full)"))
