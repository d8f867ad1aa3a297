"""Conversations as one text: any comes back, and any other text is what a user says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crosstune.core.conversation import ROLES, USER, Conversation, Message
from crosstune.core.conversation_text import MARK, asked, from_text, reference, to_text

CONTENTS = st.text(alphabet=st.sampled_from([*"ab =suA\n", MARK]), max_size=8)
MESSAGES = st.builds(Message, st.sampled_from([*ROLES, "document"]), CONTENTS, st.booleans())


@given(st.lists(MESSAGES, min_size=1, max_size=5))
def test_a_conversation_comes_back(messages: list[Message]) -> None:
    conversation = Conversation(tuple(messages))
    assert from_text(to_text(conversation)) == conversation


@given(st.text().filter(lambda text: not text.startswith(MARK)))
def test_any_other_text_is_what_a_user_says(text: str) -> None:
    assert from_text(text) == Conversation((Message(USER, text),))


def test_what_no_conversation_begins_with_is_refused() -> None:
    with pytest.raises(ValueError, match="stands for no role"):
        from_text(f"{MARK}x")


def test_the_last_trained_answer_is_asked_for() -> None:
    said = [
        Message("user", "a"),
        Message("assistant", "b", True),
        Message("user", "c"),
        Message("assistant", "d"),
    ]
    conversation = Conversation(tuple(said))
    assert asked(conversation).messages == (said[0],)
    assert reference(conversation) == "b"
    assert reference(Conversation((said[0],))) == ""
    assert asked(Conversation((said[0],))).messages == (said[0],)
