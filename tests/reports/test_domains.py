"""Domains on the page and in the card: every one with its interval, and what stands for several."""

from dataclasses import replace

from crosstune.core.metric import Metric
from crosstune.reports.card import render_card
from crosstune.reports.domains import domain_values
from crosstune.reports.page import render_report
from crosstune.reports.verdict import verdict
from tests.reports.test_page import hostile
from tests.support.sample_domains import domain_table
from tests.support.sample_summary import classification

OUTSIDE = {"accuracy": Metric(0.66, 0.61, 0.71)}
SUMMARY = replace(classification(), domains=domain_table(), out_of_domain=OUTSIDE)


def test_lines_of_the_table() -> None:
    assert domain_values(classification()) is None
    found = domain_values(SUMMARY)
    assert found is not None
    lines = [(row.name, row.split, row.rows, row.cells[0][0], row.sums_up) for row in found.rows]
    assert lines == [
        ("tweets", "test", "400", "0.910", False),
        ("movies", "test", "1,600", "0.790", False),
        ("worst (movies)", "test", "2,000", "0.790", True),
        ("mean over domains", "test", "2,000", "0.910", True),
        ("products", "held out", "2,000", "0.660", False),
    ]
    assert found.metrics == ("Accuracy", "Log loss")
    assert found.chosen_by == "choices looked at the worst domain of validation"


def test_page_and_card_show_them_and_the_verdict_says_what_is_out_of_domain() -> None:
    page, card = render_report(SUMMARY), render_card(SUMMARY)
    for words in ("Domain by domain", "worst (movies)", "0.660", "0.610 to 0.710", "Out of domain"):
        assert words in page
    assert "On the held-out domain products: 0.660 (0.610 to 0.710)." in verdict(SUMMARY).sentence
    assert "## Domain by domain" in card
    assert "| products | held out | 2,000 | 0.660 (0.610 to 0.710) |" in card
    for text in (render_report(classification()), render_card(classification())):
        assert "Domain by domain" not in text


def test_a_domain_may_have_any_name() -> None:
    name = "<script>alert(1)</script>\x1b[31m|`\n# x"
    table = domain_table(name)
    summary = replace(hostile(classification()), domains=table, out_of_domain=OUTSIDE)
    assert "<script>alert(1)" not in render_report(summary)
    assert "\x1b" not in render_report(summary) + render_card(summary)
    assert "\n# x" not in render_card(summary)
