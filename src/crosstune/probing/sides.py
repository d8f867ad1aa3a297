"""Two sets of rows side by side: what is dealt, drawn or exchanged, always whole groups.

A group (a patient, a film, an author) is one thing that was seen several times. Rows that belong to none are
groups of one. Shapes: N rows of both sets, G groups, B draws.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from crosstune.core.errors import BadValue
from crosstune.core.seeding import generator


@dataclass(frozen=True)
class Sides:
    """Which of N rows belong to the second set, and to which group."""

    second: NDArray[np.bool_]
    """``(N,)``: true for rows of the second set."""
    groups: NDArray[np.intp]
    """``(N,)``: numbers of the groups, from 0 without a gap. A group may have rows in both sets."""

    @classmethod
    def of(cls, first: int, second: int, *ties: Sequence[object]) -> "Sides":
        """Put ``first`` rows of one set before ``second`` rows of the other.

        Args:
            first: rows of the first set.
            second: rows of the second set.
            ties: each gives a value for all N rows (a patient, a hash of the content); rows that share one
                are one group, and so are all that are tied through others. ``None`` ties a row to nothing.

        Raises:
            ValueError: a set is empty, or there are not N values.
        """
        count = first + second
        if not (first and second) or any(len(tie) != count for tie in ties):
            raise ValueError(f"{first} and {second} rows, and as many ties; neither set may be empty")
        return cls(np.arange(count) >= first, _tied(count, ties))

    def part(self, rows: NDArray[np.intp]) -> "Sides":
        """Keep some rows, in their order."""
        groups = np.unique(self.groups[rows], return_inverse=True)[1]
        return Sides(self.second[rows], groups.astype(np.intp))

    @property
    def rows(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Row numbers of the first and of the second set."""
        return np.flatnonzero(~self.second), np.flatnonzero(self.second)

    @cached_property
    def counts(self) -> NDArray[np.intp]:
        """Rows of each group in each set, ``(G, 2)``."""
        found = np.zeros((int(self.groups.max()) + 1, 2), np.intp)
        np.add.at(found, (self.groups, self.second.astype(np.intp)), 1)
        return found

    @property
    def grouped(self) -> bool:
        """Whether any group has more than one row."""
        return bool(self.counts.sum(axis=1).max() > 1)

    def folds(self, count: int, *, seed: int) -> NDArray[np.intp]:
        """Deal the rows to folds, group by group, so that both sets lie in all folds in proportion.

        Args:
            count: folds, at most; fewer where a set has fewer groups.
            seed: of the order in which groups are dealt.

        Returns:
            ``(N,)`` numbers of folds.

        Raises:
            BadValue: one group holds a whole set, so that no rule can be learnt without it.
        """
        least = int((self.counts > 0).sum(axis=0).min())
        if least < 2:
            raise BadValue(
                "one group holds all rows of a set, so no rule can be learnt without that group",
                found=f"{least} group in one of the two sets",
                expected="at least two groups in each set",
                fix="name another column with --group, or none",
            )
        count, sizes = min(count, least), self.counts.sum(axis=1)
        order = generator(seed, "domain folds").permutation(len(sizes))
        order = order[np.argsort(-sizes[order], kind="stable")]
        share = self.counts / self.counts.sum(axis=0)
        load, dealt = np.zeros((count, 2)), np.zeros(len(sizes), np.intp)
        for group in order:
            # the fold whose load grows least in squares: the emptiest one for what the group holds
            dealt[group] = np.argmin((load * share[group]).sum(axis=1))
            load[dealt[group]] += share[group]
        return dealt[self.groups]

    def drawn(self, count: int, *, seed: int) -> NDArray[np.float64]:
        """Draw groups with replacement, as often as there are, ``count`` times.

        Groups of the first set, of the second, and those in both are drawn among themselves, so that no
        draw loses a set.

        Returns:
            ``(B, N)``: how often each row was drawn.
        """
        draw, kinds = generator(seed, "domain bootstrap"), self._kinds
        times = np.zeros((count, len(kinds)))
        for kind in np.unique(kinds):
            inside = np.flatnonzero(kinds == kind)
            times[:, inside] = draw.multinomial(len(inside), np.full(len(inside), 1 / len(inside)), count)
        return times[:, self.groups]

    def exchanged(self, count: int, *, seed: int) -> NDArray[np.bool_]:
        """Deal the two names anew, as if they meant nothing, ``count`` times.

        Groups that lie in one set exchange their names as a whole; within a group that lies in both, rows do.

        Returns:
            ``(B, N)``: as ``second``.
        """
        draw, kinds = generator(seed, "domain permutations"), self._kinds
        found = np.repeat(self.second[None], count, axis=0)
        single = np.flatnonzero(kinds < 2)
        place = np.searchsorted(single, self.groups)
        alone = kinds[self.groups] < 2
        mixed = [np.flatnonzero(self.groups == group) for group in np.flatnonzero(kinds == 2)]
        for row in found:
            names = draw.permutation(kinds[single] == 1)
            row[alone] = names[place[alone]]
            for rows in mixed:
                row[rows] = draw.permutation(self.second[rows])
        return found

    def halves(self, *, seed: int, turn: int) -> tuple[tuple[NDArray[np.intp], ...], ...]:
        """Divide each set in two by whole groups, and cut all four parts to the size of the smallest.

        Returns:
            Row numbers of two halves of the first set, and of two of the second.

        Raises:
            ValueError: a set has fewer than two groups.
        """
        draw, parts = generator(seed, "domain halves", turn), []
        for rows in self.rows:
            names = draw.permutation(np.unique(self.groups[rows]))
            if len(names) < 2:
                raise ValueError("a set of one group has no halves")
            place = np.empty(len(self.counts), np.intp)
            place[names] = np.arange(len(names))
            ordered = draw.permutation(rows)
            ordered = ordered[np.argsort(place[self.groups[ordered]], kind="stable")]
            sizes = np.cumsum(np.bincount(place[self.groups[ordered]], minlength=len(names)))
            cut = int(sizes[np.argmin(np.abs(sizes[:-1] - len(rows) / 2))])
            parts.append((ordered[:cut], ordered[cut:]))
        least = min(len(half) for pair in parts for half in pair)
        return tuple(tuple(np.sort(draw.permutation(half)[:least]) for half in pair) for pair in parts)

    @property
    def _kinds(self) -> NDArray[np.intp]:
        """Tell of each group whether it lies in the first set (0), the second (1) or both (2)."""
        inside = self.counts > 0
        return np.where(inside.all(axis=1), 2, inside[:, 1]).astype(np.intp)


def _tied(count: int, ties: Sequence[Sequence[object]]) -> NDArray[np.intp]:
    """Number the groups, in the order of their first rows."""
    rows, things = list[int](), list[int]()
    for kind, tie in enumerate(ties):
        known: dict[object, int] = {}
        for row, value in enumerate(tie):
            if value is not None:
                rows.append(row)
                things.append(count * (kind + 1) + known.setdefault(value, len(known)))
    size = count * (len(ties) + 1)
    graph = coo_array((np.ones(len(rows), np.int8), (rows, things)), shape=(size, size))
    parts = connected_components(graph, directed=False)[1][:count]
    _, first, place = np.unique(parts, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[place].astype(np.intp)
