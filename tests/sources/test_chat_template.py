"""Templates: the model's own where it has one, else a plain one that fits the tokenizer."""

import pytest

from crosstune.core.conversation import Message
from crosstune.sources.chat_template import TemplateRefused, begins, render, template_of
from tests.support.chats import CHATML, chat_tokenizer

SAID = [Message("system", "be short"), Message("user", "hi"), Message("assistant", "yo")]


def test_the_models_own_template_is_taken() -> None:
    assert template_of(chat_tokenizer()) == (CHATML, True)
    several = chat_tokenizer()
    several.chat_template = {"default": CHATML, "tools": "x"}
    assert template_of(several) == (CHATML, True)


@pytest.mark.parametrize(("begin", "first"), [(False, ""), (True, "<s>")])
def test_the_plain_template_begins_and_ends_as_the_tokenizer_does(begin: bool, first: str) -> None:
    tokenizer = chat_tokenizer(None, end="</s>", begin=begin)
    template, own = template_of(tokenizer)
    assert (own, begins(tokenizer)) == (False, begin)
    prompt = render(tokenizer, template, SAID[:2], ask=True)
    assert prompt == f"{first}### System:\nbe short\n\n### User:\nhi\n\n### Assistant:\n"
    assert render(tokenizer, template, SAID, ask=False) == f"{prompt}yo</s>\n\n"


def test_what_a_template_refuses_is_told_in_its_words() -> None:
    strict = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system here') }}{% endif %}ok"
    with pytest.raises(TemplateRefused, match=r"^no system here$"):
        render(chat_tokenizer(strict), strict, SAID, ask=True)
    assert render(chat_tokenizer(strict), strict, SAID[1:], ask=True) == "ok"


def test_a_template_gets_at_nothing_of_the_interpreter() -> None:
    sly = "{{ messages.__class__.__mro__[1].__subclasses__() }}"
    with pytest.raises(TemplateRefused):
        render(chat_tokenizer(sly), sly, SAID, ask=True)
