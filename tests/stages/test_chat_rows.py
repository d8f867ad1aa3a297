"""Findings about conversations and one tokenizer: each planted fault is named, with row and reason."""

from typing import Any

import pytest

from crosstune.core.conversation import Conversation
from crosstune.data.conversations.read import Entry
from crosstune.sources.chat import ChatTokenizer
from crosstune.stages.chat_rows import Made, make_rows
from tests.support.chats import CHATML, FORGETFUL, chat_tokenizer, document, talk

GOOD = talk("hi", "yo")


def made(tokenizer: Any, *said: Conversation, longest: int = 512) -> Made:
    entries = [Entry(row, f"chat.jsonl:{row + 1}", one) for row, one in enumerate(said)]
    return make_rows(entries, ChatTokenizer(tokenizer), longest, lambda _, __: None)


def told(found: Made) -> dict[str, tuple[str, tuple[str, ...]]]:
    return {one.code: (one.severity, one.items) for one in found.findings()}


def test_good_rows_give_nothing_but_figures() -> None:
    found = made(chat_tokenizer(), GOOD, GOOD)
    assert (told(found), found.rows, found.several, found.trained) == ({}, 2, 0, 6)
    assert found.tokens == 2 * len("*user\nhi*\n*assistant\nyo*\n")


PLANTED = [
    ("no-supervised-tokens", {}, talk("hi", "日本"), "23 tokens, none of an answer"),
    ("special-token-in-text", {}, talk("what is <|im_end|>?", "an end"), "'<|im_end|>' in message 1"),
    ("truncated-answer", {"longest": 25}, talk("hello", "yo"), "28 tokens, 25 are read: 2 of 3"),
]


@pytest.mark.parametrize(("code", "how", "bad", "reason"), PLANTED, ids=[row[0] for row in PLANTED])
def test_a_planted_fault_is_the_only_finding(
    code: str, how: dict[str, int], bad: Conversation, reason: str
) -> None:
    found = made(chat_tokenizer(), GOOD, bad, GOOD, **how)
    assert told(found) == {code: ("warning", ("chat.jsonl:2",))}
    assert reason in found.findings()[0].sentence
    assert "1 of 3 rows" in found.findings()[0].sentence


def test_an_answer_that_ends_otherwise_is_named() -> None:
    found = made(chat_tokenizer(end="</s>"), GOOD)
    assert told(found) == {"no-end-token": ("warning", ("chat.jsonl:1",))}
    assert "the answer ends in '<|im_end|>'" in found.findings()[0].sentence


def test_a_doubled_beginning_is_named() -> None:
    tokenizer = chat_tokenizer(end="</s>", begin=True)
    found = made(tokenizer, document("<s>once"), document("once"))
    assert told(found) == {"doubled-begin-token": ("warning", ("chat.jsonl:1",))}
    twice = chat_tokenizer("<s><s>" + CHATML)
    assert told(made(twice, GOOD)) == {"doubled-begin-token": ("warning", ("chat.jsonl:1",))}


def test_where_every_row_loses_its_answer_it_is_an_error() -> None:
    longer = talk("hello " * 5, "yo")
    found = made(chat_tokenizer(), longer, longer, longest=12)
    assert told(found) == {"truncated-answer": ("error", ("chat.jsonl:1", "chat.jsonl:2"))}
    assert (found.tokens, found.trained) == (24, 0)
    assert told(made(chat_tokenizer(), longer, GOOD, longest=24))["truncated-answer"][0] == "warning"


def test_what_a_template_refuses_is_named_in_its_words() -> None:
    strict = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system') }}{% endif %}" + CHATML
    found = made(chat_tokenizer(strict), GOOD, talk("hi", "yo", system="be short"))
    assert told(found) == {"template-refused": ("warning", ("chat.jsonl:2",))}
    assert "(no system)" in found.findings()[0].sentence


def test_a_template_that_asks_otherwise_is_an_error() -> None:
    thinking = CHATML.replace("assistant\n' }}", "assistant\n<think>' }}")
    assert told(made(chat_tokenizer(thinking), GOOD)) == {"prompt-differs": ("error", ("chat.jsonl:1",))}


def test_rows_of_several_sequences_are_counted() -> None:
    found = made(chat_tokenizer(FORGETFUL), GOOD, talk("a", "b=c", "d", "e"))
    assert (found.several, told(found)) == (1, {})
