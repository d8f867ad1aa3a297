"""What can be wrong with the tags of words: a type that training never sees, tags that may not follow others.

What a single row shows by itself (words and tags of different number, spans off the text) is found where the
row is read: ``data/tagged.py``.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crosstune.core.errors import nearest, shown
from crosstune.core.tags import OUTSIDE, entities, illegal, kinds_of, parts, scheme_of
from crosstune.data.gate.finding import ERROR, MOST_ITEMS, NOTE, WARNING, Finding
from crosstune.data.gate.inputs import Origins, Problem
from crosstune.data.targets import is_missing

ILLEGAL, UNKNOWN, COUNTS = "illegal-tags", "unknown-tag", "entity-counts"
"""Codes, and names of pages."""

FEWEST = 10
"""Training entities below which a type is rare. ASSUMED: of a tenth for validation one would be left."""


def tag_problems(rows: Sequence[Any]) -> dict[int, Problem]:
    """Return the rows that have no tags, or a hole among them."""
    problems: dict[int, Problem] = {}
    for row, tags in enumerate(rows):
        if tags is None:
            problems[row] = ("missing-target", "there are no tags")
        elif any(is_missing(tag) or not isinstance(tag, str) for tag in tags):
            problems[row] = ("missing-target", "a word has no tag, or a number in place of a name")
    return problems


def unknown_kinds(rows: Sequence[Any], known: Sequence[str]) -> dict[int, Problem]:
    """Return the rows of an evaluation split with a type of entity outside ``known``."""
    allowed = set(known)
    problems: dict[int, Problem] = {}
    for row, tags in enumerate(rows):
        odd = next((tag for tag in tags or () if isinstance(tag, str) and _kind(tag) not in allowed), None)
        if odd is not None:
            near = nearest(_kind(odd), known)
            also = f"; is it `{near}`?" if near else ""
            problems[row] = (UNKNOWN, f"the tag `{odd}` is of a type that training does not have{also}")
    return problems


def known_kinds(rows: Sequence[Any]) -> tuple[str, ...]:
    """List the types of entities of some rows; ``""``, that of no entity, is one of them."""
    return ("", *kinds_of(tags for tags in rows if tags is not None))


def _kind(tag: str) -> str:
    return parts(tag)[1]


def tag_findings(
    targets: Mapping[str, Sequence[Any]], usable: NDArray[np.bool_], origins: Origins, *, training: str
) -> list[Finding]:
    """Judge the tags of the good rows: how many entities of each type, and which may not stand as they do.

    Args:
        targets: by split, one list of tags for each row.
        usable: ``(N,)``, through all splits: rows that count.
        origins: names rows that are numbered through all splits.
        training: the split whose scheme holds for all.

    Cost: linear in the words.
    Checked by: ``tests/data/gate/test_tags.py``.
    """
    every = [(split, tags) for split, rows in targets.items() for tags in rows]
    good = [(row, *every[row]) for row in np.flatnonzero(usable).tolist()]
    own = [tags for _, split, tags in good if split == training]
    if not own:
        return []
    scheme = scheme_of(own)
    return [*_counts(own, scheme), *_illegal(good, scheme, origins)]


def _counts(rows: Sequence[Sequence[str]], scheme: str) -> list[Finding]:
    counts = Counter(entity.kind for tags in rows for entity in entities(tags))
    if not counts:
        return [
            Finding(
                severity=ERROR,
                code="constant-target",
                sentence=f"no word of the training rows is part of an entity: every tag is `{OUTSIDE}`",
                fix="name the right column with --target, or add rows with entities",
            )
        ]
    rare = [kind for kind, count in counts.items() if count < FEWEST]
    listed = shown(f"{kind} {count:,}" for kind, count in counts.most_common())
    few = f"; hardly learnt from so few: {shown(sorted(rare))}" if rare else ""
    return [
        Finding(
            severity=WARNING if rare else NOTE,
            code=COUNTS,
            sentence=f"{counts.total():,} entities in {len(rows):,} training rows, tagged as {scheme}: "
            f"{listed}{few}",
            fix="add rows with these types, or join them with others" if rare else "nothing",
        )
    ]


def _illegal(good: Sequence[tuple[int, str, Sequence[str]]], scheme: str, origins: Origins) -> list[Finding]:
    odd = [(row, tags, places) for row, _, tags in good if (places := illegal(tags, scheme))]
    if not odd:
        return []
    names = origins(np.array([row for row, _, _ in odd[:MOST_ITEMS]], np.int64))
    words = [_transition(tags, places[0]) for _, tags, places in odd[:MOST_ITEMS]]
    items = tuple(f"{name} ({what})" for name, what in zip(names, words, strict=True))
    return [
        Finding(
            severity=WARNING,
            code=ILLEGAL,
            sentence=f"{len(odd):,} rows have tags that may not stand so in {scheme}; an entity is taken to "
            f"begin or end there: {shown(items, most=3)}",
            fix="look at these rows: usually a tag was changed by hand and its neighbour was not",
            items=items,
        )
    ]


def _transition(tags: Sequence[str], place: int) -> str:
    before = f"behind `{tags[place - 1]}`" if place else "at the beginning"
    return f"word {place}: `{tags[place]}` {before}" if place < len(tags) else f"the end {before}"
