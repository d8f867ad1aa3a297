"""Why this model: who stands where, which decisions go together, and what was not measured."""

from dataclasses import replace

from crosstune.core.metric import Metric
from crosstune.core.plan import Basis, Decision, Plan
from crosstune.reports.figures import NOTHING
from crosstune.reports.why import chosen_row, standings, why
from tests.support.sample_summary import classification, named, regression


def test_the_chosen_model_is_the_one_of_the_plan_at_its_size() -> None:
    made = classification()
    row = chosen_row(made)
    assert row
    assert row.label == "package:efficientnet-lite0 @96"
    larger = made.plan.extended(Decision("image_size", 160, Basis.MEASURED, "tried"))
    again = chosen_row(replace(made, plan=larger))
    assert again
    assert again.image_size == 160
    assert chosen_row(replace(made, plan=Plan(), model="elsewhere")) is None


def test_standings_in_words() -> None:
    assert standings(classification()) == {
        "package:efficientnet-lite0 @224": "the best figure",
        "package:efficientnet-lite0 @96": "chosen: cannot be told from the best",
        "package:efficientnet-lite0 @160": "cannot be told from the best",
        "package:efficientnet-lite2 @96": "behind the best",
        "package:efficientnet-lite1 @96": "behind the best",
        "local:scratch-cnn": "behind the best",
        "package:efficientnet-lite0 @96 (random weights)": "control: behind the best",
    }


def test_decisions_of_one_reason_stand_together() -> None:
    found = why(classification()).reasons
    assert [[name for name, _ in reason.settings] for reason in found] == [
        ["model"], ["image_size"], ["strategy", "lr"], ["loss"],
    ]  # fmt: skip
    assert found[2].settings == (("strategy", "lp-ft"), ("lr", "0.0005"))


def test_the_number_of_blocks_is_named_only_where_it_counts() -> None:
    made = classification()
    blocks = Decision("last_blocks", 6, Basis.MEASURED, "counted")
    last = Decision("strategy", "last", Basis.MEASURED, "tried")

    def names(*more: Decision) -> list[str]:
        reasons = why(replace(made, plan=made.plan.extended(*more))).reasons
        return [name for reason in reasons for name, _ in reason.settings]

    assert "last_blocks" not in names(blocks)
    assert "last_blocks" in names(blocks, last)
    adapters = Decision("strategy", "lora", Basis.USER, "asked for")
    kind = Decision("lora_variant", "dora", Basis.USER, "asked for")
    assert "lora_variant" not in names(kind)
    assert "lora_variant" in names(kind, adapters)


def test_the_table_has_a_column_for_every_score_that_a_model_has() -> None:
    compared = why(classification()).compared
    assert compared
    assert compared.heads == (
        "Ridge",
        "Neighbours",
        "Examples a second",
        "Public accuracy",
        "LogME",
        "H-score",
    )
    cells = {name: line for name, _, line in compared.rows}
    assert cells["package:efficientnet-lite0 @96"][:4] == (
        ("0.866", "0.847 to 0.881"), ("0.830", "0.809 to 0.846"), ("122", ""), ("75.1 %", ""),
    )  # fmt: skip
    assert cells["local:scratch-cnn"][3] == (NOTHING, "")
    assert [name for name, chosen, _ in compared.rows if chosen] == ["package:efficientnet-lite0 @96"]
    texts = why(regression()).compared
    assert texts
    assert "Public accuracy" not in texts.heads


def test_random_weights_as_good_as_the_best_are_an_alarm() -> None:
    made = classification()
    assert why(made).compared.control == ""  # type: ignore[union-attr]
    tied = tuple(replace(row, shortlisted=True) for row in made.ranking)
    found = why(replace(made, ranking=tied)).compared
    assert found
    assert found.control.startswith("Random weights do as well as the best model")


def test_what_was_not_measured_is_one_sentence() -> None:
    assert why(classification()).missing == ""
    assert why(regression()).missing == "Not measured in this run: short trainings of several configurations."
    found = why(named())
    assert "(you named this one)" in found.missing
    assert (found.reasons, found.compared, found.depth, found.tried, found.time) == ((), None, None, None, "")


def test_without_heads_of_its_own_the_curve_is_that_of_the_ranking() -> None:
    made = classification()
    depth = (("block 5", Metric(0.4, 0.3, 0.5)), ("tail", Metric(0.6, 0.5, 0.7)))
    rows = tuple(
        replace(row, figure="macro-f1", depth=depth, rows_are="boxes of 90 training pictures")
        for row in made.ranking
    )
    found = why(replace(made, ranking=rows, depth=(), primary_metric="map"))
    assert found.depth
    assert (found.depth.title, found.depth_title) == ("Macro F1 by depth", "Macro F1")
    assert [name for name, _ in found.blocks] == ["block 5", "tail"]
    assert found.missing == ""
    assert found.compared
    assert found.compared.note.startswith("Macro F1 on 2,000 boxes of 90 training pictures, each answered")
    assert why(made).depth_title == "Accuracy"


def test_time_counts_what_took_any() -> None:
    made = replace(
        classification(), seconds={"rank the models": 12.0, "trials": 0.01, "training": 60, "total": 90}
    )
    assert why(made).time == "Comparing models 12 s, the last training 60 s; 90 s in all."
    assert why(replace(made, seconds={})).time == ""


def test_trials_keep_their_order_and_name_their_loss() -> None:
    tried = why(classification()).tried
    assert tried
    assert tried.heads == ("Rate", "Round", "Accuracy", "Log loss", "Epochs", "Time")
    assert tried.rows[9][:3] == ("package:efficientnet-lite0 @96", "lp-ft", True)
    assert [cell for cell, _ in tried.rows[9][3]] == ["0.0005", "2", "0.931", "0.211", "2.4", "21 s"]
    made = regression()
    values = replace(
        made, validation={**made.validation, "rmse": Metric(1.0, 0.9, 1.1)},
        trials=(replace(classification().trials[0], metric=Metric(0.8, 0.7, 0.9)),),
    )  # fmt: skip
    numbers = why(values).tried
    assert numbers
    assert numbers.heads[2:4] == ("Pearson correlation", "Root mean squared error")


def test_a_task_without_a_loss_has_no_column_of_one() -> None:
    made = classification()
    plain = replace(made, validation={"accuracy": made.validation["accuracy"]})
    tried = why(plain).tried
    assert tried
    assert tried.heads == ("Rate", "Round", "Accuracy", "Epochs", "Time")
    assert {len(cells) for *_, cells in tried.rows} == {5}
