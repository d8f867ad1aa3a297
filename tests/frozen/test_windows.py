"""Long texts in parts: cut out as written, and put together word by word."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crosstune.core.words import marked, unmarked
from crosstune.frozen.answers import model_answers
from crosstune.frozen.windows import merged, part, windowed_answers
from crosstune.sources.base import OpenOptions
from crosstune.sources.registry import open_model
from crosstune.tasks.token_classification import TokenClassification
from tests.support.tagging import tiny_tagger_dir
from tests.support.tiny import MemoryItems

TASK = TokenClassification(("LOC", "PER"))


@given(st.text(st.sampled_from("ab., \n"), min_size=1, max_size=20), st.integers(0, 8), st.integers(1, 8))
def test_a_part_has_its_words_as_they_stood(text: str, start: int, length: int) -> None:
    form = marked(text)
    cut = part(form, start, start + length)
    assert cut.split() == form.split()[start : start + length]
    assert unmarked(cut) in text


def test_words_in_both_parts_are_answered_by_the_one_that_sees_further() -> None:
    places = [(0, 0, 3), (1, 0, 6), (1, 3, 8), (1, 7, 9), (2, 0, 1)]
    found = merged(["abc", "111111", "22222", "33", "z"], places, 3)
    assert found.tolist() == ["abc", "111112223", "z"]


def test_long_texts_have_an_answer_for_every_word(tmp_path: Path) -> None:
    folder = tiny_tagger_dir(tmp_path / "model")
    options = OpenOptions(task=TASK.name, outputs=5, symbols=TASK.tags, max_length=16)
    backbone = open_model(str(folder), options)
    texts = ["the film", marked("ada,mary! " * 30), "", "rome"]
    texts[2] = "london"
    found = windowed_answers(backbone, MemoryItems(texts), TASK.answers)
    assert [len(one) for one in found.tolist()] == [len(text.split()) for text in texts]
    short = model_answers(backbone, MemoryItems([texts[0], texts[2], texts[3]]), TASK.answers)
    assert np.array_equal(found[[0, 2, 3]], short)
    (first, *_) = backbone.preprocessing.windows(texts[1], 0.25)  # type: ignore[attr-defined]
    alone = model_answers(backbone, MemoryItems([part(texts[1], *first)]), TASK.answers)[0]
    assert found[1].startswith(alone[: len(alone) // 2])


@pytest.mark.parametrize("rows", [0, 2])
def test_short_texts_are_answered_as_they_are(tmp_path: Path, rows: int) -> None:
    folder = tiny_tagger_dir(tmp_path / "model")
    backbone = open_model(str(folder), OpenOptions(task=TASK.name, outputs=5, symbols=TASK.tags))
    assert len(windowed_answers(backbone, MemoryItems(["ada"] * rows), TASK.answers)) == rows
