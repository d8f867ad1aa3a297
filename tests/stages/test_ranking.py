"""Ranking models on a sample, and what happens to those that cannot be measured."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from crosstune import pipeline
from crosstune.core.clock import Budget
from crosstune.core.errors import BadValue, DoesNotApply, OutOfMemory
from crosstune.core.plan import Basis
from crosstune.core.progress import Silent
from crosstune.core.run_dir import RunDir
from crosstune.frozen.passes import frozen_pass
from crosstune.options import FitOptions
from crosstune.planning.candidates import Candidate
from crosstune.planning.facts import ModelFacts
from crosstune.stages.prepare import prepare
from crosstune.stages.ranking import _too_slow, choose_by_ranking, propose
from crosstune.stages.run import Run, new_folder
from tests.support.sets import write_texts
from tests.support.tagging import tagged_rows, write_rows
from tests.support.tiny import tiny_bert_dir


class Heard(Silent):
    """Keeps what was said."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        """Keep it."""
        self.lines.append(text)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ranking")
    tiny_bert_dir(folder / "small", layers=1)
    tiny_bert_dir(folder / "large", layers=3, seed=1)
    write_texts(folder / "texts.csv", 160, rated=True)
    return folder


def options(place: Path, **values: Any) -> FitOptions:
    found = {"data": place / "texts.csv", "target": "rating", "engine": "torch", "budget": "none", **values}
    return FitOptions(**{"models": (str(place / "small"), str(place / "large")), **found})


def started(asked: FitOptions, out: Path, reporter: Silent | None = None) -> Run:
    return Run(asked, new_folder(out), Budget(asked.seconds), reporter or Silent())


def test_models_are_compared_and_the_first_becomes_decisions(place: Path, tmp_path: Path) -> None:
    run = started(options(place), tmp_path / "run")
    ranking = choose_by_ranking(run, prepare(run))
    assert [row.candidate.pretrained for row in ranking.rows].count(False) == 1
    assert len(ranking.rows) == 3
    decision = ranking.decisions[0]
    assert (decision.setting, decision.basis) == ("model", Basis.MEASURED)
    assert decision.value in run.options.models
    names = {row.name for row in run.measurements}
    assert set(decision.evidence) <= names
    assert all(row.candidate.label != ranking.chosen for row in ranking.others)


def test_a_taken_up_ranking_is_read_back(place: Path, tmp_path: Path) -> None:
    first = started(options(place), tmp_path / "run")
    ranking = choose_by_ranking(first, prepare(first))
    again = Run(first.options, first.folder, Budget(None), Silent(), resumed=True)
    recalled = choose_by_ranking(again, prepare(again))
    assert recalled.decisions == ranking.decisions
    assert [row.scores.deciding for row in recalled.rows] == [row.scores.deciding for row in ranking.rows]
    assert [row.to_json() for row in again.measurements] == [row.to_json() for row in first.measurements]


def test_a_run_that_is_taken_up_late_has_the_ranking_that_it_had(place: Path, tmp_path: Path) -> None:
    first = started(options(place, budget="30m"), tmp_path / "run")
    ranking = choose_by_ranking(first, prepare(first))
    assert len(ranking.rows) == 3
    late = Run(first.options, first.folder, Budget(1.0), Silent(), resumed=True)
    recalled = choose_by_ranking(late, prepare(late))
    assert (recalled.chosen, recalled.decisions) == (ranking.chosen, ranking.decisions)
    assert [row.candidate for row in recalled.rows] == [row.candidate for row in ranking.rows]


def test_a_named_model_and_a_tight_budget_are_not_compared(place: Path, tmp_path: Path) -> None:
    run = started(options(place, model=str(place / "small")), tmp_path / "named")
    assert not choose_by_ranking(run, prepare(run)).rows
    heard = Heard()
    run = started(options(place, budget="60s"), tmp_path / "tight", heard)
    assert not choose_by_ranking(run, prepare(run)).rows
    assert any("not compared" in line for line in heard.lines)


def test_a_model_that_cannot_be_opened_is_named_with_its_reason(place: Path, tmp_path: Path) -> None:
    asked = options(place, models=(str(place / "small"), "package:no-such-thing", str(place / "large")))
    run = started(asked, tmp_path / "run")
    ranking = choose_by_ranking(run, prepare(run))
    assert [name for name, _ in ranking.skipped] == ["package:no-such-thing"]
    assert len(ranking.rows) == 3


def test_a_model_that_fails_on_the_data_is_passed_over(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(backbone: Any, *args: Any, **values: Any) -> Any:
        if backbone.name.endswith("large"):
            raise OutOfMemory("the pass", size=1, failure="no room")
        return frozen_pass(backbone, *args, **values)

    monkeypatch.setattr("crosstune.stages.rank_sample.frozen_pass", broken)
    run = started(options(place), tmp_path / "run")
    ranking = choose_by_ranking(run, prepare(run))
    reason = "memory ran out in the pass of 1 example at once: no room"
    assert ranking.skipped == ((str(place / "large"), reason),)
    assert ranking.decisions[0].value == str(place / "small")


def test_where_no_model_can_be_compared_every_reason_is_given(place: Path) -> None:
    with pytest.raises(BadValue, match="no model could be compared") as raised:
        pipeline.rank(options(place, models=("package:nothing", "package:nowhere")), reporter=Silent())
    assert "package:nothing" in raised.value.found
    assert "package:nowhere" in raised.value.found


def test_answers_that_no_closed_form_head_gives_are_refused(tmp_path: Path) -> None:
    data = write_rows(tmp_path / "rows.jsonl", tagged_rows(30))
    with pytest.raises(DoesNotApply, match="this task has none"):
        pipeline.rank(FitOptions(data=data), reporter=Silent())


def test_advice_leaves_files_in_the_cache_only(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CROSSTUNE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "elsewhere"))
    pipeline.rank(options(place), reporter=Silent())
    assert not (tmp_path / "elsewhere").exists()
    assert not [path for path in (tmp_path / "cache" / "temporary").iterdir() if path.is_dir()]


def test_rank_gives_rows_that_survive_json(place: Path) -> None:
    rows = pipeline.rank(options(place), reporter=Silent())
    assert [type(row).from_json(row.to_json()) for row in rows] == list(rows)
    assert [row.score.value for row in rows] == sorted((row.score.value for row in rows), reverse=True)
    assert all(len(row.depth) >= 1 and row.rate > 0 for row in rows)


def test_a_plan_trains_nothing_and_fit_takes_its_recipe(place: Path, tmp_path: Path) -> None:
    asked = options(place, model=str(place / "small"), budget="10m")
    advice = pipeline.plan(asked, reporter=Silent())
    pipeline.write_recipe(advice, asked, tmp_path / "plan.toml")
    from crosstune.options import fit_options

    taken = fit_options({"epochs": 1.0, "out": tmp_path / "run"}, recipe=tmp_path / "plan.toml")
    assert taken.settings_overrides()["lr"] == advice.plan["lr"]
    run: RunDir = pipeline.fit(taken, reporter=Silent())
    assert run.metrics.exists()


def test_public_figures_count_for_data_of_the_models_own_kind_only(place: Path, tmp_path: Path) -> None:
    name = "package:efficientnet-lite2"
    run = started(options(place, models=(name,)), tmp_path / "run")
    prepared = prepare(run)
    for modality, known in (("image", True), ("audio", False)):
        facts = replace(prepared.facts, modality=modality)
        first = propose(run, replace(prepared, facts=facts))[0]
        assert (first.model, first.accuracy is not None) == (name, known)


@pytest.mark.parametrize(
    ("side", "model", "most", "skipped"),
    [
        (192, "a", 300.0, True),  # 1,000 rows of 0.1 s, 0.8 x 4 times as many pixels
        (192, "a", 330.0, False),
        (192, "b", 1.0, False),
        (96, "a", 1.0, False),  # the control: its pass is known to be no longer
        (None, "a", 1.0, False),
    ],
)
def test_a_second_size_that_cannot_be_chosen_is_not_opened(
    side: int | None, model: str, most: float, skipped: bool
) -> None:
    facts = ModelFacts(
        name="a", width=8, shares=(1.0,), convolutional=True, pretrained=True, crosses=False, pass_seconds=0.1
    )
    first = Candidate(model="a", image_size=96)
    found = _too_slow(Candidate(model=model, image_size=side), [(first, facts)], 1_000, most)
    assert found == ("its pass over all rows would take about 5 min 20 s" if skipped else None)
