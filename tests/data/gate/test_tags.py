"""Findings about tags: transitions, counts, and nothing to learn."""

import numpy as np

from crosstune.data.gate.tags import tag_findings


def named(rows: np.ndarray) -> list[str]:
    return [f"row {row}" for row in rows]


def test_illegal_transitions_are_named_in_the_scheme_of_training() -> None:
    train = [["B-A", "I-A", "O"], ["O", "I-A", "O"], ["B-A", "O", "B-A"]] * 5
    test = [["O", "B-A"], ["I-A", "O"]]
    found = tag_findings({"train": train, "test": test}, np.ones(17, np.bool_), named, training="train")
    assert [finding.code for finding in found] == ["entity-counts", "illegal-tags"]
    counts, wrong = found
    assert counts.severity == "note"
    assert "20 entities in 15 training rows, tagged as IOB2: A 20" in counts.sentence
    assert wrong.items[0] == "row 1 (word 1: `I-A` behind `O`)"
    assert wrong.items[-1] == "row 16 (word 0: `I-A` at the beginning)"
    assert len(wrong.items) == 6


def test_rows_that_do_not_count_are_not_judged() -> None:
    rows = [["O", "I-A"], ["B-A", "I-A"], ["B-A"]]
    usable = np.array([False, True, True])
    found = tag_findings({"all": rows}, usable, named, training="all")
    assert [(finding.code, finding.severity) for finding in found] == [("entity-counts", "warning")]


def test_an_entity_that_is_never_closed_is_named() -> None:
    rows = [["B-A", "E-A"], ["O", "B-A"], ["S-A"]]
    (_, wrong) = tag_findings({"all": rows}, np.ones(3, np.bool_), named, training="all")
    assert wrong.items == ("row 1 (the end behind `B-A`)",)


def test_tags_without_any_entity_are_an_error() -> None:
    (found,) = tag_findings({"all": [["O"], ["O", "O"]]}, np.ones(2, np.bool_), named, training="all")
    assert (found.code, found.severity) == ("constant-target", "error")
