"""Entity-level F1, precision and recall, over all types and of each. Shapes: N texts.

An entity is right where words and type are; texts are summed before anything is divided (``micro``), as
``conlleval`` does it. What begins illegally is read as an entity all the same: see ``core/tags.py``.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crosstune.core.tags import Entity, entities
from crosstune.tasks import sums
from crosstune.tasks.base import MetricSpec

Floats = NDArray[np.float64]
Read = Callable[[str], frozenset[Entity]]
"""From tags as the task encodes them to the entities that they mean."""

MOST_TYPES = 30
"""Types that get figures of their own; with more, only those over all types are given."""


def tag_metrics(kinds: Sequence[str], read: Read) -> Mapping[str, MetricSpec]:
    """Give ``f1`` first, then ``precision`` and ``recall``, then the F1 of each type as ``f1/TYPE``.

    Where nothing is found and nothing is there the figure is 0, as in seqeval: a type that does not occur
    earns no praise.

    Args:
        kinds: the types of entities.
        read: see :data:`Read`.

    Checked by: ``tests/tasks/test_tag_metrics.py``, against sets of entities counted one by one.
    """
    found = {
        "f1": _spec("f1", read, None, _f1),
        "precision": _spec("precision", read, None, _precision),
        "recall": _spec("recall", read, None, _recall),
    }
    if 1 < len(kinds) <= MOST_TYPES:
        found |= {f"f1/{kind}": _spec(f"f1/{kind}", read, kind, _f1) for kind in kinds}
    return found


def reader(tags: Sequence[str], first: int) -> Read:
    """Read texts with one letter for each word, of which ``first`` stands for the first tag."""

    @lru_cache(maxsize=1 << 17)
    def read(letters: str) -> frozenset[Entity]:
        return frozenset(entities([tags[ord(one) - first] for one in letters]))

    return read


def counts(answers: NDArray[Any], truth: NDArray[Any], read: Read, kind: str | None = None) -> Floats:
    """Count by text the entities that are right, found and there, ``(N, 3)``; of one type, or of all."""
    rows = []
    for ours, theirs in zip(answers.tolist(), truth.tolist(), strict=True):
        found, there = read(ours), read(theirs)
        if kind is not None:
            found, there = ({one for one in some if one.kind == kind} for some in (found, there))  # type: ignore[assignment]
        rows.append((len(found & there), len(found), len(there)))
    return np.array(rows, np.float64).reshape(-1, 3)


def _spec(name: str, read: Read, kind: str | None, figure: Callable[[Floats], Floats]) -> MetricSpec:
    return MetricSpec(
        name=name, higher_is_better=True, prepare=partial(_prepared, read, kind),
        reduce=partial(_reduced, figure), parts=_as_parts, from_sums=figure,
    )  # fmt: skip


def _prepared(
    read: Read, kind: str | None, outputs: NDArray[Any], targets: NDArray[Any]
) -> tuple[NDArray[Any], ...]:
    return (counts(outputs, targets, read, kind),)


def _as_parts(table: Floats) -> Floats:
    return table


def _reduced(figure: Callable[[Floats], Floats], table: Floats) -> float:
    return float(figure(table.sum(axis=0, keepdims=True))[0])


def _f1(totals: Floats) -> Floats:
    """Twice the right ones over those found and those there; ``(R, 3)`` to ``(R,)``."""
    return sums.ratio(np.stack([2.0 * totals[:, 0], totals[:, 1] + totals[:, 2]], axis=1))


def _precision(totals: Floats) -> Floats:
    return sums.ratio(totals[:, [0, 1]])


def _recall(totals: Floats) -> Floats:
    return sums.ratio(totals[:, [0, 2]])
