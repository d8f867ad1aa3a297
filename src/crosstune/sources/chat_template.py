"""How the messages of a conversation become one text: by the model's own chat template, or a plain one."""

from collections.abc import Sequence
from typing import Any

from crosstune.core.conversation import Message

PLAIN = (
    "{% for message in messages %}"
    "{{ '### ' + message['role'] | capitalize + ':\n' + message['content'] }}"
    "{{ (eos_token or '') if message['role'] == 'assistant' else '' }}{{ '\n\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '### Assistant:\n' }}{% endif %}"
)
"""For models that come without a template: a heading for each side, as alpaca had it, and the end of the
sequence behind each answer, so that the model learns to stop. What comes before an answer ends in a line
break: a space there would be torn from the first word, which most tokenizers write together with it."""

BEGIN = "{{ bos_token }}"
"""Stands before :data:`PLAIN` where the tokenizer begins its texts with this token."""


class TemplateRefused(Exception):
    """The template raised an error on these messages; never leaves this room."""


def template_of(tokenizer: Any) -> tuple[str, bool]:  # noqa: ANN401 - untyped
    """Return the chat template that a tokenizer is used with, and whether it is the model's own.

    Of several named templates the one called ``default`` is taken.
    """
    try:
        return tokenizer.get_chat_template(), True
    except ValueError:  # none, or several and none of them the default
        return (BEGIN if begins(tokenizer) else "") + PLAIN, False


def begins(tokenizer: Any) -> bool:  # noqa: ANN401
    """Say whether the tokenizer puts the token for the beginning before a text."""
    first = tokenizer.bos_token_id
    return first is not None and list(tokenizer("a")["input_ids"])[:1] == [first]


def render(tokenizer: Any, template: str, messages: Sequence[Message], *, ask: bool) -> str:  # noqa: ANN401
    """Write messages as the text that the model reads; ``ask`` adds what makes it answer.

    The template is transformers' own to run: sandboxed, and without access to files or the network.

    Raises:
        TemplateRefused: the template raises an error, as some do on a message of the system.

    Checked by: ``tests/sources/test_chat_template.py``.
    """
    import jinja2

    said = [{"role": one.role, "content": one.content} for one in messages]
    try:
        text = tokenizer.apply_chat_template(
            said, chat_template=template, tokenize=False, add_generation_prompt=ask
        )
    except (jinja2.TemplateError, TypeError, ValueError, KeyError) as error:
        raise TemplateRefused(" ".join(str(error).split())[:200] or type(error).__name__) from error
    return str(text)
