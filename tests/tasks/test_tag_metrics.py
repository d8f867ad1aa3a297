"""Entity-level figures against sets of entities counted one by one."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crosstune.core.tags import entities
from crosstune.evaluation.scores import point, score
from crosstune.tasks.token_classification import TokenClassification

TASK = TokenClassification(("LOC", "PER"))
TAGS = st.sampled_from(TASK.tags)
ROW = st.integers(1, 6).flatmap(
    lambda words: st.tuples(*[st.lists(TAGS, min_size=words, max_size=words)] * 2)
)
PAIRS = st.lists(ROW, min_size=1, max_size=5)


def letters(rows: list[list[str]]) -> Any:
    number = {tag: chr(0x100 + place) for place, tag in enumerate(TASK.tags)}
    return np.array(["".join(number[tag] for tag in row) for row in rows])


def by_hand(pairs: list[tuple[list[str], list[str]]], kind: str | None) -> tuple[float, float, float]:
    right = ours = theirs = 0
    for answer, truth in pairs:
        found, there = (
            {one for one in entities(tags) if kind in (None, one.kind)} for tags in (answer, truth)
        )
        right, ours, theirs = right + len(found & there), ours + len(found), theirs + len(there)
    precision = right / ours if ours else 0.0
    recall = right / theirs if theirs else 0.0
    return precision, recall, 2 * precision * recall / (precision + recall) if right else 0.0


@given(PAIRS)
def test_figures_are_those_counted_by_hand(pairs: list[tuple[list[str], list[str]]]) -> None:
    answers, truth = (letters([pair[side] for pair in pairs]) for side in (0, 1))
    found = point(TASK, answers, truth)
    precision, recall, f1 = by_hand(pairs, None)
    assert found["f1"] == pytest.approx(f1)
    assert (found["precision"], found["recall"]) == (pytest.approx(precision), pytest.approx(recall))
    for kind in TASK.kinds:
        assert found[f"f1/{kind}"] == pytest.approx(by_hand(pairs, kind)[2])


def test_figures_and_types_are_those_of_seqeval() -> None:
    """Figures that seqeval 1.2.2 gave for these rows, in its default mode (``average="micro"``)."""
    truth = [["O", "B-PER", "I-PER", "O"], ["B-LOC", "I-LOC", "B-LOC"], ["I-PER", "O", "B-LOC", "I-PER"]]
    ours = [["O", "B-PER", "O", "O"], ["B-LOC", "I-LOC", "I-LOC"], ["B-PER", "O", "I-LOC", "B-PER"]]
    found = point(TASK, letters(ours), letters(truth))
    expected = SEQEVAL
    assert {name: round(value, 6) for name, value in found.items()} == expected


SEQEVAL = {"f1": 0.545455, "precision": 0.6, "recall": 0.5, "f1/LOC": 0.4, "f1/PER": 0.666667}


def test_intervals_come_from_resampled_sums() -> None:
    draw = np.random.default_rng(0)
    truth = letters([[TASK.tags[one] for one in draw.integers(0, 5, 8)] for _ in range(60)])
    other = letters([[TASK.tags[one] for one in draw.integers(0, 5, 8)] for _ in range(30)])
    answers = np.concatenate([other, truth[30:]])
    found = score(TASK, answers, truth, resamples=200)["f1"]
    assert found.low < found.value < found.high
    spec = TASK.metrics["f1"]
    table = spec.prepare(answers, truth)
    assert spec.parts is not None
    assert spec.from_sums is not None
    rows = draw.integers(0, 60, 60)
    sums = spec.parts(*(one[rows] for one in table)).sum(axis=0, keepdims=True)
    assert spec.from_sums(sums)[0] == pytest.approx(spec.reduce(*(one[rows] for one in table)))


def test_nothing_found_and_nothing_there_is_zero() -> None:
    empty = letters([["O", "O"]])
    assert set(point(TASK, empty, empty).values()) == {0.0}


def test_with_many_types_only_the_whole_is_figured() -> None:
    many = TokenClassification(tuple(f"T{number:02d}" for number in range(40)))
    assert set(many.metrics) == {"f1", "precision", "recall"}
    assert set(TokenClassification(("PER",)).metrics) == {"f1", "precision", "recall"}
