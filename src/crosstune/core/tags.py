"""Tags of words, the entities that they mean, and the three schemes in which people write them.

A tag is ``O`` or a prefix and a type, ``B-PER``. ``IOB2`` begins every entity with ``B``; ``IOB1`` only one
right behind another of its type; ``BIOES`` ends entities with ``E`` and has ``S`` for one word. ``BILOU`` is
``BIOES`` with other letters, and a type alone (``PER``) is read as ``I-PER``.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

OUTSIDE = "O"
IOB1, IOB2, BIOES = "IOB1", "IOB2", "BIOES"
SCHEMES = (IOB2, IOB1, BIOES)
"""The inner form first: of schemes that fit equally well it is taken."""

_PREFIXES = {"B": "B", "I": "I", "E": "E", "S": "S", "L": "E", "U": "S"}
_ENDS, _OPENS = ("E", "S"), ("B", "I")


class Entity(NamedTuple):
    """Some words in a row, from ``start`` to before ``end``, and their type."""

    start: int
    end: int
    kind: str


def parts(tag: str) -> tuple[str, str]:
    """Return prefix and type of a tag: ``("B", "PER")``; of ``O``, ``("O", "")``."""
    if tag == OUTSIDE:
        return OUTSIDE, ""
    head, hyphen, kind = tag.partition("-")
    if hyphen and head in _PREFIXES and kind:
        return _PREFIXES[head], kind
    return "I", tag


def entities(tags: Sequence[str]) -> list[Entity]:
    """Read the entities of one text, whatever the scheme.

    An entity that does not begin as it should begins all the same, as ``conlleval`` and seqeval's default
    read it: the schemes need not be told apart for this.

    Checked by: ``tests/core/test_tags.py``: what is written in any scheme is read back.
    """
    found: list[Entity] = []
    start, before, kind_before = 0, OUTSIDE, ""
    for place, tag in enumerate((*tags, OUTSIDE)):
        prefix, kind = parts(tag)
        goes_on = prefix in ("I", "E") and before in _OPENS and kind == kind_before
        if before != OUTSIDE and not goes_on:
            found.append(Entity(start, place, kind_before))
        if not goes_on:
            start = place
        before, kind_before = prefix, kind
    return found


def written(found: Iterable[Entity], words: int, scheme: str = IOB2) -> list[str]:
    """Write entities as the tags of so many words; raises ``ValueError`` where they overlap."""
    tags = [OUTSIDE] * words
    behind = Entity(-1, 0, "")
    for entity in sorted(found):
        start, end, kind = entity
        if not behind.end <= start < end <= words:
            raise ValueError(f"{entity} does not fit behind {behind} into {words} words")
        touches = behind.end == start and behind.kind == kind
        tags[start:end] = [f"I-{kind}"] * (end - start)
        if scheme == IOB2 or (scheme == IOB1 and touches):
            tags[start] = f"B-{kind}"
        if scheme == BIOES:
            tags[start], tags[end - 1] = f"B-{kind}", f"E-{kind}"
            if end - start == 1:
                tags[start] = f"S-{kind}"
        behind = entity
    return tags


def illegal(tags: Sequence[str], scheme: str) -> list[int]:
    """Return the places at which a tag may not follow the one before it; the end of the text is a place."""
    found, before, kind_before = [], OUTSIDE, ""
    for place, tag in enumerate((*tags, OUTSIDE)):
        prefix, kind = parts(tag)
        behind_own = before != OUTSIDE and kind == kind_before
        if scheme == IOB2:
            wrong = prefix == "I" and not behind_own
        elif scheme == IOB1:
            wrong = prefix == "B" and not behind_own
        else:
            goes_on = prefix in ("I", "E") and behind_own
            wrong = (before in _OPENS) != goes_on or (prefix in ("I", "E") and before not in _OPENS)
        if wrong or (scheme != BIOES and prefix in _ENDS):
            found.append(place)
        before, kind_before = prefix, kind
    return found


def scheme_of(rows: Iterable[Sequence[str]]) -> str:
    """Tell the scheme of many texts: the one with the fewest illegal transitions.

    ``E`` and ``S`` make it ``BIOES``; without, ``IOB2`` is taken where the others fit no better.
    """
    texts = [[*row] for row in {tuple(row) for row in rows}]
    if any(parts(tag)[0] in _ENDS for row in texts for tag in row):
        return BIOES
    wrong = {scheme: sum(len(illegal(row, scheme)) for row in texts) for scheme in (IOB2, IOB1)}
    return min(wrong, key=wrong.__getitem__)


def kinds_of(rows: Iterable[Sequence[str]]) -> tuple[str, ...]:
    """List the types of entities in the order of the alphabet."""
    return tuple(sorted({parts(tag)[1] for row in rows for tag in row} - {""}))
