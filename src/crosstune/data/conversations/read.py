"""Reading conversations: from whatever the user names to splits of conversations and malformed rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from datasets import Dataset

from crosstune.core.conversation import Conversation
from crosstune.core.errors import shown
from crosstune.data.conversations.forms import FORMS, Form, form_of
from crosstune.data.conversations.malformed import Malformed
from crosstune.data.errors import NotConversations, TooFewRows
from crosstune.data.gate.report import BadItem
from crosstune.data.layout import in_order
from crosstune.data.problems import parts
from crosstune.data.readers.base import RawData
from crosstune.data.readers.registry import read_raw
from crosstune.data.split_column import by_split_column
from crosstune.data.store import ORIGIN, PROBLEM, values

ROWS = 1_000
"""Rows that are taken out of a table at a time."""


@dataclass(frozen=True)
class Entry:
    """One row that is a conversation."""

    row: int
    """Within its split as read."""
    origin: str
    """File and row, for people."""
    conversation: Conversation


@dataclass(frozen=True, kw_only=True)
class Conversations:
    """What was read. Immutable."""

    source: str
    form: Form
    splits: Mapping[str, tuple[Entry, ...]]
    """The good rows, by split: some of ``train``, ``validation``, ``test``; or only ``all``."""
    bad: tuple[BadItem, ...]
    """The malformed rows, in order of split and row."""
    rows: int
    """All rows, good and bad."""
    notes: tuple[str, ...]
    """What was recognised, for people."""


def read_conversations(data: Any) -> Conversations:  # noqa: ANN401 - a path, a Hub id, a DataFrame ...
    """Read rows of conversations in any form of ``forms.py``, recognised by the names of the columns.

    Args:
        data: as for :func:`crosstune.data.read.read`.

    Raises:
        DataNotFound, UnknownLayout, UnreadableFile: nothing can be read.
        NotConversations: the columns are those of no form.
        TooFewRows: there is no row.

    Cost: one pass; all conversations are in memory.
    Checked by: ``tests/data/conversations/test_read.py``.
    """
    raw = read_raw(data)
    form = _recognised(raw)
    tables = {name: raw.splits[name] for name in in_order(raw.splits)}
    notes = [*raw.notes, _said(form, raw)]
    tables, more = by_split_column(tables, used={*form.needs, *form.takes}, source=raw.source)
    notes += more
    splits: dict[str, tuple[Entry, ...]] = {}
    bad: list[BadItem] = []
    for name, table in tables.items():
        splits[name], wrong = _converted(table, form, name)
        bad += wrong
    rows = sum(len(table) for table in tables.values())
    if not rows:
        raise TooFewRows(
            f"`{raw.source}` holds no rows",
            found="a header at most",
            expected="rows of conversations",
            fix="check that this is the right file",
        )
    return Conversations(
        source=raw.source, form=form, splits=splits, bad=tuple(bad), rows=rows, notes=tuple(notes)
    )


def _recognised(raw: RawData) -> Form:
    columns = list(dict.fromkeys(name for table in raw.splits.values() for name in _columns(table)))
    form = form_of(columns)
    if form is None:
        raise NotConversations(
            f"`{raw.source}` does not look like conversations",
            found=f"the columns {shown(columns, most=40)}",
            expected="; or ".join(" and ".join(f"`{name}`" for name in one.needs) for one in FORMS),
            fix="rename the columns; docs/guides/conversations.md shows every form",
        )
    return form


def _columns(table: Dataset) -> list[str]:
    return [name for name in table.column_names if name not in {ORIGIN, PROBLEM}]


def _said(form: Form, raw: RawData) -> str:
    first = next(iter(raw.splits.values()))
    used = [name for name in (*form.needs, *form.takes) if name in first.column_names]
    other = [name for name in _columns(first) if name not in used]
    left = f"; not read: {shown(other)}" if other else ""
    return f"read as {form.name} ({shown(used)}): {form.words}{left}"


def _converted(table: Dataset, form: Form, split: str) -> tuple[tuple[Entry, ...], list[BadItem]]:
    entries, bad = [], []
    origins = values(table, ORIGIN)
    broken = values(table, PROBLEM) if PROBLEM in table.column_names else [None] * len(table)
    wanted = [name for name in (*form.needs, *form.takes) if name in table.column_names]
    plain = table.select_columns(wanted).with_format("arrow")
    for start in range(0, len(table), ROWS):
        for row, cells in enumerate(plain[start : start + ROWS].to_pylist(), start=start):
            try:
                if broken[row]:
                    raise Malformed(*parts(str(broken[row])))
                entries.append(Entry(row, origins[row], form.convert(cells)))
            except Malformed as wrong:
                bad.append(
                    BadItem(split=split, index=row, origin=origins[row], code=wrong.code, reason=wrong.reason)
                )
    return tuple(entries), bad
