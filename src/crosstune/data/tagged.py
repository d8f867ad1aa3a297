"""Texts with tagged words, from lists of words and tags or from texts and spans: one form for both.

The input becomes a text whose words are kept apart (``core/words.py``), the target one tag for each word.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pyarrow as pa
from datasets import Dataset

from crosstune.core.tags import Entity, written
from crosstune.core.words import joined, marked, places, unmarked
from crosstune.data.columns import TARGETS, column_names, leading
from crosstune.data.problems import described
from crosstune.data.readers.base import RawData
from crosstune.data.store import PROBLEM, values, with_column
from crosstune.data.targets import is_list

DIFFER, BAD_WORD = "tags-and-words-differ", "bad-word"
BAD_SPAN, OUTSIDE_TEXT = "bad-span", "span-outside-text"
OFF_EDGES, OVERLAPPING = "span-off-edges", "overlapping-spans"
"""Codes of rows that are set aside, and of their pages."""

WORDS = ("tokens", "words")
"""Columns that hold lists of words, where the user names none."""
TAGS = ("tags", "ner_tags", "labels", "label")
TEXTS = ("text", "sentence", "content")
SPANS = ("spans", "entities", "labels", "label")

Cell = tuple[str | None, list[str] | None, str | None]
"""Text, tags, and ``code|reason`` where the row cannot be used."""


def as_tagged(raw: RawData, *, target: str | None, inputs: Sequence[str], need: bool) -> RawData:
    """Bring tables with tagged words to one form; any other table stays as it is.

    Args:
        raw: as the reader found it.
        target: the column of tags or spans, where the user names one.
        inputs: the column of words or texts, where the user names it.
        need: whether labels are looked for; without, lists of words are enough.

    Cost: one pass over the rows.
    Checked by: ``tests/data/test_tagged.py``.
    """
    found = _columns(leading(raw), target, inputs, need=need)
    if found is None:
        return raw
    source, goal, convert = found
    splits = {name: _converted(one, source, goal, convert) for name, one in raw.splits.items()}
    return replace(raw, splits=splits, inputs=(source,), target=goal, tagged=True)


Convert = Callable[[Any, Any], Cell]


def _columns(
    dataset: Dataset, target: str | None, inputs: Sequence[str], *, need: bool
) -> tuple[str, str | None, Convert] | None:
    """Find the column of words or texts, that of tags or spans, and how the two are read."""
    if len(inputs) > 1:
        return None
    columns = column_names(dataset)
    kinds: Mapping[str, pa.DataType] = {name: dataset.data.schema.field(name).type for name in columns}
    lists = [name for name in columns if _is_texts(kinds[name])]
    words = _first(lists, inputs or WORDS)
    if words is not None:
        tags = [name for name in columns if is_list(kinds[name]) and not _are_spans(kinds[name])]
        goal = _first([one for one in tags if one != words], (target,) if target else TAGS)
        usable = goal is not None or not need
        return (words, goal, from_words) if usable else None
    texts = [name for name in columns if _is_text(kinds[name])]
    text = _first(texts, inputs or TEXTS)
    goal = _first([one for one in columns if _are_spans(kinds[one])], (target,) if target else SPANS)
    plain = target is None and any(name.lower() in TARGETS and name != goal for name in columns)
    return (text, goal, from_spans) if text and goal and not plain else None


def _first(columns: Sequence[str], wanted: Sequence[str | None]) -> str | None:
    lowered = {name.lower(): name for name in columns}
    return next((lowered[name.lower()] for name in wanted if name and name.lower() in lowered), None)


def _is_texts(kind: pa.DataType) -> bool:
    return is_list(kind) and _is_text(kind.value_type)


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _are_spans(kind: pa.DataType) -> bool:
    if not is_list(kind) or not pa.types.is_struct(kind.value_type):
        return False
    return {"start", "end", "label"} <= {field.name for field in kind.value_type}


def _converted(dataset: Dataset, source: str, goal: str | None, convert: Convert) -> Dataset:
    """Replace both columns; what a reader said about a row comes first."""
    given = values(dataset, source) if source in dataset.column_names else [None] * len(dataset)
    own = goal if goal in dataset.column_names else None
    labels = values(dataset, own) if own is not None else [None] * len(dataset)
    known = values(dataset, PROBLEM) if PROBLEM in dataset.column_names else [None] * len(dataset)
    cells = [convert(*pair) for pair in zip(given, labels, strict=True)]
    dataset = with_column(dataset, source, pa.array([text for text, _, _ in cells], pa.string()))
    if own is not None and convert is from_spans:
        dataset = with_column(dataset, own, pa.array([tags for _, tags, _ in cells], pa.list_(pa.string())))
    problems = [old or new for old, (_, _, new) in zip(known, cells, strict=True)]
    return with_column(dataset, PROBLEM, pa.array(problems, pa.string())) if any(problems) else dataset


def from_words(words: list[str | None] | None, tags: list[Any] | None) -> Cell:
    """Read a list of words and its tags, which stay as they are."""
    if not words:
        return None, None, None
    for place, word in enumerate(words):
        if word is None or word.split() != [word]:
            what = "is empty" if not (word or "").strip() else f"holds white space: {word!r}"
            return " ".join(one or "" for one in words), None, described(BAD_WORD, f"word {place} {what}")
    if tags is not None and len(tags) != len(words):
        return joined(words), None, described(DIFFER, f"{len(words)} words and {len(tags)} tags")  # type: ignore[arg-type]
    return joined(words), None, None  # type: ignore[arg-type]


def from_spans(text: str | None, spans: list[Any] | None) -> Cell:
    """Read a text and its spans; no spans at all are a text without entities."""
    if not text or not text.strip():
        return text, None, None
    form = marked(text)
    try:
        return form, tags_of(form, spans or []), None
    except _Problem as problem:
        return form, None, described(*problem.args)


class _Problem(Exception):
    """Code and reason."""


def tags_of(text: str, spans: Sequence[Any]) -> list[str]:
    """Give the ``IOB2`` tags of spans over a text whose words are marked.

    Raises ``_Problem`` with the first that is wrong.
    """
    own = places(text)
    starts, ends = ({place[side]: word for word, place in enumerate(own)} for side in (0, 1))
    plain, found = unmarked(text), list[Entity]()
    for span in spans:
        start, end, label = _fields(span)
        said = f"{label} from {start} to {end}"
        if not 0 <= start < end <= len(plain):
            raise _Problem(OUTSIDE_TEXT, f"{said} in a text of {len(plain)} characters")
        if start not in starts or end not in ends:
            raise _Problem(OFF_EDGES, f"{said} is {plain[start:end]!r}, which cuts a word")
        found.append(Entity(starts[start], ends[end] + 1, label))
    found.sort()
    for one, other in pairwise(found):
        if other.start < one.end:
            word = text.split()[other.start]
            raise _Problem(OVERLAPPING, f"{one.kind} and {other.kind} share the word {word!r}")
    return written(found, len(own))


def _fields(span: Any) -> tuple[int, int, str]:  # noqa: ANN401 - as the file has it
    given = span if isinstance(span, dict) else {}
    start, end, label = (given.get(name) for name in ("start", "end", "label"))
    if not (isinstance(start, int) and isinstance(end, int) and isinstance(label, str) and label.strip()):
        raise _Problem(BAD_SPAN, f"start {start}, end {end}, label {label!r}")
    if label != label.strip() or label == "O":
        raise _Problem(BAD_SPAN, f"the label {label!r}")
    return start, end, label
