"""What is trained of a conversation: against a mask by brute force, and against how the model is asked."""

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crosstune.core.conversation import Conversation, Message
from crosstune.sources.chat import ChatTokenizer, Example, PromptDiffers
from tests.support.chats import CHATML, FORGETFUL, MARKED, chat_tokenizer, document, talk

TEXT = st.text(st.sampled_from("ab <|>\n.é漢"), min_size=1, max_size=6)
TALKS = st.builds(
    lambda pairs, system: talk(*(text for pair in pairs for text in pair), system=system),
    st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=4),
    st.none() | TEXT,
)
PIECES = (("a", "b"), ("ab", " "), ("b", "\n"), ("\n", "\n"), ("b", "b"))
TOKENIZERS = {
    "characters": chat_tokenizer(),
    "pieces": chat_tokenizer(merges=PIECES),
    "begins": chat_tokenizer(begin=True, merges=PIECES),
}


def dicts(messages: Any) -> list[dict[str, str]]:
    return [{"role": one.role, "content": one.content} for one in messages]


def shown(chat: ChatTokenizer, example: Example) -> str:
    """Write a sequence with its trained parts in braces."""
    return "".join(f"{{{text}}}" if trained else text for text, trained in chat.pieces(example))


def by_brute_force(tokenizer: Any, conversation: Conversation) -> tuple[list[int], list[bool]]:
    """Tokenise the whole text; trained are the tokens between an assistant's heading and its end."""
    text = tokenizer.apply_chat_template(dicts(conversation.messages), tokenize=False)
    found = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    inside = [False] * len(text)
    for match in re.finditer(r"<\|im_start\|>assistant\n(.*?<\|im_end\|>)", text, flags=re.DOTALL):
        inside[match.start(1) : match.end(1)] = [True] * (match.end(1) - match.start(1))
    return found["input_ids"], [inside[start] for start, _ in found["offset_mapping"]]


@given(conversation=TALKS)
@settings(max_examples=40, deadline=None)
def test_the_mask_is_that_of_brute_force(conversation: Conversation) -> None:
    tokenizer = TOKENIZERS["characters"]
    (example,) = ChatTokenizer(tokenizer).examples(conversation)
    assert (list(example.ids), list(example.trained)) == by_brute_force(tokenizer, conversation)


@pytest.mark.parametrize("name", list(TOKENIZERS))
@given(conversation=TALKS)
@settings(max_examples=40, deadline=None)
def test_what_stands_before_an_answer_is_what_transformers_asks_with(
    name: str, conversation: Conversation
) -> None:
    tokenizer = TOKENIZERS[name]
    chat = ChatTokenizer(tokenizer)
    asked = []
    for example in chat.examples(conversation):
        flips = zip((False, *example.trained), example.trained, strict=False)
        asked += [list(example.ids[:place]) for place, (was, now) in enumerate(flips) if now and not was]
    messages = conversation.messages
    turns = [place for place, one in enumerate(messages) if one.role == "assistant"]
    wanted = [
        tokenizer.apply_chat_template(dicts(messages[:place]), add_generation_prompt=True, return_dict=True)[
            "input_ids"
        ]
        for place in turns
    ]
    assert asked == wanted
    assert wanted == [chat.prompt(messages[:place]) for place in turns]


def test_the_mask_is_transformers_own_where_the_template_marks_answers() -> None:
    tokenizer = chat_tokenizer(MARKED)
    conversation = talk("hi", "yo\n", "why?", "so", system="be short")
    theirs = tokenizer.apply_chat_template(
        dicts(conversation.messages), return_dict=True, return_assistant_tokens_mask=True
    )
    (ours,) = ChatTokenizer(tokenizer).examples(conversation)
    assert list(ours.ids) == theirs["input_ids"]
    assert list(map(int, ours.trained)) == theirs["assistant_masks"]


def test_only_trained_answers_are_trained() -> None:
    chat = ChatTokenizer(chat_tokenizer())
    said = talk("q", "old", "r", "new").messages
    history = Conversation((said[0], Message("assistant", "old"), *said[2:]))
    (example,) = chat.examples(history)
    assert shown(chat, example) == (
        "<|im_start|>user\nq<|im_end|>\n<|im_start|>assistant\nold<|im_end|>\n"
        "<|im_start|>user\nr<|im_end|>\n<|im_start|>assistant\n{new<|im_end|>}\n"
    )


def test_turns_that_a_template_writes_otherwise_later_are_sequences_of_their_own() -> None:
    chat = ChatTokenizer(chat_tokenizer(FORGETFUL))
    first, second = chat.examples(talk("1+1?", "one and one=2", "2+2?", "two and two=4"))
    assert shown(chat, first).endswith("<|im_start|>assistant\n{one and one=2<|im_end|>}\n")
    assert shown(chat, second) == (
        "<|im_start|>user\n1+1?<|im_end|>\n<|im_start|>assistant\n2<|im_end|>\n"
        "<|im_start|>user\n2+2?<|im_end|>\n<|im_start|>assistant\n{two and two=4<|im_end|>}\n"
    )
    assert len(chat.examples(talk("1+1?", "2", "2+2?", "4"))) == 1


def test_a_piece_across_the_border_is_torn_as_it_is_in_use() -> None:
    tokenizer = chat_tokenizer(merges=[("\n", "a")])
    chat = ChatTokenizer(tokenizer)
    (example,) = chat.examples(talk("q", "a"))
    prompt = chat.prompt(talk("q", "a").messages[:1])
    assert list(example.ids[: len(prompt)]) == prompt
    assert tokenizer.convert_ids_to_tokens(example.ids[len(prompt) - 1 : len(prompt) + 1]) == ["\n", "a"]
    assert "\na" in tokenizer.tokenize("<|im_start|>assistant\na")


def test_a_template_that_asks_otherwise_than_it_writes_is_named() -> None:
    thinking = CHATML.replace("assistant\n' }}", "assistant\n<think>' }}")
    with pytest.raises(PromptDiffers, match="<think>"):
        ChatTokenizer(chat_tokenizer(thinking)).examples(talk("q", "a"))


def test_without_an_end_all_that_the_template_adds_is_trained() -> None:
    chat = ChatTokenizer(chat_tokenizer(None, end=None))
    (example,) = chat.examples(talk("q", "a"))
    assert shown(chat, example) == "### User:\nq\n\n### Assistant:\n{a\n\n}"


def test_a_plain_text_is_learnt_behind_its_first_token() -> None:
    chat = ChatTokenizer(chat_tokenizer(end="</s>", begin=True))
    (example,) = chat.examples(document("abc"))
    assert shown(chat, example) == "<s>{abc</s>}"
    chat = ChatTokenizer(chat_tokenizer(end="</s>"))
    assert shown(chat, chat.examples(document("abc"))[0]) == "a{bc</s>}"


def test_special_tokens_are_known() -> None:
    tokenizer = chat_tokenizer()
    chat = ChatTokenizer(tokenizer)
    assert chat.ends == {tokenizer.convert_tokens_to_ids("<|im_end|>")}
    assert ChatTokenizer(tokenizer, ends=[3, 4]).ends == {3, 4}
    assert chat.special == set(tokenizer.convert_tokens_to_ids(["<|im_start|>", "<|im_end|>", "<s>", "</s>"]))
    assert chat.begin == tokenizer.convert_tokens_to_ids("<s>")
