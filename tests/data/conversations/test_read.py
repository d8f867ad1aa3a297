"""Files of conversations: every format gives the same, bad rows are named by file and row."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from datasets import Dataset

from crosstune.core.conversation import Message
from crosstune.data.conversations.read import read_conversations
from crosstune.data.errors import NotConversations, TooFewRows

TALK = [
    {"role": "user", "content": "hi"},
    {"role": "assistant", "content": "yo"},
    {"role": "user", "content": "bye"},
    {"role": "assistant", "content": "see you"},
]
SAID = (
    Message("user", "hi"),
    Message("assistant", "yo", trained=True),
    Message("user", "bye"),
    Message("assistant", "see you", trained=True),
)

NOTE = "read as messages (messages): the assistant's turns are learnt, and nothing else; not read: id"


def lines(path: Path, *rows: Any) -> Path:
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return path


def test_json_parquet_and_memory_give_the_same(tmp_path: Path) -> None:
    rows = [{"messages": TALK, "id": "a"}, {"messages": TALK[:2], "id": "b"}]
    Dataset.from_list(rows).to_parquet(str(tmp_path / "chat.parquet"))
    (tmp_path / "chat.json").write_text(json.dumps(rows), encoding="utf-8")
    for data in (
        lines(tmp_path / "chat.jsonl", *rows),
        tmp_path / "chat.json",
        tmp_path / "chat.parquet",
        Dataset.from_list(rows),
        pd.DataFrame(rows),
    ):
        found = read_conversations(data)
        assert [one.conversation.messages for one in found.splits["all"]] == [SAID, SAID[:2]], data
        assert found.notes == (NOTE,)


def test_malformed_rows_are_named_by_file_and_row(tmp_path: Path) -> None:
    path = lines(
        tmp_path / "chat.jsonl",
        {"messages": TALK},
        {"messages": TALK[1:]},
        {"messages": "hello"},
        {"messages": [{"role": "user", "content": 7}]},
        {"id": 5},
    )
    with path.open("a") as handle:
        handle.write("{broken\n")
    found = read_conversations(path)
    assert [one.row for one in found.splits["all"]] == [0]
    assert [(bad.index, bad.origin, bad.code) for bad in found.bad] == [
        (1, "chat.jsonl:2", "role-order"),
        (2, "chat.jsonl:3", "unreadable-conversation"),
        (3, "chat.jsonl:4", "content-not-text"),
        (4, "chat.jsonl:5", "unreadable-conversation"),
        (5, "chat.jsonl:6", "broken-row"),
    ]
    assert found.rows == 6


def test_splits_come_from_files_or_from_a_column(tmp_path: Path) -> None:
    row = {"prompt": "hi", "completion": "yo"}
    lines(tmp_path / "train.jsonl", row, row)
    lines(tmp_path / "test.jsonl", row)
    by_file = read_conversations(tmp_path)
    assert {name: len(found) for name, found in by_file.splits.items()} == {"train": 2, "test": 1}
    frame = pd.DataFrame([{**row, "split": "train"}, {**row, "split": "val"}])
    by_column = read_conversations(frame)
    assert {name: len(found) for name, found in by_column.splits.items()} == {"train": 1, "validation": 1}


def test_csv_can_hold_alpaca(tmp_path: Path) -> None:
    path = tmp_path / "chat.csv"
    path.write_text("instruction,input,output\nrate,fine day,2\nrate,,-1\n", encoding="utf-8")
    found = read_conversations(path).splits["all"]
    assert [one.conversation.messages[0].content for one in found] == ["rate\n\nfine day", "rate"]
    assert [one.conversation.messages[1].content for one in found] == ["2", "-1"]


def test_other_columns_are_refused_with_every_form(tmp_path: Path) -> None:
    with pytest.raises(NotConversations, match="`prompt` and `completion`; or `instruction` and `output`"):
        read_conversations(pd.DataFrame({"prompt": ["a"], "label": ["b"]}))
    with pytest.raises(TooFewRows):
        read_conversations(pd.DataFrame({"prompt": [], "completion": []}))
