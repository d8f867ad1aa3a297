"""Conversations as labelled data: inputs without answers, malformed rows kept, prompts of any form."""

import json
from pathlib import Path
from typing import Any

import pytest

from crosstune.core.conversation_text import from_text, reference
from crosstune.data.check import check
from crosstune.data.conversations.labelled import asked_of_texts, read_asked, read_labelled
from crosstune.data.errors import NotConversations
from crosstune.data.splits import make_splits

MESSAGES = [
    {"role": "user", "content": "one"}, {"role": "assistant", "content": "two"},
    {"role": "user", "content": "three"}, {"role": "assistant", "content": "four"},
]  # fmt: skip


def written(folder: Path, rows: list[dict[str, Any]]) -> Path:
    path = folder / "rows.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return path


def test_inputs_end_before_the_last_answer_and_targets_hold_it(tmp_path: Path) -> None:
    data = read_labelled(written(tmp_path, [{"messages": MESSAGES}]))
    items = data.items("all")
    (given,), (target,) = items.batch([0]), items.targets()
    assert [one.content for one in from_text(given).messages] == ["one", "two", "three"]
    assert "four" not in given
    assert reference(from_text(target)) == "four"
    assert [one.trained for one in from_text(target).messages] == [False, True, False, True]


def test_malformed_rows_keep_their_place_and_are_set_aside_by_the_check(tmp_path: Path) -> None:
    rows = [{"prompt": f"number {n}", "completion": str(n)} for n in range(30)]
    rows[3]["completion"] = ""
    data = read_labelled(written(tmp_path, rows))
    report = check(data, task="text-generation", max_bad=0.5)
    assert [(item.index, item.code) for item in report.bad] == [(3, "empty-answer")]
    assert "rows.jsonl" in report.bad[0].origin
    assert not [one.code for one in report.findings if one.code == "conflicting-targets"]
    split = make_splits(report.clean(), task="text-generation", seed=0)
    assert sum(len(one) for one in split.splits.values()) == 29


def test_equal_questions_are_found_in_two_splits(tmp_path: Path) -> None:
    for name, answer in (("train", "yes"), ("test", "no")):
        rows = [{"prompt": f"is it so in case {n}?", "completion": answer} for n in range(3)]
        path = tmp_path / f"{name}.jsonl"
        path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    found = check(read_labelled(tmp_path), task="text-generation")
    assert "duplicates-across-splits" in {one.code for one in found.findings}


def test_plain_texts_are_no_conversations(tmp_path: Path) -> None:
    with pytest.raises(NotConversations, match="plain texts"):
        read_labelled(written(tmp_path, [{"text": "once upon a time"}]))


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"prompt": "hi"}, ["hi"]),
        ({"prompt": "hi", "completion": "no"}, ["hi"]),
        ({"messages": MESSAGES}, ["one", "two", "three"]),
        ({"messages": MESSAGES[:3]}, ["one", "two", "three"]),
        ({"instruction": "add", "input": "1 2", "system": "be short"}, ["be short", "add\n\n1 2"]),
    ],
)
def test_prompts_are_read_with_their_answers_or_without(
    tmp_path: Path, row: dict[str, Any], expected: list[str]
) -> None:
    data, origins = read_asked(written(tmp_path, [row]))
    (given,) = data.items("all").batch([0])
    assert [one.content for one in from_text(given).messages] == expected
    assert len(origins) == 1


def test_a_prompt_that_is_none_is_a_problem_of_its_row(tmp_path: Path) -> None:
    data, _ = read_asked(written(tmp_path, [{"prompt": "hi"}, {"prompt": " "}]))
    assert [(one.index, one.code) for one in check(data, task="text-generation").bad] == [(1, "empty-prompt")]
    with pytest.raises(NotConversations, match="does not say what"):
        read_asked(written(tmp_path, [{"other": "hi"}]))


def test_texts_of_a_command_line_are_what_a_user_says() -> None:
    given = asked_of_texts(["a", "b"]).items("all").batch([0, 1])
    assert [from_text(one).messages[0].content for one in given] == ["a", "b"]
