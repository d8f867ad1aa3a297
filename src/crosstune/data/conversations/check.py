"""What is wrong with a set of conversations, before any model is asked."""

from collections.abc import Iterator, Mapping
from itertools import combinations

from crosstune.core.errors import shown
from crosstune.data.conversations.read import Conversations, Entry
from crosstune.data.gate.finding import ERROR, MOST_ITEMS, NOTE, WARNING, Finding
from crosstune.data.gate.policy import bad_findings, bad_share_findings


def conversation_findings(data: Conversations, *, max_bad: float | None = None) -> list[Finding]:
    """List malformed rows by kind, splits without a good row, and conversations that are there twice.

    Equal are conversations with the same roles and, but for case and white space, the same words.

    Args:
        data: as read.
        max_bad: the share of rows that may be set aside; ``None``: see ``gate/policy.py``.

    Raises:
        BadValue: ``max_bad`` is no share.

    Cost: one pass; a key of each conversation in memory.
    Checked by: ``tests/data/conversations/test_check.py``.
    """
    findings = bad_findings(data.bad) + bad_share_findings(data.bad, data.rows, max_bad)
    findings += [_empty(split) for split, entries in data.splits.items() if not entries]
    first = {split: _first(entries) for split, entries in data.splits.items()}
    for one, other in combinations(data.splits, 2):
        pairs = [
            (first[one][key], entry.origin) for key, entry in _keyed(data.splits[other]) if key in first[one]
        ]
        findings += _across(one, other, pairs)
    findings += _within(data, first)
    return findings


def _keyed(entries: tuple[Entry, ...]) -> Iterator[tuple[str, Entry]]:
    return ((entry.conversation.key, entry) for entry in entries)


def _first(entries: tuple[Entry, ...]) -> dict[str, str]:
    """Give the origin of the first row of each content."""
    found: dict[str, str] = {}
    for key, entry in _keyed(entries):
        found.setdefault(key, entry.origin)
    return found


def _items(pairs: list[tuple[str, str]]) -> tuple[str, ...]:
    return tuple(f"{left} = {right}" for left, right in pairs[:MOST_ITEMS])


def _across(one: str, other: str, pairs: list[tuple[str, str]]) -> list[Finding]:
    if not pairs:
        return []
    items = _items(pairs)
    return [
        Finding(
            severity=WARNING,
            code="duplicates-across-splits",
            sentence=f"{len(pairs):,} rows of {other} have exactly the content of a row of {one}, such as "
            f"{shown(items[:3])}",
            fix=f"remove them from {one} or {other}: figures on {other} are too good as they are",
            items=items,
        )
    ]


def _within(data: Conversations, first: Mapping[str, Mapping[str, str]]) -> list[Finding]:
    pairs = {
        split: [
            (first[split][key], entry.origin)
            for key, entry in _keyed(entries)
            if first[split][key] != entry.origin
        ]
        for split, entries in data.splits.items()
    }
    counts = [f"{len(found):,} in {split}" for split, found in pairs.items() if found]
    if not counts:
        return []
    return [
        Finding(
            severity=NOTE,
            code="duplicates",
            sentence=f"rows that repeat the exact content of an earlier row: {shown(counts)}",
            fix="remove them if they are a mistake: each is learnt as often as it is there",
            items=_items([pair for found in pairs.values() for pair in found]),
        )
    ]


def _empty(split: str) -> Finding:
    return Finding(
        severity=ERROR if split in {"train", "all"} else WARNING,
        code="empty-split",
        sentence=f"no row of {split} can be used",
        fix="correct the rows that are set aside",
    )
