"""Conversations as one text and back: how they stand in a cell of a table, and in the targets of a task.

A message begins with a mark that no keyboard writes and a letter for its role, a capital where it is trained.
The mark is all that is added to what is said, so that texts are compared by what is in them.
"""

from crosstune.core.conversation import ASSISTANT, DOCUMENT, SYSTEM, USER, Conversation, Message

MARK = "\x1e"
"""ASCII's record separator."""
ITSELF = "="
"""Stands behind the mark where a content holds the mark itself."""
_LETTERS = {SYSTEM: "s", USER: "u", ASSISTANT: "a", DOCUMENT: "d"}
_ROLES = {letter: role for role, letter in _LETTERS.items()}


def to_text(conversation: Conversation) -> str:
    """Write a conversation as one text.

    Checked by: ``tests/core/test_conversation_text.py``: any conversation comes back.
    """
    parts = []
    for one in conversation.messages:
        letter = _LETTERS[one.role]
        content = one.content.replace(MARK, MARK + ITSELF)
        parts.append(f"{MARK}{letter.upper() if one.trained else letter}{content}")
    return "".join(parts)


def from_text(text: str) -> Conversation:
    """Read what :func:`to_text` wrote; any other text is what a user says.

    Raises:
        ValueError: the text begins with a mark and was not written by :func:`to_text`.
    """
    if not text.startswith(MARK):
        return Conversation((Message(USER, text),))
    found: list[Message] = []
    for part in text.split(MARK)[1:]:
        letter, content = part[:1], part[1:]
        if letter == ITSELF and found:
            last = found.pop()
            found.append(Message(last.role, f"{last.content}{MARK}{content}", last.trained))
        elif letter.lower() in _ROLES:
            found.append(Message(_ROLES[letter.lower()], content, letter.isupper()))
        else:
            raise ValueError(f"{letter!r} stands for no role")
    return Conversation(tuple(found))


def asked(conversation: Conversation) -> Conversation:
    """Give what stands before the last answer that is trained: what the model is asked with."""
    return Conversation(conversation.messages[: last_answer(conversation)])


def reference(conversation: Conversation) -> str:
    """Give the last answer that is trained; empty where there is none."""
    place = last_answer(conversation)
    return conversation.messages[place].content if place < len(conversation.messages) else ""


def last_answer(conversation: Conversation) -> int:
    """Return the place of the last message that is trained; behind all of them where there is none."""
    places = [place for place, one in enumerate(conversation.messages) if one.trained]
    return places[-1] if places else len(conversation.messages)
