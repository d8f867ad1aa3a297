"""What choices look at: all rows, unless the user says otherwise."""

from dataclasses import replace

from crosstune.planning.domains import choose_select_by
from crosstune.planning.facts import DataFacts

FACTS = DataFacts(
    task="text-regression", modality="text", train_rows=100, validation_rows=20, test_rows=30, outputs=1
)


def test_all_rows_count_and_the_other_ways_are_named_where_there_are_domains() -> None:
    assert choose_select_by(FACTS).because == "the default"
    found = choose_select_by(replace(FACTS, domains=4))
    assert found.value == "overall"
    assert "of the 4 domains" in found.because
    assert "worst-domain" in found.because
