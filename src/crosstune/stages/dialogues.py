"""Conversations in the tokens of the model that was opened, and rows that it cannot learn from."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from crosstune.core.conversation import Conversation
from crosstune.core.conversation_text import from_text
from crosstune.data.conversations.labelled import CONVERSATION, Line, table_of
from crosstune.data.conversations.read import Entry
from crosstune.data.gate.report import BadItem, Finding
from crosstune.data.items import SplitItems
from crosstune.sources.chat import Example
from crosstune.sources.model_dialogue import ModelDialogue
from crosstune.sources.writer import Writer
from crosstune.stages.chat_rows import CUT, DIFFERS, NOTHING, REFUSED, Made, make_rows
from crosstune.stages.opening import Opened
from crosstune.stages.prepare import Prepared
from crosstune.stages.run import Run
from crosstune.stages.set_aside import set_aside
from crosstune.tasks.text_generation import TextGeneration

UNASKABLE = (REFUSED, DIFFERS)
"""Rows that cannot even be asked about, so that they leave the test split as well."""
UNLEARNABLE = (*UNASKABLE, NOTHING, CUT)
SPARE = 2
"""ASSUMED: an answer may become so many times as long as the longest of training before it is broken off."""
LEAST = 16
"""ASSUMED: tokens that an answer may have in any case."""


@dataclass(frozen=True)
class _Looked:
    """What the template made of the rows of a split."""

    split: str
    made: Made
    bad: list[BadItem]
    again: list[tuple[int, Conversation]]
    """Rows that are several sequences: each as a conversation of its own."""
    longest: int
    """Most trained tokens of one sequence of the good rows."""


def with_dialogue(run: Run, prepared: Prepared, opened: Opened) -> Prepared:
    """Have conversations written by the opened model's template; every other task stays as it is.

    Rows that cannot be learnt from are set aside; those of the test split stay where they can be asked about,
    as an answer is due for them. A training row whose earlier turns are written otherwise later becomes
    several rows, so that every answer is learnt behind the prompt that it is asked with. How long answers may
    become follows from those of the training split. Cost: all conversations are tokenised once.
    """
    dialogue, model = opened.backbone.dialogue, opened.backbone.model
    if not isinstance(prepared.task, TextGeneration) or dialogue is None:
        return prepared
    assert isinstance(dialogue, ModelDialogue)  # noqa: S101 - what has one was opened with one
    assert isinstance(model, Writer)  # noqa: S101
    prepared = replace(prepared, task=TextGeneration.of(dialogue))
    looked = [_look(prepared, split, dialogue) for split in prepared.items]
    findings = [finding for one in looked for finding in _findings(one)]
    again = {one.split: one.again for one in looked}
    bad = [item for one in looked for item in one.bad]
    prepared = set_aside(run, _several(prepared, again["train"]), bad, findings)
    most = max((one.longest for one in looked if one.split == "train"), default=LEAST)
    model.write_at_most(min(max(LEAST, SPARE * most), dialogue.longest))
    template = "its own chat template" if dialogue.chat.own else "a plain template"
    run.reporter.say(
        f"conversations are written by {template}, up to {dialogue.longest:,} tokens; the longest answer of "
        f"training has {most:,}"
    )
    return prepared


def _look(prepared: Prepared, split: str, dialogue: ModelDialogue) -> _Looked:
    """Tokenise all rows of a split, and note those that cannot be used."""
    items = prepared.items[split]
    origins = items.origins()
    entries = [
        Entry(row, origin, from_text(text))
        for row, (origin, text) in enumerate(zip(origins, prepared.encoded[split].tolist(), strict=True))
    ]
    again: list[tuple[int, Conversation]] = []
    lengths: dict[int, int] = {}

    def keep(entry: Entry, examples: Sequence[Example]) -> None:
        lengths[entry.row] = max(sum(one.trained) for one in examples)
        if len(examples) > 1:
            again.extend((entry.row, one) for one in apart(entry.conversation, dialogue))

    made = make_rows(entries, dialogue.chat, dialogue.longest, keep)
    codes = UNLEARNABLE if split in ("train", "validation") else UNASKABLE
    rows = {origin: row for row, origin in enumerate(origins)}
    found = {
        rows[origin]: BadItem(split=split, index=rows[origin], origin=origin, code=code, reason=reason)
        for code in reversed(codes)
        for origin, reason in made.hits.get(code, [])
    }
    bad = [found[row] for row in sorted(found)]
    longest = max((count for row, count in lengths.items() if row not in found), default=0)
    return _Looked(split, made, bad, [one for one in again if one[0] not in found], longest)


def _findings(looked: _Looked) -> list[Finding]:
    """Give what ``--show-mask`` says of the rows, with the split."""
    return [replace(one, sentence=f"{looked.split}: {one.sentence}") for one in looked.made.findings()]


def apart(conversation: Conversation, dialogue: ModelDialogue) -> list[Conversation]:
    """Cut a conversation of several sequences into one for each, in which only its own turns are trained.

    Checked by: ``tests/stages/test_dialogues.py``: the sequences are those of the whole.
    """
    places = [place for place, one in enumerate(conversation.messages) if one.trained]
    groups: list[list[int]] = []
    for place in places:
        with_it = _only(conversation, [*(groups[-1] if groups else []), place])
        if groups and len(dialogue.examples(with_it)) == 1:
            groups[-1].append(place)
        else:
            groups.append([place])
    return [_only(conversation, group) for group in groups]


def _only(conversation: Conversation, places: Sequence[int]) -> Conversation:
    """Keep the messages up to the last of ``places``, and train these alone."""
    return Conversation(tuple(
        replace(one, trained=place in places)
        for place, one in enumerate(conversation.messages[: places[-1] + 1])
    ))  # fmt: skip


def _several(prepared: Prepared, again: Sequence[tuple[int, Conversation]]) -> Prepared:
    """Make a row of each sequence: the last in the place of the whole, the others behind all rows."""
    if not again:
        return prepared
    items, texts = prepared.items["train"], prepared.items["train"].targets()
    conversations = [from_text(str(text)) for text in texts]
    origins, more = items.origins(), []
    for place, (row, one) in enumerate(again):
        last = place + 1 == len(again) or again[place + 1][0] != row
        if last:
            conversations[row] = one
        else:
            more.append((f"{origins[row]}, turn {len(one.messages)}", one))
    lines: list[Line] = [
        *((origin, one, None) for origin, one in zip(origins, conversations, strict=True)),
        *((origin, one, None) for origin, one in more),
    ]
    items = SplitItems(
        dataset=table_of(lines), inputs=items.inputs, target=CONVERSATION, modality=items.modality
    )
    encoded = {**prepared.encoded, "train": prepared.task.encode(items.targets())}
    facts = replace(prepared.facts, train_rows=len(items))
    return replace(prepared, items={**prepared.items, "train": items}, encoded=encoded, facts=facts)
