"""A conversation as the tokens that a language model is trained on, and which of them it is to learn.

One rule makes training and use the same: what stands before an answer in training is, token by token, what
the model is asked with. It is not assumed but taken from there: the prompt of every answer is rendered and
tokenised as in use, and the answer is what the template adds to it.

Shapes: T tokens.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from crosstune.core.conversation import DOCUMENT, Conversation, Message
from crosstune.sources.chat_template import render, template_of


@dataclass(frozen=True)
class Example:
    """One sequence that a model is trained on."""

    ids: tuple[int, ...]
    """``(T,)`` tokens."""
    trained: tuple[bool, ...]
    """``(T,)``: whether the model is to learn to write this token after all before it."""

    def cut(self, longest: int) -> "Example":
        """Keep the first ``longest`` tokens."""
        return Example(self.ids[:longest], self.trained[:longest])


class PromptDiffers(Exception):
    """What the template writes before an answer is not what it asks for one with; stays in this package."""


class ChatTokenizer:
    """A tokenizer with the template that conversations are written by."""

    def __init__(self, tokenizer: Any, ends: Collection[int] = ()) -> None:  # noqa: ANN401 - untyped
        """Hold a tokenizer of transformers, and the tokens at which the model stops.

        Args:
            tokenizer: with or without a chat template; nothing of it is changed.
            ends: of the model's generation config; empty takes the tokenizer's end of the sequence.
        """
        self.tokenizer = tokenizer
        self.template, self.own = template_of(tokenizer)
        last = tokenizer.eos_token_id
        self.ends = frozenset(ends) or frozenset([] if last is None else [int(last)])
        added = tokenizer.added_tokens_decoder
        self.special = frozenset(tokenizer.all_special_ids) | {i for i, one in added.items() if one.special}
        self.begin: int | None = tokenizer.bos_token_id

    def prompt(self, messages: Sequence[Message]) -> list[int]:
        """Tokenise what the model is asked with for the next answer.

        Raises:
            TemplateRefused: the template does not take these messages.
        """
        return self._ids(render(self.tokenizer, self.template, messages, ask=True))

    def examples(self, conversation: Conversation) -> tuple[Example, ...]:
        """Make the sequences of which the trained turns of a conversation are learnt.

        Usually one. A turn whose prompt does not go on from the sequence so far, because the template
        writes earlier turns otherwise (some drop what the model was thinking) or because the tokenizer
        joins pieces across the border, begins another one, so that every turn is learnt as it is asked for.

        Trained is what the model has to write: the answer, and the token at which it stops. White space
        that the template puts behind that token is read and never written, and is not trained.

        Raises:
            TemplateRefused: the template does not take these messages.
            PromptDiffers: what it writes for an answer does not begin with what it asks with.

        Cost: each trained turn tokenises all before it.
        Checked by: ``tests/sources/test_chat.py``, against a mask by brute force.
        """
        if conversation.messages[0].role == DOCUMENT:
            return (self._document(conversation.messages[0].content),)
        done: list[Example] = []
        ids: list[int] = []
        trained: list[bool] = []
        for place, message in enumerate(conversation.messages):
            if not message.trained:
                continue
            asked, answer = self._turn(conversation.messages[:place], message)
            if ids and asked[: len(ids)] != ids:
                done.append(Example(tuple(ids), tuple(trained)))
                ids, trained = [], []
            trained += [False] * (len(asked) - len(ids))
            trained += self._written(answer)
            ids = [*asked, *answer]
        return (*done, Example(tuple(ids), tuple(trained)))

    def endings(self, example: Example) -> list[int]:
        """Return the last token of each trained part."""
        behind = (*example.trained[1:], False)
        return [
            number
            for number, now, then in zip(example.ids, example.trained, behind, strict=True)
            if now and not then
        ]

    def pieces(self, example: Example) -> list[tuple[str, bool]]:
        """Cut a sequence into texts that are trained and texts that are not, in turn."""
        cut: list[tuple[list[int], bool]] = []
        for number, trained in zip(example.ids, example.trained, strict=True):
            if not cut or cut[-1][1] != trained:
                cut.append(([], trained))
            cut[-1][0].append(number)
        return [(self._text(ids), trained) for ids, trained in cut]

    def _turn(self, before: Sequence[Message], message: Message) -> tuple[list[int], list[int]]:
        """Give the tokens of the prompt for an answer, and those of the answer behind it."""
        prompt = render(self.tokenizer, self.template, before, ask=True)
        text = render(self.tokenizer, self.template, [*before, message], ask=False)
        if not text.startswith(prompt):
            raise PromptDiffers(f"it asks with {prompt[-60:]!r} and writes {text[: len(prompt)][-60:]!r}")
        asked, whole = self._ids(prompt), self._ids(text)
        if whole[: len(asked)] == asked:
            return asked, whole[len(asked) :]
        return asked, self._ids(text[len(prompt) :])  # the border lies within a piece of the whole text

    def _document(self, text: str) -> Example:
        """Tokenise a plain text as the tokenizer does, with the end of the sequence behind it."""
        ids = list(self.tokenizer(text, verbose=False)["input_ids"])
        end = self.tokenizer.eos_token_id
        if end is not None and ids[-1:] != [end]:
            ids.append(end)
        return Example(
            tuple(ids), tuple(place > 0 for place in range(len(ids)))
        )  # nothing stands before the first

    def _written(self, answer: Sequence[int]) -> list[bool]:
        """Say what is trained of an answer: all up to its last special token, if only space follows."""
        stops = [place for place, number in enumerate(answer) if number in self.special]
        length = len(answer)
        if stops and not self._text(answer[stops[-1] + 1 :]).strip():
            length = stops[-1] + 1
        return [place < length for place in range(len(answer))]

    def _ids(self, text: str) -> list[int]:
        """Tokenise a rendered text; the template has written every special token that belongs into it."""
        return list(self.tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])

    def _text(self, ids: Sequence[int]) -> str:
        return str(
            self.tokenizer.decode(list(ids), skip_special_tokens=False, clean_up_tokenization_spaces=False)
        )
