"""Cells that hold lists of messages: as Parquet and Python have them, and as JSON text."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from crosstune.core.conversation import ASSISTANT, ROLES, USER, Message
from crosstune.data.conversations.malformed import NOT_TEXT, UNKNOWN_ROLE, UNREADABLE, Malformed, shortened

NAMES: Mapping[str, str] = {
    "human": USER,
    "gpt": ASSISTANT,
    "chatgpt": ASSISTANT,
    "bot": ASSISTANT,
    **{role: role for role in ROLES},
}
"""What roles are called in the sets at hand (ShareGPT writes human and gpt), small letters."""

ROLE_KEYS, CONTENT_KEYS = ("role", "from"), ("content", "value")


def messages_of(cell: object) -> list[tuple[str, object]]:
    """Read a cell as a list of (role, content); contents are not looked at yet.

    Args:
        cell: a list of objects with ``role`` and ``content``, or ``from`` and ``value``; or JSON text of
            one, or a list of JSON texts, which is how the JSON reader stores what is no plain value.

    Raises:
        Malformed: it is something else, or a role is unknown.

    Checked by: ``tests/data/conversations/test_cells.py``.
    """
    found = _parsed(cell)
    if not isinstance(found, Sequence) or isinstance(found, str):
        raise Malformed(UNREADABLE, f"{shortened(cell)} instead of a list of messages")
    if not found:
        raise Malformed(UNREADABLE, "a list without any message")
    return [_message(_parsed(one), number) for number, one in enumerate(found, start=1)]


def is_messages(cell: object) -> bool:
    """Say whether a cell that may as well be a text is a list of messages."""
    found = _parsed(cell)
    if not isinstance(found, Sequence) or isinstance(found, str) or not found:
        return False
    parts = [_parsed(one) for one in found]
    return all(isinstance(one, Mapping) and any(key in one for key in ROLE_KEYS) for one in parts)


def text_of(value: object, *, where: str) -> str:
    """Take a content for a text; none at all is the empty one.

    Raises:
        Malformed: it is a number, a list, an object; ``where`` says which content it is.
    """
    if value is None:
        return ""
    if not isinstance(value, str):
        kinds = {bool: "yes or no", int: "a number", float: "a number", list: "a list", dict: "an object"}
        kind = kinds.get(type(value), f"a {type(value).__name__}")
        raise Malformed(NOT_TEXT, f"{where} is {kind}, not a text: {shortened(value)}")
    return value


def said(cell: object) -> list[Message]:
    """Read a cell of messages in full; no message of it is trained yet.

    Raises:
        Malformed: see :func:`messages_of` and :func:`text_of`.
    """
    return [
        Message(role, text_of(content, where=f"the content of message {number} ({role})"))
        for number, (role, content) in enumerate(messages_of(cell), start=1)
    ]


def _parsed(value: object) -> object:
    if isinstance(value, np.ndarray):
        return value.tolist()
    if not isinstance(value, str) or not value.lstrip().startswith(("[", "{")):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def _message(value: object, number: int) -> tuple[str, Any]:
    if not isinstance(value, Mapping):
        raise Malformed(UNREADABLE, f"message {number} is {shortened(value)} instead of a role and a content")
    # Parquet gives every message every key that any message has.
    roles = [value[key] for key in ROLE_KEYS if value.get(key) is not None]
    contents = [key for key in CONTENT_KEYS if key in value]
    if len(roles) != 1 or not contents:
        keys = ", ".join(map(str, value)) or "no keys"
        raise Malformed(
            UNREADABLE, f"message {number} has {keys} instead of role and content (or from and value)"
        )
    role = NAMES.get(str(roles[0]).strip().lower())
    if role is None:
        raise Malformed(UNKNOWN_ROLE, f"message {number} is by {shortened(roles[0])}")
    return role, next((value[key] for key in contents if value[key] is not None), None)
