"""The forms that rows of conversations come in, in the order in which they are asked.

========== ==================================================================================
messages   ``messages``: role and content of each; every turn of the assistant is trained
sharegpt   ``conversations``: the same, as ``from`` (human, gpt) and ``value``
completion ``prompt`` and ``completion``, texts or lists of messages; the completion is trained
alpaca     ``instruction`` and ``output``, perhaps ``input`` and ``system``; the output is trained
text       ``text`` alone: all of it is trained
========== ==================================================================================
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from crosstune.core.conversation import ASSISTANT, DOCUMENT, SYSTEM, USER, Conversation, Message
from crosstune.data.conversations.cells import is_messages, said, text_of
from crosstune.data.conversations.order import ordered

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Form:
    """One of the forms."""

    name: str
    needs: tuple[str, ...]
    """Columns, as they are written."""
    takes: tuple[str, ...]
    """Further columns that are read where they are there."""
    convert: Callable[[Row], Conversation]
    """Brings one row to the inner form; raises ``Malformed``."""
    words: str
    """What is learnt, for people."""


def form_of(columns: Collection[str]) -> Form | None:
    """Return the first form whose columns are all there, or ``None``.

    Checked by: ``tests/data/conversations/test_forms.py``.
    """
    return next((form for form in FORMS if set(form.needs) <= set(columns)), None)


def _all_answers(column: str) -> Callable[[Row], Conversation]:
    def convert(row: Row) -> Conversation:
        return ordered([_trained(one, one.role == ASSISTANT) for one in said(row.get(column))])

    return convert


def _completion(row: Row) -> Conversation:
    prompt = _side(row.get("prompt"), USER, "prompt")
    completion = _side(row.get("completion"), ASSISTANT, "completion")
    return ordered([*prompt, *(_trained(one, one.role == ASSISTANT) for one in completion)])


def _side(cell: object, role: str, name: str) -> list[Message]:
    return said(cell) if is_messages(cell) else [Message(role, text_of(cell, where=f"the {name}"))]


def _alpaca(row: Row) -> Conversation:
    system, asked, given, answer = (
        text_of(row.get(name), where=f"`{name}`") for name in ("system", "instruction", "input", "output")
    )
    question = f"{asked}\n\n{given}" if given.strip() else asked
    return ordered(
        [Message(SYSTEM, system), Message(USER, question), Message(ASSISTANT, answer, trained=True)]
    )


def _text(row: Row) -> Conversation:
    return ordered([Message(DOCUMENT, text_of(row.get("text"), where="`text`"), trained=True)])


def _trained(message: Message, trained: bool) -> Message:
    return replace(message, trained=trained)


_ANSWERS = "the assistant's turns are learnt, and nothing else"

FORMS = (
    Form("messages", ("messages",), (), _all_answers("messages"), _ANSWERS),
    Form("ShareGPT conversations", ("conversations",), (), _all_answers("conversations"), _ANSWERS),
    Form("prompt and completion", ("prompt", "completion"), (), _completion,
         "the completion is learnt, and nothing else"),
    Form("alpaca", ("instruction", "output"), ("input", "system"), _alpaca,
         "the output is learnt, and nothing else"),
    Form("plain text", ("text",), (), _text, "all of the text is learnt"),
)  # fmt: skip
"""In the order in which they are asked: sets with ``messages`` often have ``prompt`` or ``text`` as well."""
