"""The five forms: recognised by their columns, brought to one inner form, with what is learnt marked."""

from typing import Any

import pytest

from crosstune.data.conversations.forms import FORMS, form_of
from crosstune.data.conversations.malformed import Malformed


def converted(**row: Any) -> list[tuple[str, str, bool]]:
    form = form_of(row)
    assert form is not None
    return [(one.role, one.content, one.trained) for one in form.convert(row).messages]


QUESTION, ANSWER = ("user", "2+2?", False), ("assistant", "4", True)


@pytest.mark.parametrize(
    "row",
    [
        {"messages": [{"role": "user", "content": "2+2?"}, {"role": "assistant", "content": "4"}]},
        {"conversations": [{"from": "human", "value": "2+2?"}, {"from": "gpt", "value": "4"}]},
        {"prompt": "2+2?", "completion": "4"},
        {"prompt": [{"role": "user", "content": "2+2?"}], "completion": "4"},
        {"prompt": [{"role": "user", "content": "2+2?"}],
         "completion": [{"role": "assistant", "content": "4"}]},
        {"instruction": "2+2?", "output": "4"},
        {"instruction": "2+2?", "input": "", "output": "4", "system": None},
    ],
)  # fmt: skip
def test_forms_of_one_conversation_are_equal(row: dict[str, Any]) -> None:
    assert converted(**row) == [QUESTION, ANSWER]


def test_alpaca_puts_the_input_below_the_instruction() -> None:
    row = {"instruction": "add", "input": "2 and 2", "output": "4", "system": "be short"}
    assert converted(**row) == [("system", "be short", False), ("user", "add\n\n2 and 2", False), ANSWER]


def test_answers_within_a_prompt_are_not_learnt() -> None:
    history = [
        {"role": "user", "content": "1+1?"},
        {"role": "assistant", "content": "2"},
        {"role": "user", "content": "2+2?"},
    ]
    said = converted(prompt=history, completion="4")
    assert [trained for _, _, trained in said] == [False, False, False, True]
    every = converted(messages=[*history, {"role": "assistant", "content": "4"}])
    assert [trained for _, _, trained in every] == [False, True, False, True]


def test_a_text_is_learnt_as_a_whole() -> None:
    assert converted(text="once upon a time") == [("document", "once upon a time", True)]


def test_a_number_as_an_answer_is_not_text() -> None:
    with pytest.raises(Malformed, match="`output` is a number"):
        converted(instruction="2+2?", output=4)


def test_the_most_explicit_form_is_taken() -> None:
    every = {name for form in FORMS for name in form.needs}
    names = []
    while (form := form_of(every)) is not None:
        names.append(form.name)
        every -= set(form.needs)
    assert names == ["messages", "ShareGPT conversations", "prompt and completion", "alpaca", "plain text"]
    assert form_of({"prompt", "label"}) is None
