"""Words with tags, and texts with spans, brought to one form; what cannot be is named by row."""

import json
from pathlib import Path
from typing import Any

import pytest
from datasets import Dataset, DatasetDict
from hypothesis import given
from hypothesis import strategies as st

from crosstune.core.tags import Entity, entities
from crosstune.core.words import places, unmarked
from crosstune.data.check import check
from crosstune.data.errors import WrongTask
from crosstune.data.infer import TAGGING, infer_task
from crosstune.data.read import read
from crosstune.data.tagged import from_spans, from_words

TEXT = "Ada Lovelace met Byron, in London."
SPANS = [(0, 12, "PER"), (17, 22, "PER"), (27, 33, "LOC")]


def rows_of(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def as_dicts(spans: list[tuple[int, int, str]]) -> list[dict[str, Any]]:
    return [dict(zip(("start", "end", "label"), span, strict=True)) for span in spans]


@pytest.mark.parametrize("form", ["dicts", "lists"])
def test_spans_become_tags(tmp_path: Path, form: str) -> None:
    spans = as_dicts(SPANS) if form == "dicts" else [list(span) for span in SPANS]
    data = read(rows_of(tmp_path / "a.jsonl", {"text": TEXT, "spans": spans}, {"text": "No.", "spans": []}))
    assert (data.inputs, data.target, data.tagged, data.modality) == (("text",), "spans", True, "text")
    assert infer_task(data)[0] == TAGGING
    items = data.items("all")
    (first, second) = items.batch([0, 1])
    assert unmarked(first) == TEXT
    assert first.split() == ["Ada", "Lovelace", "met", "Byron", ",", "in", "London", "."]
    assert items.targets()[0] == ["B-PER", "I-PER", "O", "B-PER", "O", "O", "B-LOC", "O"]
    assert (second.split(), items.targets()[1]) == (["No", "."], ["O", "O"])


@pytest.mark.parametrize("names", [("tokens", "tags"), ("words", "ner_tags"), ("W", "T")])
def test_words_and_tags_stay_as_they_are(tmp_path: Path, names: tuple[str, str]) -> None:
    words, tags = names
    path = rows_of(tmp_path / "a.jsonl", {words: ["in", "U.S.", "courts"], tags: ["O", "S-LOC", "O"]})
    named: dict[str, Any] = {"target": tags, "inputs": (words,)} if words == "W" else {}
    data = read(path, **named)
    assert data.items("all").batch([0]) == ["in U.S. courts"]
    assert data.items("all").targets() == [["O", "S-LOC", "O"]]
    assert infer_task(data)[0] == TAGGING


def test_numbers_of_tags_are_named_as_the_data_declares() -> None:
    from datasets import ClassLabel, Features, Sequence, Value

    features = Features(
        {"tokens": Sequence(Value("string")), "ner_tags": Sequence(ClassLabel(names=["O", "B-X"]))}
    )
    data = read(Dataset.from_dict({"tokens": [["a", "b"]], "ner_tags": [[0, 1]]}, features=features))
    assert data.items("all").targets() == [["O", "B-X"]]


def test_lists_of_words_are_enough_to_predict() -> None:
    data = read(Dataset.from_dict({"tokens": [["a", "b."]]}), inputs=("tokens",), need_target=False)
    assert data.items("all").batch([0]) == ["a b."]


def test_other_data_stays_what_it_was(tmp_path: Path) -> None:
    several = Dataset.from_dict({"text": ["a", "b"] * 3, "labels": [["x"], ["x", "y"]] * 3})
    data = read(several)
    assert not data.tagged
    assert infer_task(data)[0] == "text-classification"
    with pytest.raises(WrongTask, match="a tag for each word"):
        infer_task(data, TAGGING)
    tagged = read(rows_of(tmp_path / "a.jsonl", {"tokens": ["a"], "tags": ["O"]}))
    with pytest.raises(WrongTask, match="cannot learn tags of words"):
        infer_task(tagged, "text-classification")
    rated = rows_of(tmp_path / "b.jsonl", {"text": "a b", "entities": as_dicts([(0, 1, "X")]), "rating": 1.5})
    assert (read(rated).target, read(rated).tagged) == ("rating", False)
    assert read(rated, target="entities").tagged


BAD_SPANS = {
    "span-outside-text": [(27, 99, "LOC")],
    "span-off-edges": [(4, 15, "PER")],
    "overlapping-spans": [(0, 12, "PER"), (4, 16, "X")],
    "bad-span": [(0, 12, None)],
}
BAD_TAGS = {
    "tags-and-words-differ": (["a", "b"], ["O"]),
    "bad-word": (["a", "b c"], ["O", "O"]),
    "missing-target": (["a", "b"], ["O", None]),
    "empty-text": ([], []),
}


@pytest.mark.parametrize("code", BAD_SPANS)
def test_each_broken_span_has_its_own_name_and_row(tmp_path: Path, code: str) -> None:
    good = {"text": TEXT, "spans": as_dicts(SPANS)}
    path = rows_of(tmp_path / "a.jsonl", good, {"text": TEXT + " ", "spans": as_dicts(BAD_SPANS[code])})  # type: ignore[arg-type]
    report = check(read(path))
    assert [(item.origin, item.code) for item in report.bad] == [("a.jsonl:2", code)]
    assert code in [finding.code for finding in report.findings]


def test_a_span_without_a_place_has_its_name(tmp_path: Path) -> None:
    rows = [
        {"text": TEXT, "spans": as_dicts(SPANS)},
        {"text": "a b", "spans": [{"label": "PER", "start": "0"}]},
    ]
    assert [item.code for item in check(read(rows_of(tmp_path / "a.jsonl", *rows))).bad] == ["bad-span"]


@pytest.mark.parametrize("code", BAD_TAGS)
def test_each_broken_row_of_words_has_its_own_name(tmp_path: Path, code: str) -> None:
    words, tags = BAD_TAGS[code]
    good = {"tokens": ["a", "c"], "tags": ["O", "B-X"]}
    report = check(read(rows_of(tmp_path / "a.jsonl", good, {"tokens": words, "tags": tags})))
    assert [(item.origin, item.code) for item in report.bad] == [("a.jsonl:2", code)]


def test_types_that_training_does_not_have_are_set_aside() -> None:
    train = Dataset.from_dict({"tokens": [["a", "b"], ["c", "d"]], "tags": [["B-PER", "O"], ["O", "B-LOC"]]})
    test = Dataset.from_dict({"tokens": [["e", "f"], ["g", "h"]], "tags": [["B-PERS", "O"], ["O", "I-LOC"]]})
    data = read(DatasetDict({"train": train, "test": test}))
    report = check(data)
    (bad,) = report.bad
    assert (bad.split, bad.index, bad.code) == ("test", 0, "unknown-tag")
    assert "is it `PER`?" in bad.reason
    assert [item.index for item in check(data, known=("", "PERS", "LOC")).bad if item.split == "train"] == [0]


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 3), st.sampled_from(["A", "B-x"])), max_size=4))
def test_spans_of_whole_words_come_back(cuts: list[tuple[int, int, str]]) -> None:
    text = "Ada, met (Byron) in St. Ives; 3.5 miles off-shore, twice."
    found, place = list[Entity](), 0
    own = places(from_words(["x"], None)[0] or "") and places(from_spans(text, [])[0] or "")
    for gap, length, kind in cuts:
        found.append(Entity(place + gap, place + gap + length, kind))
        place += gap + length
    found = [one for one in found if one.end <= len(own)]
    spans = [(own[one.start][0], own[one.end - 1][1], one.kind) for one in found]
    _, tags, problem = from_spans(text, as_dicts(spans))
    assert problem is None
    assert entities(tags or []) == found


@given(st.text("ab. ", max_size=8), st.lists(st.tuples(st.integers(-2, 9), st.integers(-2, 9)), max_size=3))
def test_any_spans_give_tags_for_every_word_or_a_problem(text: str, cuts: list[tuple[int, int]]) -> None:
    form, tags, problem = from_spans(text, as_dicts([(*cut, "X") for cut in cuts]))
    if problem is None and text.strip():
        assert len(tags or []) == len((form or "").split())
        assert len(entities(tags or [])) == len(cuts)
