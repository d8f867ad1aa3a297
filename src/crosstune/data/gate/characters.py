"""Characters of transcripts that a recogniser hardly learns, or never: rare ones, and those training lacks.

Nothing is removed because of them: what is not recognised is an error in the figure, as it should be.
"""

import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crosstune.core.errors import shown
from crosstune.data.gate.finding import MOST_ITEMS, NOTE, WARNING, Finding
from crosstune.data.gate.inputs import Origins

FEWEST = 5
"""Training utterances below which a character is rare. ASSUMED: a head sees it less than five times an epoch,
and a test split of a tenth would hold half an utterance with it, so that nobody would notice."""

RARE, UNSEEN = "rare-characters", "unseen-characters"
KEPT = "LMN"
"""First letters of the Unicode categories that every way of writing transcripts keeps."""

Holder = tuple[str, str, Collection[str]]
"""Split and name of a row, and which characters of its transcript are meant."""


def characters(text: object) -> set[str]:
    """Give the letters, marks and digits of a transcript; small and capital letters are one.

    Punctuation is left out: what becomes of it depends on the setting ``transcripts``.
    """
    found = set(unicodedata.normalize("NFKC", str(text)).casefold())
    return {one for one in found if unicodedata.category(one)[0] in KEPT}


def character_findings(
    transcripts: Mapping[str, Sequence[Any]], usable: NDArray[np.bool_], origins: Origins, *, training: str
) -> list[Finding]:
    """Name the rare characters of training, and those of other splits that training lacks.

    Args:
        transcripts: by split.
        usable: ``(N,)``, through all splits: rows that count.
        origins: names rows that are numbered through all splits.
        training: the split that is learnt from.

    Cost: linear, a microsecond for each character.
    Checked by: ``tests/data/gate/test_characters.py``.
    """
    counts, others = Counter[str](), set[str]()
    for split, _, text in _good(transcripts, usable):
        if split == training:
            counts.update(characters(text))
        else:
            others |= characters(text)
    meant = {RARE: {one for one, count in counts.items() if count < FEWEST}, UNSEEN: others - counts.keys()}
    if not any(meant.values()):
        return []
    odd: dict[str, list[tuple[int, str, set[str]]]] = {RARE: [], UNSEEN: []}
    for split, row, text in _good(transcripts, usable):  # again, so that no set is kept for each row
        code = RARE if split == training else UNSEEN
        if found := characters(text) & meant[code]:
            odd[code].append((row, split, found))
    named = {code: _named(found, origins) for code, found in odd.items()}
    return [*_rare(named[RARE], len(counts), counts), *unseen_characters(named[UNSEEN])]


def _good(
    transcripts: Mapping[str, Sequence[Any]], usable: NDArray[np.bool_]
) -> Iterator[tuple[str, int, object]]:
    """Give split, number and transcript of each row that counts."""
    rows = ((split, text) for split, texts in transcripts.items() for text in texts)
    for row, (split, text) in enumerate(rows):
        if usable[row]:
            yield split, row, text


def unseen_characters(holders: Iterable[Holder], *, known: bool = False) -> list[Finding]:
    """Warn of transcripts to evaluate on that need characters which no training transcript has.

    Args:
        holders: the rows, in order.
        known: whether it is certain that the model that is tuned cannot write them either.
    """
    rows = list(holders)
    if not rows:
        return []
    splits = Counter(split for split, _, _ in rows)
    which = sorted({one for _, _, found in rows for one in found})
    where = " and ".join(f"{count:,} transcripts of {split}" for split, count in splits.items())
    unless = "a model that does not write them already cannot learn to"
    never = "they cannot be recognised" if known else unless
    return [
        Finding(
            severity=WARNING,
            code=UNSEEN,
            sentence=f"{where} have characters that no training transcript has ({_quoted(which)}): {never}, "
            f"and each counts as an error; {shown(_items(rows), most=3)}",
            fix="spell such words as they are spoken, or add training utterances with these characters",
            items=_items(rows),
        )
    ]


def _rare(rows: Sequence[Holder], every: int, counts: Mapping[str, int]) -> list[Finding]:
    if not rows:
        return []
    which = sorted({one for _, _, found in rows for one in found}, key=lambda one: (counts[one], one))
    return [
        Finding(
            severity=NOTE,
            code=RARE,
            sentence=f"{len(which):,} of the {every:,} characters of the training transcripts are in fewer "
            f"than {FEWEST} utterances ({_quoted(which)}): a model that does not write them already hardly "
            f"learns to; "
            f"{shown(_items(rows), most=3)}",
            fix="look whether they are slips (a letter of another script, a digit that is spoken as a word); "
            "correct those, or add utterances",
            items=_items(rows),
        )
    ]


def _named(rows: Sequence[tuple[int, str, set[str]]], origins: Origins) -> list[Holder]:
    names = origins(np.array([row for row, _, _ in rows], np.int64)) if rows else ()
    return [(split, name, found) for (_, split, found), name in zip(rows, names, strict=True)]


def _items(rows: Sequence[Holder]) -> tuple[str, ...]:
    return tuple(f"{name} ({' '.join(sorted(found))})" for _, name, found in rows[:MOST_ITEMS])


def _quoted(which: Sequence[str]) -> str:
    return shown(f"`{one}`" for one in which)
