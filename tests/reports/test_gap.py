"""Plain words about a gap, exact, for each level; figures as a reader would write them."""

from dataclasses import replace

import pytest

from crosstune.core.gap import GapLevel, GapProperty
from crosstune.core.metric import Metric
from crosstune.reports.gap import gap_section, gap_words, measure_rows, property_sentence
from tests.support.sample_gap import picture_gap, text_gap


def test_a_large_gap_is_told_with_what_differs_most() -> None:
    assert gap_words(picture_gap()) == (
        "photos and phone lie far apart: a linear rule on the features of package:efficientnet-lite0 @96 "
        "knows 96 % of the examples by their set (AUC 0.987, 0.981 to 0.992; proxy A-distance 1.84 of 2). "
        "Sharpness differs most: pictures of phone are less sharp, in 98 % of pairs (median 0.0430 against "
        "0.410). So does size, but less."
    )


def test_equal_sets_are_told_as_such() -> None:
    assert gap_words(text_gap()) == (
        "train.csv and test.csv cannot be told apart on the features of package:minilm (AUC 0.508, 0.466 to "
        "0.547). No simple property differs."
    )


def property_of(name: str, value: float, medians: tuple[float, float]) -> GapProperty:
    return GapProperty(name=name, more=Metric(value, value, value), medians=medians, differs=True)


@pytest.mark.parametrize(
    ("name", "value", "medians", "expected"),
    [
        ("characters", 0.9, (20.0, 104.5), "Length|longer, in 90 %|104 characters against 20 characters"),
        ("upper case", 0.2, (0.051, 0.0), "Upper case|poorer in capitals, in 80 %|0.0 % against 5.1 %"),
        ("new one", 0.7, (1.0, 2.0), "New one|higher in new one, in 70 %|2 against 1"),
    ],
)
def test_a_property_is_told_with_its_direction(
    name: str, value: float, medians: tuple[float, float], expected: str
) -> None:
    gap = replace(text_gap(), level=GapLevel.SOME, properties=(property_of(name, value, medians),))
    title, direction, medians_shown = expected.split("|")
    sentence = f"{title} differs most: texts of test.csv are {direction} of pairs (median {medians_shown})."
    assert property_sentence(gap) == sentence
    assert "differ: a linear rule" in gap_words(gap)


def test_every_measure_that_was_taken_has_a_row() -> None:
    rows = {row["title"]: (row["value"], row["beside"]) for row in measure_rows(picture_gap())}
    assert rows["Proxy A-distance"] == ("1.84", "95 % interval 1.79 to 1.88")
    assert rows["MMD"] == ("0.0521", "p = 0.005")
    assert rows["Dataset distance"] == ("600", "1,105 between the sets less 505 within one")
    assert [row["title"] for row in measure_rows(text_gap())] == [
        "Proxy A-distance",
        "AUC of the rule",
        "MMD",
    ]


def test_a_run_without_a_gap_has_no_section() -> None:
    assert gap_section(None) is None
    section = gap_section(replace(text_gap(), properties=()))
    assert section is not None
    assert section["forest"] is None
    assert section["properties"] == ""
