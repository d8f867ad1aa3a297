"""Questions, whole numbers as answers, and what is read of what a model says."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.support.benchmark_scripts import benchmark_script

sentiment = benchmark_script("sentiment")
script = benchmark_script("ratings_by_chat")


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("-2", -2.0),
        (" 3.", 3.0),
        ("I say 1.5, not 2", 1.5),
        ("9", 4.0),
        ("-77", -4.0),
        ("good", None),
        ("", None),
    ],
)
def test_the_first_number_counts_and_is_held_to_the_scale(said: str, found: float | None) -> None:
    assert script.number(said) == found


def test_rows_are_questions_with_whole_numbers(tmp_path: Path) -> None:
    rows = {"train": [sentiment.Text("fine", 0.6, "g"), sentiment.Text("bad", -1.0, "g")], "test": []}
    script.write(tmp_path / "rows.jsonl", rows)
    first, second = map(json.loads, (tmp_path / "rows.jsonl").read_text(encoding="utf-8").splitlines())
    assert (first["completion"], second["completion"]) == ("2", "-4")
    assert first["prompt"].endswith("\n\nfine")
    assert first["split"] == "train"


def test_answers_without_a_number_count_as_nothing() -> None:
    ratings = np.array([-1.0, 0.0, 1.0, 0.5])
    found = script.figures(ratings, ["-4", "none", "4", "2"])
    assert found["pearson"] == pytest.approx(1.0)
    assert found["without_number"] == 0.25
