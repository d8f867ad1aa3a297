"""The confusion matrix class by class, against hand-computed shares."""

from dataclasses import replace

import pytest

from crosstune.reports.classes import check_shape, class_rows, confused_pairs, matrix
from tests.support.sample_summary import classification

CONFUSION = [[8, 2, 0], [1, 9, 0], [0, 0, 0]]
NAMES = ("cat", "dog", "none")


def test_cells_know_their_share() -> None:
    cells = matrix(CONFUSION, NAMES)
    assert [(cell.text, cell.kind) for cell in cells[0]] == [("8", "hit"), ("2", "miss"), ("", "none")]
    assert cells[0][0].depth == pytest.approx(0.08 + 0.92 * 0.8)
    assert cells[0][1].depth == 1.0
    assert cells[0][1].hint == "cat answered as dog: 2 of 10 (20 %)"
    assert all(cell.kind == "none" for cell in cells[2])


def test_pairs_come_by_count() -> None:
    pairs = confused_pairs(CONFUSION, NAMES, most=1)
    assert [(pair.truth, pair.predicted, pair.number, pair.share) for pair in pairs] == [
        ("cat", "dog", "2", "20 %")
    ]


def test_rows_put_the_least_found_class_first() -> None:
    counts = {"train": {"cat": 50, "dog": 60}}
    rows = class_rows(replace(classification(), classes=NAMES, confusion=CONFUSION, class_counts=counts))
    assert [(row.name, row.recall, row.precision, row.counts) for row in rows] == [
        ("cat", "0.800", "0.889", ("50",)),
        ("dog", "0.900", "0.818", ("60",)),
        ("none", "\N{EN DASH}", "\N{EN DASH}", ("0",)),
    ]


def test_a_matrix_of_another_size_is_an_error() -> None:
    with pytest.raises(ValueError, match="not 2 by 2"):
        check_shape(CONFUSION, ("a", "b"))
