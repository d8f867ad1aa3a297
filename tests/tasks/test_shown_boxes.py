"""Figures of shown boxes by hand, and the threshold against every other."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crosstune.tasks.box_matching import match
from crosstune.tasks.box_metrics import Judge
from crosstune.tasks.box_rows import BoxRows, as_array
from crosstune.tasks.shown_boxes import best_threshold, shown_metrics
from tests.support.boxes import drawn

CLASSES = 3
FAR = [[0.0, 0, 10, 10], [20, 0, 30, 10], [40, 0, 50, 10], [60, 0, 70, 10]]


def boxes(places: list[int], values: list[float], kinds: list[int] | None = None) -> BoxRows:
    sides = np.array([FAR[place] for place in places]).reshape(-1, 4)
    return BoxRows((100.0, 50.0), sides, np.array(kinds or [0] * len(places)), np.array(values, float))


def figures(found: list[BoxRows], truth: list[BoxRows], least: float) -> dict[str, float]:
    given = as_array(found), as_array(truth)
    return {
        name: spec.reduce(*spec.prepare(*given))
        for name, spec in shown_metrics(Judge(CLASSES), least).items()
    }


def brute(found: list[BoxRows], truth: list[BoxRows], least: float) -> float:
    """Leave out what is below, and only then let boxes choose partners."""
    right = shown = there = 0
    for one, true in zip(found, truth, strict=True):
        matched = match(one.only(one.values >= least), true)
        right += int(matched.right[0, 0].sum())
        shown += int((~matched.ignored[0, 0]).sum())
        there += int(matched.counted[0].sum())
    return 2 * right / (shown + there) if shown + there else 0.0


def test_figures_are_shares_of_boxes() -> None:
    found = [boxes([0, 1, 2], [0.9, 0.6, 0.2]), boxes([3], [0.8], [1])]
    truth = [boxes([0, 2], [1, 1]), boxes([3, 1], [1, 1], [2, 0])]
    assert figures(found, truth, 0.5) == pytest.approx(
        {"precision-50": 1 / 3, "recall-50": 1 / 4, "f1-50": 2 / 7}
    )
    assert figures(found, truth, 0.1)["recall-50"] == 0.5
    none = figures(found, truth, 0.95)
    assert np.isnan(none["precision-50"])
    assert none["f1-50"] == 0


def test_what_lies_on_an_ignored_object_is_not_counted() -> None:
    found, truth = [boxes([0, 1], [0.9, 0.8])], [boxes([0, 1], [1, 0])]
    assert figures(found, truth, 0.5) == {"precision-50": 1, "recall-50": 1, "f1-50": 1}
    best = best_threshold(Judge(CLASSES), as_array(found), as_array(truth))
    assert best is not None
    assert (best.score, best.f1) == (0.45, 1)


def test_the_threshold_lies_midway_and_shows_as_few_as_possible() -> None:
    found, truth = [boxes([0, 3, 1, 2], [0.9, 0.5, 0.4, 0.1])], [boxes([0, 1], [1, 1])]
    best = best_threshold(Judge(CLASSES), as_array(found), as_array(truth))
    assert best is not None  # F1: 2/3 with one box, 1/2, 4/5 with three, 2/3
    assert best.score == pytest.approx(0.25)
    assert best.f1 == pytest.approx(0.8)


def test_without_a_right_box_there_is_none() -> None:
    found, truth = [boxes([0], [0.9])], [boxes([1], [1.0])]
    assert best_threshold(Judge(CLASSES), as_array(found), as_array(truth)) is None
    assert best_threshold(Judge(CLASSES), as_array([boxes([], [])]), as_array([boxes([], [])])) is None


@settings(max_examples=40)
@given(st.integers(0, 2**31), st.booleans())
def test_no_threshold_is_better(seed: int, coarse: bool) -> None:
    found, truth = drawn(6, seed)
    if coarse:  # many equal scores
        found = [BoxRows(one.size, one.boxes, one.classes, np.round(one.values, 1)) for one in found]
    best = best_threshold(Judge(CLASSES), as_array(found), as_array(truth))
    scores = np.unique(np.concatenate([one.values for one in found]))
    every = [brute(found, truth, least) for least in scores]
    if best is None:
        assert max(every, default=0.0) == 0
    else:
        assert best.f1 == pytest.approx(max(every))
        assert brute(found, truth, best.score) == pytest.approx(best.f1)
        assert figures(found, truth, best.score)["f1-50"] == pytest.approx(best.f1)
