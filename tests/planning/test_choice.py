"""From a ranking to the model to start from."""

from dataclasses import replace

import pytest

from crosstune.core.metric import Metric
from crosstune.core.plan import Basis
from crosstune.planning.candidates import Candidate
from crosstune.planning.choice import RankFacts, choose_candidate, pass_limit, training_limit
from crosstune.planning.facts import DataFacts


def row(
    name: str, value: float, *, listed: bool = True, seconds: float = 0.01, accuracy: float | None = None,
    side: int | None = 96, pretrained: bool = True,
) -> RankFacts:  # fmt: skip
    return RankFacts(
        candidate=Candidate(model=name, image_size=side, accuracy=accuracy, pretrained=pretrained),
        score=Metric(value, value - 0.02, value + 0.02),
        listed=listed,
        pass_seconds=seconds,
        evidence=f"rank/{name}/deciding",
    )


def test_a_clear_leader_is_chosen_with_its_size() -> None:
    ranked = [row("a", 0.9), row("b", 0.8, listed=False, accuracy=99.0)]
    chosen, decisions = choose_candidate(ranked, rows=1000, limit=210.0)
    assert chosen is ranked[0]
    assert [(one.setting, one.value, one.basis) for one in decisions] == [
        ("model", "a", Basis.MEASURED), ("image_size", 96, Basis.MEASURED),
    ]  # fmt: skip
    assert decisions[0].evidence == ("rank/a/deciding", "rank/b/deciding")
    assert "ahead of 1 other" in decisions[0].because


def test_the_prior_breaks_a_tie_and_only_a_tie() -> None:
    ranked = [
        row("a", 0.90, accuracy=75.0),
        row("b", 0.89, accuracy=77.0),
        row("c", 0.7, listed=False, accuracy=80.0),
    ]
    chosen, decisions = choose_candidate(ranked, rows=1000, limit=210.0)
    assert chosen.candidate.model == "b"
    assert "cannot tell it from a" in decisions[0].because


def test_without_a_prior_the_higher_figure_breaks_the_tie() -> None:
    ranked = [row("a", 0.90, seconds=0.03), row("b", 0.89)]
    chosen, decisions = choose_candidate(ranked, rows=1000, limit=210.0, trains=12.0)
    assert chosen.candidate.model == "a"
    assert decisions[0].because.endswith("of which it has the highest figure")


@pytest.mark.parametrize(
    ("trains", "model", "words"),
    [
        (40.0, "large", "of which it has the highest public accuracy"),
        (25.0, "middle", "has the highest public accuracy among those that there is time to train"),
        (12.0, "small", "is the one that there is the most time to train"),
        (1.0, "small", "is the one that there is the most time to train"),
    ],
)
def test_the_prior_chooses_among_those_that_there_is_time_to_train(
    trains: float, model: str, words: str
) -> None:
    ranked = [
        row("large", 0.90, accuracy=80.0, seconds=0.03),
        row("middle", 0.90, accuracy=77.0, seconds=0.02),
        row("small", 0.89, accuracy=75.0, seconds=0.01),
        row("tiny", 0.7, listed=False, accuracy=70.0, seconds=0.001),
    ]
    chosen, decisions = choose_candidate(ranked, rows=1000, limit=210.0, trains=trains)
    assert chosen.candidate.model == model
    assert decisions[0].because.endswith(words)


def test_time_to_train_is_that_of_the_usual_epochs() -> None:
    one = DataFacts(
        task="image-classification", modality="image", train_rows=55_000, validation_rows=5_000,
        test_rows=0, outputs=10,
    )  # fmt: skip
    assert training_limit(one, 810.0) == 90.0  # three epochs, three passes each
    assert training_limit(replace(one, task="object-detection", closed_form=False), 810.0) == float("inf")


def test_a_model_whose_pass_takes_too_much_of_the_budget_is_left_out_and_named() -> None:
    ranked = [row("slow", 0.95, seconds=1.0), row("quick", 0.9, listed=False)]
    chosen, decisions = choose_candidate(ranked, rows=1000, limit=210.0)
    assert chosen.candidate.model == "quick"
    assert "too slow for the budget: slow @96" in decisions[0].because


def test_where_all_are_too_slow_the_fastest_is_taken() -> None:
    ranked = [row("slow", 0.95, seconds=2.0), row("quicker", 0.9, seconds=1.0)]
    chosen, decisions = choose_candidate(ranked, rows=1000, limit=210.0)
    assert chosen.candidate.model == "quicker"
    assert "the fastest" in decisions[0].because


def test_a_control_is_never_chosen() -> None:
    ranked = [row("a", 0.95, pretrained=False), row("a", 0.9)]
    chosen, _ = choose_candidate(ranked, rows=10, limit=210.0)
    assert chosen.candidate.pretrained


def test_a_text_model_has_no_size() -> None:
    _, decisions = choose_candidate([row("a", 0.9, side=None)], rows=10, limit=210.0)
    assert [one.setting for one in decisions] == ["model"]


def test_a_pass_has_a_share_of_the_time_and_with_masks_and_boxes_whole_epochs_must_fit() -> None:
    one = DataFacts(
        task="image-classification", modality="image", train_rows=850, validation_rows=150, test_rows=0,
        outputs=3,
    )  # fmt: skip
    assert pass_limit(one, 1200.0) == 420.0
    boxes = replace(one, task="object-detection", closed_form=False)
    assert pass_limit(boxes, 1200.0) == pytest.approx(1200 / (3 * 0.6 * 35))  # 30,000 / 850 epochs
    assert pass_limit(replace(boxes, train_rows=100_000), 90.0) == 10.0
    assert pass_limit(boxes, float("inf")) == float("inf")
    ranked = [row("large", 0.64, seconds=1 / 21, accuracy=80.0), row("small", 0.6, seconds=1 / 82)]
    limits = {minutes: pass_limit(boxes, 60.0 * minutes) for minutes in (6, 20, 60)}
    chosen = {
        minutes: choose_candidate(ranked, rows=1000, limit=limit)[0].candidate.model
        for minutes, limit in limits.items()
    }
    assert chosen == {6: "small", 20: "small", 60: "large"}
