"""Word and character error rates against plain dynamic programming."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crosstune.evaluation.bootstrap import taken
from crosstune.tasks.recognition_metrics import edits, recognition_metrics

WORDS = st.lists(st.sampled_from(["a", "bb", "c"]), max_size=6).map(" ".join)


def _distance(said: list[str], heard: list[str]) -> int:
    row = list(range(len(heard) + 1))
    for i, one in enumerate(said, start=1):
        row, before = [i], row
        for j, other in enumerate(heard, start=1):
            row.append(min(before[j] + 1, row[-1] + 1, before[j - 1] + (one != other)))
    return row[-1]


@given(WORDS.filter(bool), WORDS)
def test_edits_are_as_few_as_possible_and_balance(said: str, heard: str) -> None:
    (found,) = edits(np.array([heard]), np.array([said]), words=True).tolist()
    substituted, deleted, inserted, words = found
    assert substituted + deleted + inserted == _distance(said.split(), heard.split())
    assert words == len(said.split())
    assert words - deleted + inserted == len(heard.split())


@given(WORDS.filter(bool), WORDS)
def test_characters_are_counted_with_spaces(said: str, heard: str) -> None:
    (found,) = edits(np.array([heard]), np.array([said]), words=False).tolist()
    assert sum(found[:3]) == _distance(list(said), list(heard))
    assert found[3] == len(said)


def test_rates_are_sums_over_sums() -> None:
    said = np.array(["one two three four", "five"])
    heard = np.array(["one too three", "five six"])
    figures = {name: spec.reduce(*spec.prepare(heard, said)) for name, spec in recognition_metrics().items()}
    assert figures["wer"] == pytest.approx(3 / 5)
    assert (figures["substitutions"], figures["deletions"], figures["insertions"]) == (0.2, 0.2, 0.2)
    assert not any(spec.higher_is_better for spec in recognition_metrics().values())


def test_a_resample_is_scored_as_its_rows_alone() -> None:
    said, heard = np.array(["a b", "c", "d e f"]), np.array(["a", "c", "d x f"])
    spec, rows = recognition_metrics()["wer"], np.array([2, 2, 0])
    assert spec.reduce(*taken(spec.prepare(heard, said), rows)) == pytest.approx(
        spec.reduce(*spec.prepare(heard[rows], said[rows]))
    )


def test_an_empty_reference_has_no_rate() -> None:
    with pytest.raises(ValueError, match="empty reference"):
        edits(np.array(["a"]), np.array([""]), words=True)
