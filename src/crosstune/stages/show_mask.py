"""Conversations as a language model would be trained on them: what is wrong, and what is learnt."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from crosstune.core.errors import BadValue
from crosstune.data.conversations.check import conversation_findings
from crosstune.data.conversations.read import Entry, read_conversations
from crosstune.data.gate.policy import judged
from crosstune.data.gate.report import ERROR, NOTE, WARNING, BadItem, Finding
from crosstune.sources.chat import ChatTokenizer, Example
from crosstune.sources.chat_models import open_chat
from crosstune.stages.chat_rows import Made, make_rows

ROWS = 3
"""Rows that are shown."""


@dataclass(frozen=True)
class ShownRow:
    """One sequence of a row."""

    origin: str
    tokens: int
    trained: int
    pieces: tuple[tuple[str, bool], ...]
    """Texts, and whether they are trained."""


@dataclass(frozen=True, kw_only=True)
class MaskReport:
    """What the check of conversations found, and the first rows as they are trained on."""

    notes: tuple[str, ...]
    findings: tuple[Finding, ...]
    bad: tuple[BadItem, ...]
    rows: tuple[ShownRow, ...]


def show_mask(
    data: Any,  # noqa: ANN401 - a path, a Hub id, a DataFrame ...
    model: str,
    *,
    max_length: int | None = None,
    max_bad: float | None = None,
    strict: bool = False,
    rows: int = ROWS,
) -> MaskReport:
    """Read conversations, check them with the tokenizer of ``model``, and mark what is trained.

    Args:
        data: as for :func:`crosstune.data.conversations.read.read_conversations`.
        model: a language model; no weights of it are read.
        max_length: tokens that are read of a sequence; ``None``: what the model reads.
        max_bad: the share of rows that may be set aside.
        strict: whether warnings are errors.
        rows: how many rows of the first split are shown.

    Raises:
        BadValue: ``max_length`` is not within what the model reads.
        UserError: the data or the model cannot be opened.

    Cost: all rows are tokenised.
    Checked by: ``tests/stages/test_show_mask.py``.
    """
    read = read_conversations(data)
    opened = open_chat(model)
    longest = _longest(max_length, opened.longest, model)
    entries = [entry for found in read.splits.values() for entry in found]
    shown: list[ShownRow] = []
    taken: set[str] = set()

    def keep(entry: Entry, examples: Sequence[Example]) -> None:
        if len(taken) < rows:
            taken.add(entry.origin)
            shown.extend(_shown(opened.chat, entry, one) for one in examples)

    made = make_rows(entries, opened.chat, longest, keep)
    findings = judged([*conversation_findings(read, max_bad=max_bad), *made.findings()], strict=strict)
    order = (ERROR, WARNING, NOTE).index
    return MaskReport(
        notes=(*read.notes, *_notes(opened.chat, made, model)),
        findings=tuple(sorted(findings, key=lambda one: order(one.severity))),
        bad=read.bad,
        rows=tuple(shown),
    )


def _longest(asked: int | None, most: int, model: str) -> int:
    if asked is not None and not 1 <= asked <= most:
        raise BadValue(
            "`max_length` is outside what the model can read",
            found=f"max_length {asked}",
            expected=f"1 to {most} tokens for `{model}`",
            fix=f"leave out `--max-length`, or give at most {most}",
        )
    return asked or most


def _notes(chat: ChatTokenizer, made: Made, model: str) -> list[str]:
    whose = f"the chat template of {model}" if chat.own else f"a plain template: {model} has none of its own"
    notes = [f"written by {whose}; {made.trained:,} of {made.tokens:,} tokens are trained"]
    if made.several:
        notes.append(
            f"{made.several:,} rows become several sequences: earlier turns are written otherwise once "
            "another follows, and each answer is learnt behind the prompt that it is asked with"
        )
    return notes


def _shown(chat: ChatTokenizer, entry: Entry, example: Example) -> ShownRow:
    return ShownRow(entry.origin, len(example.ids), sum(example.trained), tuple(chat.pieces(example)))
