"""Orders of roles: which make a conversation, and what is wrong with the others."""

import pytest

from crosstune.core.conversation import Message
from crosstune.data.conversations.malformed import Malformed
from crosstune.data.conversations.order import ordered

NAMES = {"s": "system", "u": "user", "a": "assistant", "d": "document"}


def messages(letters: str) -> list[Message]:
    """Make a message for each letter; a capital one is white space."""
    return [Message(NAMES[one.lower()], "text" if one.islower() else " \n") for one in letters]


@pytest.mark.parametrize("letters", ["ua", "sua", "uaua", "suaua", "d"])
def test_a_conversation_is_kept(letters: str) -> None:
    assert [one.role for one in ordered(messages(letters)).messages] == [NAMES[one] for one in letters]


def test_an_empty_system_message_counts_as_none() -> None:
    assert ordered(messages("Sua")) == ordered(messages("ua"))


@pytest.mark.parametrize(
    ("letters", "code", "words"),
    [
        ("u", "no-answer", "1 by others"),
        ("su", "no-answer", "2 by others"),
        ("S", "no-answer", "0 by others"),
        ("usa", "late-system-message", "message 2 is"),
        ("suasua", "late-system-message", "message 4 is"),
        ("au", "role-order", "message 1 is by the assistant, and the user is due"),
        ("uua", "role-order", "message 2 is by the user, and the assistant is due"),
        ("suaa", "role-order", "message 4 is by the assistant, and the user is due"),
        ("uau", "role-order", "the last message (3) is by the user"),
        ("uA", "empty-answer", "message 2 (assistant)"),
        ("uauA", "empty-answer", "message 4 (assistant)"),
        ("Ua", "empty-prompt", "message 1 (user)"),
        ("D", "empty-answer", "message 1 (document)"),
        ("da", "role-order", "by the document"),
    ],
)
def test_every_other_order_is_named(letters: str, code: str, words: str) -> None:
    with pytest.raises(Malformed) as caught:
        ordered(messages(letters))
    assert caught.value.code == code
    assert words in caught.value.reason
