"""Which orders of roles make a conversation that can be learnt from."""

from collections.abc import Sequence

from crosstune.core.conversation import ASSISTANT, DOCUMENT, SYSTEM, USER, Conversation, Message
from crosstune.data.conversations.malformed import (
    EMPTY_ANSWER,
    EMPTY_PROMPT,
    LATE_SYSTEM,
    NO_ANSWER,
    ROLE_ORDER,
    Malformed,
)


def ordered(messages: Sequence[Message]) -> Conversation:
    """Make a conversation of messages: a system message or none, then user and assistant in turn.

    An empty system message is dropped, as if it were not there: many sets have the column and leave it empty.
    It ends with the assistant: chat templates refuse other orders, or write them so that the model would be
    asked otherwise than in use.

    Raises:
        Malformed: with the first reason, counted in messages from 1.

    Checked by: ``tests/data/conversations/test_order.py``.
    """
    kept = [one for one in messages if one.role != SYSTEM or one.content.strip()]
    roles = [one.role for one in kept]
    if roles != [DOCUMENT]:
        _judge_roles(roles)
    for number, one in enumerate(kept, start=1):
        if not one.content.strip():
            code = EMPTY_PROMPT if one.role == USER else EMPTY_ANSWER
            raise Malformed(code, f"message {number} ({one.role}) is empty or only white space")
    return Conversation(tuple(kept))


def trimmed(messages: Sequence[Message]) -> Conversation:
    """Make what a model is asked with: a conversation up to the last thing that the user says.

    Raises:
        Malformed: as :func:`ordered`, and where the user says nothing.
    """
    kept = list(messages)
    while kept and kept[-1].role == ASSISTANT:
        kept.pop()
    # An answer is needed for the order to be judged; it is taken off again.
    return Conversation(ordered([*kept, Message(ASSISTANT, "?")]).messages[:-1])


def _judge_roles(roles: Sequence[str]) -> None:
    if ASSISTANT not in roles:
        raise Malformed(NO_ANSWER, f"no message is by the assistant, {len(roles)} by others")
    for number, role in enumerate(roles[1:], start=2):
        if role == SYSTEM:
            raise Malformed(LATE_SYSTEM, f"message {number} is a system message; only the first may be one")
    turns = roles[1:] if roles[0] == SYSTEM else roles
    first = len(roles) - len(turns) + 1
    for place, role in enumerate(turns):
        due = USER if place % 2 == 0 else ASSISTANT
        if role != due:
            raise Malformed(ROLE_ORDER, f"message {first + place} is by the {role}, and the {due} is due")
    if turns[-1] != ASSISTANT:
        raise Malformed(ROLE_ORDER, f"the last message ({len(roles)}) is by the user and has no answer")
