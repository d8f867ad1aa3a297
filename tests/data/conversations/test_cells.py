"""Cells of messages: as objects, as JSON, in both spellings; whatever else they hold is named."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crosstune.core.conversation import Message
from crosstune.data.conversations.cells import is_messages, said, text_of
from crosstune.data.conversations.malformed import Malformed

TWO = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "yo"}]
SAID = [Message("user", "hi"), Message("assistant", "yo")]

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["role", "content", "from", "value", "x"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@pytest.mark.parametrize(
    "cell",
    [
        TWO,
        json.dumps(TWO),
        [json.dumps(one) for one in TWO],
        [{"from": "human", "value": "hi"}, {"from": "gpt", "value": "yo"}],
        [{"role": "User", "content": "hi", "name": None}, {"role": "ASSISTANT", "content": "yo"}],
        [{"role": "user", "from": None, "content": "hi"}, {"role": "assistant", "content": "yo"}],
    ],
)
def test_every_spelling_is_the_same_messages(cell: Any) -> None:
    assert said(cell) == SAID


@pytest.mark.parametrize(
    ("cell", "code", "words"),
    [
        ("hello", "unreadable-conversation", "'hello' instead of a list"),
        (None, "unreadable-conversation", "None instead of a list"),
        ([], "unreadable-conversation", "without any message"),
        ({"role": "user"}, "unreadable-conversation", "instead of a list"),
        (["hi"], "unreadable-conversation", "message 1 is 'hi'"),
        ([TWO[0], {"role": "assistant"}], "unreadable-conversation", "message 2 has role instead"),
        ([{"content": "hi"}], "unreadable-conversation", "message 1 has content instead"),
        ([{"role": "tool", "content": "4"}], "unknown-role", "message 1 is by 'tool'"),
        ([{"role": 3, "content": "4"}], "unknown-role", "message 1 is by 3"),
        ([{"role": "user", "content": 4}], "content-not-text", "message 1 (user) is a number, not a text: 4"),
        ([{"role": "user", "content": [{"type": "image"}]}], "content-not-text", "is a list, not a text"),
    ],
)  # fmt: skip
def test_what_is_no_message_is_named(cell: Any, code: str, words: str) -> None:
    with pytest.raises(Malformed) as caught:
        said(cell)
    assert caught.value.code == code
    assert words in caught.value.reason


@given(_JSON)
@settings(max_examples=60, deadline=None)
def test_any_json_is_messages_or_malformed(cell: Any) -> None:
    for written in (cell, json.dumps(cell)):
        try:
            messages = said(written)
        except Malformed:
            continue
        assert messages
        assert all(isinstance(one.content, str) for one in messages)


def test_a_text_that_is_json_of_something_else_stays_a_text() -> None:
    assert is_messages(json.dumps(TWO))
    assert is_messages(TWO)
    assert not any(map(is_messages, ["[1, 2]", "[]", "{}", "[not json", "hi", '["role"]']))


def test_nothing_is_the_empty_text() -> None:
    assert text_of(None, where="`input`") == ""
    with pytest.raises(Malformed, match="`output` is yes or no, not a text: True"):
        text_of(True, where="`output`")
