"""Conversations as labelled data: what a model is asked with, and what it is to learn.

The input of a row is what stands before its last answer, its target the whole conversation, both as texts of
``core/conversation_text.py``. So nothing that reads inputs, such as predict, has the answer before it.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from datasets import Dataset

from crosstune.core.conversation import DOCUMENT, USER, Conversation, Message
from crosstune.core.conversation_text import asked, to_text
from crosstune.core.errors import shown
from crosstune.data.conversations.cells import is_messages, said
from crosstune.data.conversations.malformed import Malformed
from crosstune.data.conversations.order import trimmed
from crosstune.data.conversations.read import Conversations, read_conversations
from crosstune.data.errors import NotConversations
from crosstune.data.gate.report import BadItem
from crosstune.data.labelled import LabelledData
from crosstune.data.problems import described
from crosstune.data.readers.registry import read_raw
from crosstune.data.store import ORIGIN, PROBLEM, make, values

PROMPT, CONVERSATION = "prompt", "conversation"
"""Names of the columns that are made."""
ASKED = ("messages", "conversations", "prompt", "instruction")
"""Columns that hold what a model is asked with, the first that is there counts."""

Line = tuple[str, Conversation | None, str | None]
"""Origin, conversation, problem: of the last two one is ``None``."""


def read_labelled(data: Any) -> LabelledData:  # noqa: ANN401 - a path, a Hub id, a DataFrame ...
    """Read rows of conversations to train on or to be measured on; malformed rows are kept, as problems.

    Raises:
        NotConversations: the rows are plain texts: nobody is asked and nobody answers.
        UserError: as :func:`read_conversations`.

    Checked by: ``tests/data/conversations/test_labelled.py``.
    """
    read = read_conversations(data)
    if any(
        entry.conversation.messages[0].role == DOCUMENT
        for entries in read.splits.values()
        for entry in entries
    ):
        raise NotConversations(
            f"`{read.source}` holds plain texts",
            found="the column `text`",
            expected="questions with answers: `messages`, or `prompt` and `completion`",
            fix="write what is asked and what is answered into columns of their own",
        )
    return LabelledData(
        source=read.source,
        splits={split: table_of(_lines(read, split)) for split in read.splits},
        inputs=(PROMPT,),
        target=CONVERSATION,
        modality="text",
        notes=read.notes,
    )


def table_of(lines: Iterable[Line]) -> Dataset:
    """Make the table of some conversations."""
    rows = list(lines)
    columns = {
        PROMPT: ["" if one is None else to_text(asked(one)) for _, one, _ in rows],
        CONVERSATION: [None if one is None else to_text(one) for _, one, _ in rows],
        ORIGIN: [origin for origin, _, _ in rows],
        PROBLEM: [problem for _, _, problem in rows],
    }
    return make(pa.table({name: pa.array(found, pa.large_string()) for name, found in columns.items()}))


def read_asked(path: Path) -> tuple[LabelledData, list[str]]:
    """Read a table of what a model shall answer: the forms of training, with the answers or without.

    Of conversations that end with the assistant, the last answer is what is asked for.

    Returns the rows as one split without a target, and the origin of each.

    Raises:
        NotConversations: no column holds what is asked.
    """
    raw = read_raw(path)
    table = next(iter(raw.splits.values()))
    name = next((one for one in ASKED if one in table.column_names), None)
    if name is None:
        raise NotConversations(
            f"`{path}` does not say what the model is asked",
            found=f"the columns {shown(table.column_names, most=40)}",
            expected=f"one of {shown(ASKED)}",
            fix="rename the column; docs/guides/conversations.md shows every form",
        )
    origins, broken = values(table, ORIGIN), _problems(table)
    wanted = [one for one in (name, "input", "system") if one in table.column_names]
    cells = table.select_columns(wanted).with_format("arrow")[:].to_pylist()
    lines = [
        _line(origin, problem, name, row) for origin, problem, row in zip(origins, broken, cells, strict=True)
    ]
    data = LabelledData(
        source=str(path), splits={"all": table_of(lines)}, inputs=(PROMPT,), target=None, modality="text"
    )
    return data, origins


def asked_of_texts(texts: Sequence[str]) -> LabelledData:
    """Make rows of texts that a user says, as they stand on a command line."""
    return asked_of([Conversation((Message(USER, text),)) for text in texts], origins=texts)


def asked_of(conversations: Sequence[Conversation], *, origins: Sequence[str] = ()) -> LabelledData:
    """Make rows of conversations that a user has the last word in; ``origins`` are numbers by default."""
    names = origins or [str(number) for number, _ in enumerate(conversations, start=1)]
    lines: list[Line] = [(name, one, None) for name, one in zip(names, conversations, strict=True)]
    return LabelledData(
        source=shown(names), splits={"all": table_of(lines)}, inputs=(PROMPT,), target=None, modality="text"
    )


def _lines(read: Conversations, split: str) -> list[Line]:
    """Give all rows of a split in their order, good and bad."""
    rows: dict[int, Line] = {
        entry.row: (entry.origin, entry.conversation, None) for entry in read.splits[split]
    }
    rows |= {item.index: _bad(item) for item in read.bad if item.split == split}
    return [rows[row] for row in sorted(rows)]


def _bad(item: BadItem) -> Line:
    return item.origin, None, described(item.code, item.reason)


def _problems(table: Dataset) -> list[str | None]:
    return values(table, PROBLEM) if PROBLEM in table.column_names else [None] * len(table)


def _line(origin: str, problem: str | None, name: str, row: dict[str, Any]) -> Line:
    if problem:
        return origin, None, problem
    try:
        return origin, trimmed(_said(name, row)), None
    except Malformed as wrong:
        return origin, None, described(wrong.code, wrong.reason)


def _said(name: str, row: dict[str, Any]) -> list[Message]:
    cell = row[name]
    if name in ("messages", "conversations") or is_messages(cell):
        return said(cell)
    system, more = (str(row.get(one) or "") for one in ("system", "input"))
    more = more if name == "instruction" else ""
    question = f"{cell or ''}\n\n{more}" if more.strip() else str(cell or "")
    before = [Message("system", system)] if name == "instruction" and system.strip() else []
    return [*before, Message(USER, question)]
