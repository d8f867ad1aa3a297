"""From a ranking to the model to start from."""

from crosstune.core.metric import Metric
from crosstune.core.plan import Basis
from crosstune.planning.candidates import Candidate
from crosstune.planning.choice import RankFacts, choose_candidate


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
    chosen, decisions = choose_candidate(ranked, rows=1000, seconds=600.0)
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
    chosen, decisions = choose_candidate(ranked, rows=1000, seconds=600.0)
    assert chosen.candidate.model == "b"
    assert "cannot tell it from a" in decisions[0].because


def test_without_a_prior_the_higher_figure_breaks_the_tie() -> None:
    chosen, _ = choose_candidate([row("a", 0.90), row("b", 0.89)], rows=1000, seconds=600.0)
    assert chosen.candidate.model == "a"


def test_a_model_whose_pass_takes_too_much_of_the_budget_is_left_out_and_named() -> None:
    ranked = [row("slow", 0.95, seconds=1.0), row("quick", 0.9, listed=False)]
    chosen, decisions = choose_candidate(ranked, rows=1000, seconds=600.0)
    assert chosen.candidate.model == "quick"
    assert "too slow for the budget: slow @96" in decisions[0].because


def test_where_all_are_too_slow_the_fastest_is_taken() -> None:
    ranked = [row("slow", 0.95, seconds=2.0), row("quicker", 0.9, seconds=1.0)]
    chosen, decisions = choose_candidate(ranked, rows=1000, seconds=600.0)
    assert chosen.candidate.model == "quicker"
    assert "the fastest" in decisions[0].because


def test_a_control_is_never_chosen() -> None:
    ranked = [row("a", 0.95, pretrained=False), row("a", 0.9)]
    chosen, _ = choose_candidate(ranked, rows=10, seconds=600.0)
    assert chosen.candidate.pretrained


def test_a_text_model_has_no_size() -> None:
    _, decisions = choose_candidate([row("a", 0.9, side=None)], rows=10, seconds=600.0)
    assert [one.setting for one in decisions] == ["model"]
