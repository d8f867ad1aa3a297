"""The size at which a tuned model answers: what is tried, what is taken, what is kept in the folder."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import crosstune
from crosstune.artifacts.model import SavedModel, load_model
from crosstune.core.clock import Budget
from crosstune.core.errors import DoesNotApply
from crosstune.core.metric import Metric
from crosstune.core.plan import Basis, Decision, Plan
from crosstune.core.progress import Silent
from crosstune.planning.facts import ModelFacts
from crosstune.planning.places import LEAST_SIDE, answer_seconds, answer_sides
from crosstune.sources.base import Backbone
from crosstune.stages import answer_size
from crosstune.stages.answer_size import (
    SETTING,
    Sized,
    choose_answer_size,
    require_answer_size,
    reserved,
    sides_to_try,
)
from crosstune.stages.forgetting import both_bodies
from crosstune.tasks.image_segmentation import ImageSegmentation
from tests.planning.test_strategy import DATA, MODEL
from tests.stages.test_segmentation import FAST, data  # noqa: F401 - a fixture
from tests.support.segmentation import CLASSES, mask_items, segmenter

FACTS: ModelFacts = replace(MODEL, pass_seconds=0.1)


def plan_of(augment: str = "flip+crop", answer: int | None = None) -> Plan:
    rows = {"augment": augment, SETTING: answer}
    return Plan(tuple(Decision(name, value, Basis.ASSUMED, "") for name, value in rows.items()))


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Backbone:
    return segmenter("efficientnet", tmp_path_factory.mktemp("model"))


def test_larger_sides_are_multiples_of_what_bodies_reduce_by() -> None:
    assert answer_sides(224) == (256, 288, 320)
    assert answer_sides(128) == (160, 192)
    assert all(one > LEAST_SIDE for one in answer_sides(LEAST_SIDE))


def test_only_crops_of_models_that_read_any_side_are_tried(backbone: Backbone, tmp_path: Path) -> None:
    side = backbone.preprocessing.describe()["side"]
    assert sides_to_try(plan_of(), backbone) == answer_sides(side)
    assert sides_to_try(plan_of("flip"), backbone) == ()
    assert sides_to_try(plan_of("flip", 2 * side), backbone) == (2 * side,)
    assert sides_to_try(plan_of(answer=side), backbone) == ()
    for other in ("segformer", "vit"):
        fixed = segmenter(other, tmp_path)  # type: ignore[arg-type]
        assert sides_to_try(plan_of(), fixed) == ()
        with pytest.raises(DoesNotApply, match="answer_size"):
            require_answer_size({SETTING: 96}, fixed)
        require_answer_size({}, fixed)
    require_answer_size({SETTING: 96}, backbone)


def test_time_is_kept_for_the_answers(backbone: Backbone) -> None:
    facts = replace(DATA, validation_rows=10, test_rows=20)
    assert answer_seconds(facts, FACTS, [2.0, 4.0]) == pytest.approx(0.1 * (10 * 6 + 20 * 3))
    opened: Any = SimpleNamespace(backbone=backbone, facts=FACTS)
    held: Any = SimpleNamespace(facts=facts)
    budget = Budget(1_000.0)
    assert reserved(budget, held, opened, plan_of("flip")).seconds == 1_000.0
    shares = [(one / 64) ** 2 for one in answer_sides(64)]
    assert backbone.preprocessing.describe()["side"] == 64
    less = reserved(budget, held, opened, plan_of()).seconds
    assert less == pytest.approx(1_000.0 - answer_seconds(facts, FACTS, shares))


@dataclass
class Run(Silent):
    """A run, as far as it is told things."""

    said: list[str]
    decisions: list[Decision]

    @classmethod
    def new(cls) -> Any:
        """Make one that nothing was told yet."""
        run: Any = cls([], [])
        run.reporter, run.measurements, run.settings = run, [], SimpleNamespace(seed=0)
        run.say, run.decided = run.said.append, run.decisions.append
        return run


def chosen(
    backbone: Backbone, gains: dict[int, Metric], monkeypatch: pytest.MonkeyPatch, *,
    answer: int | None = None, seconds: float | None = None,
) -> tuple[Sized, Any]:  # fmt: skip
    """Choose where the sizes differ by ``gains``."""
    items = mask_items(3)
    task = ImageSegmentation(CLASSES)
    model = SavedModel(backbone=backbone, task=task)
    run = Run.new()
    held: Any = SimpleNamespace(
        items={"validation": items}, encoded={"validation": task.encode(items.targets())},
        facts=replace(DATA, validation_rows=3), chosen_by=lambda: SimpleNamespace(name="mean-iou"),
    )  # fmt: skip
    left = iter(gains.values())
    monkeypatch.setattr(answer_size, "difference", lambda *_: next(left))
    outputs = model.outputs(items)
    opened: Any = SimpleNamespace(backbone=backbone, facts=FACTS)
    plan = plan_of(answer=answer)
    found = choose_answer_size(run, held, opened, plan, model, outputs, deadline=Budget(seconds))
    assert len(run.measurements) == len(gains) - len(list(left))
    return found, run


def test_the_best_of_those_that_are_certainly_better_is_taken(
    backbone: Backbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = 96, 128
    monkeypatch.setattr(answer_size, "answer_sides", lambda _: (first, second))
    good, unsure = Metric(0.05, 0.01, 0.09), Metric(0.07, -0.01, 0.15)
    found, run = chosen(backbone, {first: good, second: unsure}, monkeypatch)
    assert (found.plan[SETTING], found.model.backbone.preprocessing.describe()["side"]) == (first, first)
    assert found.plan.decision(SETTING).basis == Basis.MEASURED
    assert found.plan.decision(SETTING).evidence == (f"answer-size/{first}",)
    assert [one.value for one in run.decisions] == [first]
    assert [one.metric for one in run.measurements] == [good, unsure]
    again = found.model.outputs(mask_items(3))
    assert np.array_equal(found.outputs, again)
    found, run = chosen(backbone, {first: unsure, second: unsure}, monkeypatch)
    assert (found.plan[SETTING], found.model.backbone, run.decisions) == (None, backbone, [])
    found, _ = chosen(backbone, {first: good, second: Metric(0.04, 0.02, 0.06)}, monkeypatch)
    assert found.plan[SETTING] == first


def test_what_the_user_names_is_taken_and_without_time_nothing_is_tried(
    backbone: Backbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    worse = Metric(-0.2, -0.3, -0.1)
    found, run = chosen(backbone, {96: worse}, monkeypatch, answer=96, seconds=0.0)
    assert (found.plan[SETTING], found.model.backbone.preprocessing.describe()["side"]) == (96, 96)
    assert run.decisions == []
    found, run = chosen(backbone, {96: worse}, monkeypatch, seconds=0.0)
    assert found.model.backbone is backbone
    assert run.said == ["no time is left to try answers at 96 px"]


def test_the_folder_reads_pictures_at_the_size_of_answers(data: Path, tmp_path: Path) -> None:  # noqa: F811
    more: dict[str, Any] = {**FAST, "epochs": 2.0, "augment": "crop", "image_size": 64, SETTING: 96}
    run = crosstune.fit(data, out=tmp_path / "run", **more)
    model = load_model(run.model)
    assert model.backbone.preprocessing.describe()["side"] == 96
    plan = {one["setting"]: one["value"] for one in json.loads(run.plan.read_text())["decisions"]}
    assert (plan["image_size"], plan[SETTING]) == (64, 96)
    assert "mask_side = 64" in run.log.read_text()
    written = json.loads(run.metrics.read_text())["test"]["mean-iou"]["value"]
    assert crosstune.evaluate(run.root, data)["mean-iou"].value == pytest.approx(written)
    rows = json.loads((run.root / "evidence.json").read_text())
    assert any(one["name"] == "answer-size/96" for one in rows)
    held: Any = SimpleNamespace(folder=run, options=SimpleNamespace(model=FAST["model"]))
    sides = {body.preprocessing.describe()["side"] for body in both_bodies(held)}
    assert sides == {96}  # what was forgotten is measured at one size


def test_a_named_size_without_effect_is_said(data: Path, tmp_path: Path) -> None:  # noqa: F811
    fast = {name: value for name, value in FAST.items() if name != "strategy"}  # whoever names one gets it
    more: dict[str, Any] = {**fast, "epochs": 1.0, SETTING: 96, "lr": 1e-12, "head_lr": 1e-12}
    run = crosstune.fit(data, out=tmp_path / "run", **more)
    assert load_model(run.model).backbone.preprocessing.describe()["side"] == 64
    assert "answer_size=96 had no part in this run" in run.log.read_text()
