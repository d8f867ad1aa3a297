"""What a language model's tokenizer makes of conversations: rows that teach nothing, or something wrong."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from crosstune.core.conversation import DOCUMENT
from crosstune.core.errors import shown
from crosstune.data.conversations.read import Entry
from crosstune.data.gate.finding import ERROR, MOST_ITEMS, WARNING, Finding
from crosstune.sources.chat import ChatTokenizer, Example, PromptDiffers
from crosstune.sources.chat_template import TemplateRefused

REFUSED, DIFFERS, NOTHING = "template-refused", "prompt-differs", "no-supervised-tokens"
NO_END, DOUBLED, CUT, SPECIAL = (
    "no-end-token",
    "doubled-begin-token",
    "truncated-answer",
    "special-token-in-text",
)
FATAL = (REFUSED, DIFFERS, NOTHING, CUT)
"""Where every row has one of these, there is nothing to learn from."""

WORDS: Mapping[str, tuple[str, str]] = {
    REFUSED: (
        "are refused by the chat template of the model",
        "write them as the template wants them, or choose another model",
    ),
    DIFFERS: (
        "are written by the template otherwise than the model is asked: it would learn for another prompt",
        "use a template that writes answers behind its own generation prompt, or choose another model",
    ),
    NOTHING: (
        "have no trained token: the tokenizer makes nothing of their answers",
        "choose a model that knows this script, or look whether the answers are texts",
    ),
    CUT: (
        "are longer than the model reads, and lose tokens of their answers",
        "shorten prompts, cut conversations into parts, or raise --max-length where the model reads more",
    ),
    NO_END: (
        "have an answer that does not end in the token at which the model stops: it would not learn to",
        "set the tokenizer's eos_token to the token that the template writes behind an answer",
    ),
    DOUBLED: (
        "begin with the token for the beginning twice; the model has never read that",
        "take the token out of the texts: the template or the tokenizer puts it there",
    ),
    SPECIAL: (
        "say the name of a special token, which is read as the token itself: a turn may end in its middle",
        "take it out, or write it otherwise, such as with a space in it",
    ),
}
"""For each code: what the rows are, and what to do."""


@dataclass
class Made:
    """What became of the rows of some conversations."""

    rows: int = 0
    several: int = 0
    """Rows that are more than one sequence, because earlier turns are written otherwise later."""
    hits: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    """By code: (origin, reason) of the rows that it holds for."""
    tokens: int = 0
    trained: int = 0

    def findings(self) -> list[Finding]:
        """Make one finding of each code."""
        return [_finding(code, self.hits[code], self.rows) for code in WORDS if code in self.hits]


def make_rows(
    entries: Sequence[Entry],
    chat: ChatTokenizer,
    longest: int,
    keep: Callable[[Entry, Sequence[Example]], None],
) -> Made:
    """Tokenise conversations and note what is wrong with them; ``keep`` is given each and its sequences.

    Args:
        entries: the good rows of one or more splits.
        chat: of the model.
        longest: tokens that are read of a sequence; what is behind them is lost. Sequences are handed on cut.
        keep: told about every row that the template takes.

    Cost: each trained turn tokenises all before it.
    Checked by: ``tests/stages/test_chat_rows.py``.
    """
    made = Made()
    names = [chat.tokenizer.convert_ids_to_tokens(number) for number in sorted(chat.special)]
    special = re.compile("|".join(map(re.escape, names)) or "(?!)")
    for entry in entries:
        made.rows += 1
        try:
            examples = chat.examples(entry.conversation)
        except (TemplateRefused, PromptDiffers) as error:
            code = REFUSED if isinstance(error, TemplateRefused) else DIFFERS
            made.hits.setdefault(code, []).append((entry.origin, str(error)))
            continue
        for code, reason in _wrong(examples, chat, longest):
            made.hits.setdefault(code, []).append((entry.origin, reason))
        if found := _within(entry, special):
            made.hits.setdefault(SPECIAL, []).append((entry.origin, found))
        read = [example.cut(longest) for example in examples]
        made.several += len(read) > 1
        made.tokens += sum(len(one.ids) for one in read)
        made.trained += sum(sum(one.trained) for one in read)
        keep(entry, read)
    return made


def _wrong(examples: Sequence[Example], chat: ChatTokenizer, longest: int) -> list[tuple[str, str]]:
    """Give each code that holds for a row once, with its reason."""
    found = {}
    learnt = lost = longest_row = 0
    for example in examples:
        learnt += sum(
            trained and number not in chat.special
            for number, trained in zip(example.ids, example.trained, strict=True)
        )
        lost += sum(example.trained[longest:])
        longest_row = max(longest_row, len(example.ids))
        if (ends := [one for one in chat.endings(example) if one not in chat.ends]) and NO_END not in found:
            found[NO_END] = f"the answer ends in {chat.tokenizer.convert_ids_to_tokens(ends[0])!r}"
        if chat.begin is not None and example.ids[:2] == (chat.begin, chat.begin):
            found[DOUBLED] = f"two of {chat.tokenizer.convert_ids_to_tokens(chat.begin)!r}"
    if not learnt:
        found[NOTHING] = f"{longest_row:,} tokens, none of an answer"
        found.pop(NO_END, None)
    total = sum(sum(example.trained) for example in examples)
    if lost:
        what = "all" if lost == total else f"{lost:,} of {total:,}"
        found[CUT] = f"{longest_row:,} tokens, {longest:,} are read: {what} of the trained ones are lost"
    return list(found.items())


def _within(entry: Entry, special: re.Pattern[str]) -> str | None:
    for number, message in enumerate(entry.conversation.messages, start=1):
        found = special.search(message.content)
        if found and message.role != DOCUMENT:
            return f"{found[0]!r} in message {number}"
    return None


def _finding(code: str, hits: Sequence[tuple[str, str]], rows: int) -> Finding:
    what, fix = WORDS[code]
    gone = [reason for _, reason in hits if code != CUT or ": all of" in reason]
    listed = shown((f"{origin} ({reason})" for origin, reason in hits), most=3)
    return Finding(
        severity=ERROR if code in FATAL and len(gone) == rows else WARNING,
        code=code,
        sentence=f"{len(hits):,} of {rows:,} rows {what}: {listed}",
        fix=fix,
        items=tuple(origin for origin, _ in hits[:MOST_ITEMS]),
    )
